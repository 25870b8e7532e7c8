package ruleset

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// Delta is what makes a set of the kernel's another one in place.
type Delta struct {
	Set            *Set // as it is to be
	Removed, Added Elements

	began, begins bool // at the lowest key: was, and is to
}

// deltaShare is the part of a set's elements above which a delta is not small
// any more, and a new set beside the old one is as good.
const deltaShare = 8

// newDelta compares two sets of one kind. It is not ok where the delta is not
// small, or where an element that comes overlaps one that goes.
//
// For in the kernel's tree of ranges (nft_set_rbtree.c) those that a batch adds
// lie beside those that it removes until it is committed, and some kernels (6.1
// is one) look at nothing but the nearest start or end of a range: where that
// one is not in force, the key counts as not found, though it is in the old
// range and in the new one. Measured on 6.1, with a batch that took long after
// such a change: denied sources got in, and allowed ones did not.
func newDelta(was, is *Set) (d Delta, ok bool) {
	d = Delta{Set: is, Removed: NewElements(is.Key, is.Interval), Added: NewElements(is.Key, is.Interval),
		began: was.beginsLowest(), begins: is.beginsLowest()}
	most := max(was.Elements.Len(), is.Elements.Len()) / deltaShare
	var lastRemoved, lastAdded []byte
	for side, i := range differences(was, is) {
		if d.Removed.Len()+d.Added.Len() == most {
			return d, false
		}
		s, list, last, other := is, &d.Added, &lastAdded, lastRemoved
		if side < 0 {
			s, list, last, other = was, &d.Removed, &lastRemoved, lastAdded
		}
		from, to, _ := s.Elements.At(i)
		if other != nil && bytes.Compare(from, other) <= 0 {
			return d, false
		}
		list.Append(from, to)
		*last = bytes.Clone(to)
	}
	return d, true
}

// differences gives, in order, the elements i of was that is has not (side -1),
// and those of is that was has not (side 1).
func differences(was, is *Set) func(yield func(side, i int) bool) {
	return func(yield func(side, i int) bool) {
		for i, j := 0, 0; i < was.Elements.Len() || j < is.Elements.Len(); {
			if n := alike(was, is, i, j); n > 0 {
				i, j = i+n, j+n
				continue
			}
			goesOn := true
			switch order := compareElements(was, is, i, j); {
			case order < 0:
				goesOn = yield(-1, i)
				i++
			case order > 0:
				goesOn = yield(1, j)
				j++
			default:
				i, j = i+1, j+1
			}
			if !goesOn {
				return
			}
		}
	}
}

// block is how many elements are compared at once where two sets are alike.
const block = 256

// alike is how many elements from i of was and from j of is on are the same, in
// whole blocks.
func alike(was, is *Set, i, j int) (n int) {
	a, b := &was.Elements, &is.Elements
	size := a.stride() * block
	if len(a.verdicts)+len(b.verdicts) > 0 || was.Key != is.Key || a.stride() != b.stride() || size == 0 {
		return 0
	}
	x, y := a.keys[i*a.stride():], b.keys[j*b.stride():]
	for len(x) >= size && len(y) >= size && bytes.Equal(x[:size], y[:size]) {
		x, y, n = x[size:], y[size:], n+block
	}
	return n
}

// beginsLowest reports whether the first range begins at the lowest key. If it
// does not, nft has the kernel keep an end there, of all below the first range.
func (s *Set) beginsLowest() bool {
	if !s.Interval || s.Elements.Len() == 0 {
		return false
	}
	from, _, _ := s.Elements.At(0)
	return isAll(from, 0)
}

// EncodeDelta takes the removed elements out of the set, and then adds the
// others, in as many messages as they need.
func (t *Table) EncodeDelta(d Delta) []Message {
	del := deltaWriter{table: t, delta: d, kind: unix.NFT_MSG_DELSETELEM}
	add := deltaWriter{table: t, delta: d, kind: unix.NFT_MSG_NEWSETELEM, flags: unix.NLM_F_CREATE}
	switch {
	case d.begins && !d.began:
		del.lowestEnd()
	case d.began && !d.begins:
		add.lowestEnd()
	}
	return append(del.messages(&d.Removed), add.messages(&d.Added)...)
}

// deltaWriter makes the messages that remove or add.
type deltaWriter struct {
	table *Table
	delta Delta
	kind  uint8
	flags uint16
	list  attrs
	done  []Message
}

func (w *deltaWriter) lowestEnd() {
	w.list.element(make([]byte, w.delta.Set.Key.Len), unix.NFT_SET_ELEM_INTERVAL_END, nil, nil)
}

// messages has each range's start before its end: the kernel takes them for one
// range only then, and at no moment there is a start without its end.
func (w *deltaWriter) messages(elements *Elements) []Message {
	key, interval := w.delta.Set.Key, w.delta.Set.Interval
	for i := range elements.Len() {
		from, to, _ := elements.At(i)
		switch {
		case !interval:
			w.list.element(key.Native(from), 0, nil, nil)
		case isAll(to, 0xff):
			w.list.element(key.Native(from), 0, nil, openUserdata)
		default:
			w.list.element(key.Native(from), 0, nil, nil)
			end := bytes.Clone(to)
			increment(end)
			w.list.element(key.Native(end), unix.NFT_SET_ELEM_INTERVAL_END, nil, nil)
		}
		if len(w.list) >= messageSize {
			w.flush()
		}
	}
	w.flush()
	return w.done
}

func (w *deltaWriter) flush() {
	if len(w.list) == 0 {
		return
	}
	name := w.delta.Set.Name
	w.done = append(w.done, w.table.message(w.kind, w.flags, "elements of set "+name, func(a *attrs) {
		a.text(unix.NFTA_SET_ELEM_LIST_TABLE, w.table.Name)
		a.text(unix.NFTA_SET_ELEM_LIST_SET, name)
		a.bytes(unix.NFTA_SET_ELEM_LIST_ELEMENTS|unix.NLA_F_NESTED, w.list)
	}))
	w.list = nil
}
