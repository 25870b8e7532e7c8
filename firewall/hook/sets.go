package hook

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
)

// set is a set or a map.
type set struct {
	name      string
	interval  bool
	anonymous bool
	fields    []int // bytes of each field of a concatenation, without filling; nil: it is none
	keyType   uint32
	keyLen    int
	unread    bool // its elements were not read: it has to be asked
	raw       []boundary
	elements  []element // sorted by their first key
	otherwise *element  // catch-all
}

// boundary is an element as the kernel lists it.
type boundary struct {
	element
	end bool // where an interval ends, instead of a key
}

// element is one key or range of a set, and what a map has for it.
type element struct {
	from, to []byte
	verdict  *verdict
	data     []byte
	held     bool // has an expression of its own that may stop the rule, as a limit
}

func (t *table) addSet(a attributes) {
	flags := a.number(unix.NFTA_SET_FLAGS)
	s := &set{name: a.word(unix.NFTA_SET_NAME), interval: flags&unix.NFT_SET_INTERVAL != 0,
		anonymous: flags&unix.NFT_SET_ANONYMOUS != 0, keyType: uint32(a.number(unix.NFTA_SET_KEY_TYPE)),
		keyLen: int(a.number(unix.NFTA_SET_KEY_LEN)), unread: !small(a)}
	for _, field := range kernel.Attributes(a.within(unix.NFTA_SET_DESC, descConcat)) {
		s.fields = append(s.fields, int(attributes(field).number(fieldLen)))
	}
	t.sets[s.name] = s
}

func (t *table) addElements(a attributes) {
	s := t.sets[a.word(unix.NFTA_SET_ELEM_LIST_SET)]
	if s == nil {
		return
	}
	for _, data := range kernel.Attributes(a.find(unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
		b, all := readElement(data)
		if all {
			s.otherwise = &b.element
			continue
		}
		s.raw = append(s.raw, b)
	}
}

// readElement reads one element; all tells that it is the one for all other keys.
func readElement(data []byte) (b boundary, all bool) {
	a := attributes(data)
	flags := a.number(unix.NFTA_SET_ELEM_FLAGS)
	b.end = flags&unix.NFT_SET_ELEM_INTERVAL_END != 0
	b.from = a.within(unix.NFTA_SET_ELEM_KEY).find(unix.NFTA_DATA_VALUE)
	b.to = a.within(elementKeyEnd).find(unix.NFTA_DATA_VALUE)
	b.verdict = verdictOf(a.within(unix.NFTA_SET_ELEM_DATA))
	b.data = a.within(unix.NFTA_SET_ELEM_DATA).find(unix.NFTA_DATA_VALUE)
	b.held = holds(a.find(unix.NFTA_SET_ELEM_EXPR))
	for _, e := range kernel.Attributes(a.find(elementExprs)) {
		b.held = b.held || holds(e)
	}
	return b, flags&catchAll != 0
}

func holds(e attributes) bool {
	name := e.word(unix.NFTA_EXPR_NAME)
	return name != "" && name != "counter" && name != "last"
}

// settle turns what the kernel lists into keys and ranges.
func (s *set) settle() {
	if !s.interval || s.fields != nil {
		for _, b := range s.raw {
			if b.to == nil {
				b.to = b.from
			}
			s.elements = append(s.elements, b.element)
		}
		slices.SortFunc(s.elements, func(a, b element) int { return bytes.Compare(a.from, b.from) })
		s.raw = nil
		return
	}
	slices.SortFunc(s.raw, func(a, b boundary) int {
		if c := bytes.Compare(a.from, b.from); c != 0 || a.end == b.end {
			return c
		}
		if a.end {
			return -1
		}
		return 1
	})
	for i, b := range s.raw {
		switch {
		case b.end:
			continue
		case b.to != nil:
		case i+1 < len(s.raw):
			b.to = before(s.raw[i+1].from)
		default:
			b.to = bytes.Repeat([]byte{0xff}, len(b.from))
		}
		s.elements = append(s.elements, b.element)
	}
	s.raw = nil
}

// before is the value before one that is not zero.
func before(key []byte) []byte {
	b := bytes.Clone(key)
	for i := len(b) - 1; i >= 0; i-- {
		b[i]--
		if b[i] != 0xff {
			break
		}
	}
	return b
}

// found is what a look-up may give: those elements, and, unless it is certain,
// perhaps none.
type found struct {
	in       Tri
	elements []element
	why      string
}

// lookup looks the key up.
func (s *Snapshot) lookup(t *table, set *set, key bits) found {
	key = clip(key, set.keyLen)
	if set.unread {
		return s.ask(t, set, key)
	}
	f := found{in: No}
	for _, e := range set.candidates(key) {
		switch in := set.covers(e, key); {
		case in == Yes && !e.held:
			return found{in: Yes, elements: []element{e}}
		case in != No:
			f.in = Perhaps
			f.elements = append(f.elements, e)
			f.why = doubtOf(e.held && in == Yes, set)
		}
	}
	if set.otherwise == nil {
		return f
	}
	if f.in == No && !set.otherwise.held {
		return found{in: Yes, elements: []element{*set.otherwise}}
	}
	f.in, f.elements = Perhaps, append(f.elements, *set.otherwise)
	f.why = doubtOf(set.otherwise.held, set)
	return f
}

func doubtOf(held bool, s *set) string {
	switch {
	case held:
		return fmt.Sprintf("it depends on a limit kept in set %s", s.name)
	case s.anonymous:
		return "it depends on what the packet leaves open"
	}
	return fmt.Sprintf("it depends on what the packet leaves open, in set %s", s.name)
}

// candidates leaves out what cannot hold the key, where that is quick.
func (s *set) candidates(key bits) []element {
	if !s.interval || s.fields != nil {
		return s.elements
	}
	least, most := key.least(), key.most()
	i, _ := slices.BinarySearchFunc(s.elements, least, func(e element, k []byte) int { return bytes.Compare(e.to, k) })
	j := i
	for j < len(s.elements) && bytes.Compare(s.elements[j].from, most) <= 0 {
		j++
	}
	return s.elements[i:j]
}

// covers tells whether the element holds the key: of concatenations, each field,
// which are filled up to four bytes.
func (s *set) covers(e element, key bits) Tri {
	if s.fields == nil {
		return clip(key, len(e.from)).within(e.from, e.to)
	}
	all, at := Yes, 0
	for _, n := range s.fields {
		if at+n > key.len() || at+n > len(e.from) || at+n > len(e.to) {
			return Perhaps
		}
		all = all.and(bits{key.data[at : at+n], key.known[at : at+n]}.within(e.from[at:at+n], e.to[at:at+n]))
		at += (n + 3) &^ 3
	}
	return all
}

func clip(b bits, n int) bits {
	n = min(n, b.len())
	return bits{b.data[:n], b.known[:n]}
}

// ask looks the key up in a set that was not read.
func (s *Snapshot) ask(t *table, set *set, key bits) found {
	if !key.all() || s.asks == nil {
		return found{in: Perhaps, why: fmt.Sprintf("it depends on what is in set %s", set.name)}
	}
	e, in := s.asks(t, set, key.data)
	switch {
	case in == Perhaps:
		return found{in: Perhaps, why: fmt.Sprintf("set %s cannot be read", set.name)}
	case in == Yes && e.held:
		return found{in: Perhaps, elements: []element{e}, why: doubtOf(true, set)}
	case in == Yes:
		return found{in: Yes, elements: []element{e}}
	}
	return found{in: No}
}
