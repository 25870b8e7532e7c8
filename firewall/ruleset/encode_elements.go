package ruleset

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// messageSize is where a message of elements ends and the next one begins. An
// attribute's length has 16 bits and wraps without a word; half of that leaves
// room for the last element.
const messageSize = 32 << 10

// intervalOpen is nft's flag on the first key of an interval that ends with the
// highest key there is, and so has no end element (SET_ELEM_F_INTERVAL_OPEN of
// nft's include/expression.h).
const intervalOpen = 1

// EncodeElements adds the set's elements to the set, in as many messages as
// they need. What a live set holds is not the ruleset's.
func (t *Table) EncodeElements(s *Set) (messages []Message) {
	if s.Live() {
		return nil
	}
	w := elementWriter{table: t, set: s}
	for i := range s.Elements.Len() {
		w.element(i)
	}
	w.flush()
	return w.messages
}

// elementWriter cuts a set's elements into messages.
type elementWriter struct {
	table    *Table
	set      *Set
	messages []Message
	list     attrs  // the elements of the message being made
	end      []byte // where a range ends
}

// element writes element i; in an interval set it is where the range begins and
// where the next one may begin.
func (w *elementWriter) element(i int) {
	from, to, verdict := w.set.Elements.At(i)
	if i == 0 && w.set.Interval && !isAll(from, 0) {
		w.add(make([]byte, len(from)), unix.NFT_SET_ELEM_INTERVAL_END, nil, nil)
	}
	var data *Verdict
	if w.set.Map {
		data = &verdict
	}
	key := w.set.Key.Native(from)
	switch {
	case !w.set.Interval:
		w.add(key, 0, data, nil)
	case isAll(to, 0xff):
		w.add(key, 0, data, openUserdata)
	default:
		w.add(key, 0, data, nil)
		w.end = append(w.end[:0], to...)
		increment(w.end)
		w.add(w.set.Key.Native(w.end), unix.NFT_SET_ELEM_INTERVAL_END, nil, nil)
	}
}

func (w *elementWriter) add(key []byte, flags uint32, data *Verdict, userdata []byte) {
	a := &w.list
	a.nest(unix.NFTA_LIST_ELEM, func() {
		if flags != 0 {
			a.u32(unix.NFTA_SET_ELEM_FLAGS, flags)
		}
		a.nest(unix.NFTA_SET_ELEM_KEY, func() { a.bytes(unix.NFTA_DATA_VALUE, key) })
		if data != nil {
			a.nest(unix.NFTA_SET_ELEM_DATA, func() { a.verdict(*data) })
		}
		if userdata != nil {
			a.bytes(unix.NFTA_SET_ELEM_USERDATA, userdata)
		}
	})
	if len(w.list) >= messageSize {
		w.flush()
	}
}

func (a *attrs) verdict(v Verdict) {
	a.nest(unix.NFTA_DATA_VERDICT, func() {
		a.u32(unix.NFTA_VERDICT_CODE, uint32(verdictKinds[v.Kind]))
		if v.Chain != "" {
			a.text(unix.NFTA_VERDICT_CHAIN, v.Chain)
		}
	})
}

func (w *elementWriter) flush() {
	if len(w.list) == 0 {
		return
	}
	w.messages = append(w.messages, w.table.message(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, "elements of set "+w.set.Name, func(a *attrs) {
		a.text(unix.NFTA_SET_ELEM_LIST_TABLE, w.table.Name)
		a.text(unix.NFTA_SET_ELEM_LIST_SET, w.set.Name)
		a.bytes(unix.NFTA_SET_ELEM_LIST_ELEMENTS|unix.NLA_F_NESTED, w.list)
	}))
	w.list = w.list[:0]
}

func isAll(key []byte, b byte) bool {
	return bytes.Count(key, []byte{b}) == len(key)
}

// increment makes a key the next higher one.
func increment(key []byte) {
	for i := len(key) - 1; i >= 0; i-- {
		if key[i]++; key[i] != 0 {
			return
		}
	}
}

// predecessor is the next lower key.
func predecessor(key []byte) []byte {
	last := bytes.Clone(key)
	for i := len(last) - 1; i >= 0; i-- {
		if last[i]--; last[i] != 0xff {
			break
		}
	}
	return last
}

// hostU32 is a number in this machine's byte order, as nft keeps it.
func hostU32(n byte) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }
