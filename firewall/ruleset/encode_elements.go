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
func (t *Table) EncodeElements(s *Set) []Message {
	messages := t.StreamElements(s)
	for i, m := range messages {
		messages[i].Body, messages[i].late = m.AppendBody(nil), nil
	}
	return messages
}

// StreamElements is EncodeElements with bodies that are made when AppendBody
// asks for them: those of a million prefixes together take 40 MB and more.
func (t *Table) StreamElements(s *Set) (messages []Message) {
	if s.Live() {
		return nil
	}
	step := messageSize/t.elementSize(s) + 1
	for from := 0; from < s.Elements.Len(); from += step {
		messages = append(messages, Message{
			Type: unix.NFT_MSG_NEWSETELEM, Flags: unix.NLM_F_CREATE, About: "elements of set " + s.Name,
			late: &elementPart{t, s, from, min(from+step, s.Elements.Len())},
		})
	}
	return messages
}

// elementSize is the most bytes that one element of the set may take.
func (t *Table) elementSize(s *Set) int {
	longest := Verdict{}
	for _, v := range s.Elements.verdicts {
		if len(v.Chain) > len(longest.Chain) {
			longest = v
		}
	}
	var a attrs
	var data *Verdict
	if s.Map {
		data = &longest
	}
	a.element(make([]byte, s.Key.Len), 0, data, nil)
	if s.Interval {
		a.element(make([]byte, s.Key.Len), unix.NFT_SET_ELEM_INTERVAL_END, nil, nil)
	}
	return len(a)
}

// elementPart is some of a set's elements, as the body of a message.
type elementPart struct {
	table    *Table
	set      *Set
	from, to int
}

// elementOverhead is more than what a message of elements takes besides them
// and the names: nfgenmsg, attributes' headers, and the start of the first gap.
const elementOverhead = 128

func (p *elementPart) size() int {
	return elementOverhead + len(p.table.Name) + len(p.set.Name) + (p.to-p.from)*p.table.elementSize(p.set)
}

// append writes the body.
func (p *elementPart) append(to []byte) []byte {
	body := append(attrs(to), byte(p.table.Family), unix.NFNETLINK_V0, 0, 0)
	body.text(unix.NFTA_SET_ELEM_LIST_TABLE, p.table.Name)
	body.text(unix.NFTA_SET_ELEM_LIST_SET, p.set.Name)
	body.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func() {
		w := elementWriter{attrs: &body, set: p.set, start: elementForm(0, p.set.Key.Len),
			stop: elementForm(unix.NFT_SET_ELEM_INTERVAL_END, p.set.Key.Len)}
		for i := p.from; i < p.to; i++ {
			w.element(i)
		}
	})
	return body
}

// form is an element's bytes with room for the key.
type form struct {
	bytes []byte
	key   int // where the key is
}

func elementForm(flags uint32, width int) form {
	key := bytes.Repeat([]byte{0xff}, width)
	var a attrs
	a.element(key, flags, nil, nil)
	return form{a, bytes.LastIndex(a, key)}
}

// elementWriter writes a set's elements.
type elementWriter struct {
	*attrs
	set         *Set
	start, stop form
	end         []byte // where a range ends
}

// element writes element i; in an interval set it is where the range begins and
// where the next one may begin.
func (w *elementWriter) element(i int) {
	from, to, verdict := w.set.Elements.At(i)
	if i == 0 && w.set.Interval && !isAll(from, 0) {
		w.fill(w.stop, make([]byte, len(from)))
	}
	open := w.set.Interval && isAll(to, 0xff)
	switch {
	case w.set.Map && open:
		w.attrs.element(w.set.Key.Native(from), 0, &verdict, openUserdata)
	case w.set.Map:
		w.attrs.element(w.set.Key.Native(from), 0, &verdict, nil)
	case open:
		w.attrs.element(w.set.Key.Native(from), 0, nil, openUserdata)
	default:
		w.fill(w.start, w.set.Key.Native(from))
	}
	if w.set.Interval && !open {
		w.end = append(w.end[:0], to...)
		increment(w.end)
		w.fill(w.stop, w.set.Key.Native(w.end))
	}
}

func (w *elementWriter) fill(f form, key []byte) {
	at := len(*w.attrs) + f.key
	*w.attrs = append(*w.attrs, f.bytes...)
	copy((*w.attrs)[at:], key)
}

func (a *attrs) element(key []byte, flags uint32, data *Verdict, userdata []byte) {
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
}

func (a *attrs) verdict(v Verdict) {
	a.nest(unix.NFTA_DATA_VERDICT, func() {
		a.u32(unix.NFTA_VERDICT_CODE, uint32(verdictKinds[v.Kind]))
		if v.Chain != "" {
			a.text(unix.NFTA_VERDICT_CHAIN, v.Chain)
		}
	})
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
