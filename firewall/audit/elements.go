package audit

import (
	"bytes"
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/addr"
)

// elementSet is a set or map, with the elements that were read of it.
type elementSet struct {
	interval bool
	fields   []int // bytes of each field of a concatenation; nil: it is none
	mapped   bool  // elements may lead to different ends
	elements []element
}

// element is a key or range; end is where a range stops, in the kernel's list.
type element struct {
	from, to []byte
	end      bool
}

// Attributes of linux/netfilter/nf_tables.h that golang.org/x/sys lacks.
const (
	elementKeyEnd = 10 // NFTA_SET_ELEM_KEY_END
	descConcat    = 2  // NFTA_SET_DESC_CONCAT
	fieldLen      = 1  // NFTA_SET_FIELD_LEN
)

// setsOf is all sets in the kernel's list.
func setsOf(messages []ruleset.Message) map[setKey]elementSet {
	sets := map[setKey]elementSet{}
	for _, m := range messages {
		const generic = 4 // bytes of struct nfgenmsg
		if len(m.Body) < generic {
			continue
		}
		a := m.Body[generic:]
		switch m.Type {
		case unix.NFT_MSG_NEWSET:
			sets[setKey{m.Body[0], word(find(a, unix.NFTA_SET_TABLE)), word(find(a, unix.NFTA_SET_NAME))}] = setOf(a)
		case unix.NFT_MSG_NEWSETELEM:
			key := setKey{m.Body[0], word(find(a, unix.NFTA_SET_ELEM_LIST_TABLE)), word(find(a, unix.NFTA_SET_ELEM_LIST_SET))}
			s := sets[key]
			for _, one := range kernel.Attributes(find(a, unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
				s.elements = append(s.elements, elementOf(one))
			}
			sets[key] = s
		}
	}
	for key, s := range sets {
		s.settle()
		sets[key] = s
	}
	return sets
}

func setOf(a []byte) (s elementSet) {
	flags := number(find(a, unix.NFTA_SET_FLAGS))
	s.interval, s.mapped = flags&unix.NFT_SET_INTERVAL != 0, flags&unix.NFT_SET_MAP != 0
	for _, field := range kernel.Attributes(find(find(a, unix.NFTA_SET_DESC), descConcat)) {
		s.fields = append(s.fields, number(find(field, fieldLen)))
	}
	return s
}

func elementOf(a []byte) (e element) {
	e.from = value(a, unix.NFTA_SET_ELEM_KEY)
	if e.to = value(a, elementKeyEnd); e.to == nil {
		e.to = e.from
	}
	e.end = number(find(a, unix.NFTA_SET_ELEM_FLAGS))&unix.NFT_SET_ELEM_INTERVAL_END != 0
	return e
}

// settle joins the beginnings and ends of ranges, which the kernel lists one by
// one unless the set is of concatenations; what has no end goes to the last key.
func (s *elementSet) settle() {
	if !s.interval || s.fields != nil {
		return
	}
	slices.SortStableFunc(s.elements, func(a, b element) int { return bytes.Compare(a.from, b.from) })
	var ranges []element
	for i, e := range s.elements {
		if e.end {
			continue
		}
		next := slices.IndexFunc(s.elements[i+1:], func(n element) bool { return !bytes.Equal(n.from, e.from) })
		if bytes.Equal(e.to, e.from) && next >= 0 {
			e.to = before(s.elements[i+1+next].from)
		} else if bytes.Equal(e.to, e.from) {
			e.to = bytes.Repeat([]byte{0xff}, len(e.from))
		}
		ranges = append(ranges, e)
	}
	s.elements = ranges
}

// before is the key before one that is not zero.
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

// lookup takes note of what a set says of sources. Without a map, and without
// other fields, all its elements mean the same.
func (c *collector) lookup(have registers, s elementSet, key int) {
	var all addr.Builder
	for at, l := range have {
		if l.kind == other || at < key {
			continue
		}
		for _, e := range s.elements {
			from, to := e.field(at-key, s.fields)
			switch {
			case l.kind == source && (s.mapped || s.fields != nil || !l.fills(len(e.from))):
				c.compared(l, from, to)
			case l.kind == source:
				all.AddSet(l.sources(from, to))
			default:
				c.compared(l, from, to)
			}
		}
	}
	c.addSet(all.Set())
	c.Destinations = append(c.Destinations, all.Set())
}

// fills tells whether a key of so many bytes is the address and nothing else.
func (l load) fills(n int) bool { return n == l.full || l.full == 0 && (n == size4 || n == size6) }

// field is what the element says of the register that is so many bytes behind the
// key's first one; each field is filled up to whole registers of four bytes. Of sets
// without ranges, nft does not tell the kernel where fields are: then it is all that
// comes from there on.
func (e element) field(offset int, fields []int) (from, to []byte) {
	if fields == nil {
		at := min(offset, len(e.from), len(e.to))
		return e.from[at:], e.to[at:]
	}
	for at, i := 0, 0; i < len(fields); i++ {
		if n := fields[i]; at == offset && n >= 0 && at+n <= min(len(e.from), len(e.to)) {
			return e.from[at : at+n], e.to[at : at+n]
		}
		at += (fields[i] + 3) &^ 3
	}
	return nil, nil
}

// find is the data of the first attribute of a kind; nil where there is none.
func find(list []byte, want uint16) []byte {
	for kind, data := range kernel.Attributes(list) {
		if kind == want {
			return data
		}
	}
	return nil
}

// value is NFTA_DATA_VALUE of an attribute.
func value(list []byte, kind uint16) []byte { return find(find(list, kind), unix.NFTA_DATA_VALUE) }

func word(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }

// number is an attribute of four bytes; 0 where it is none.
func number(b []byte) int {
	if len(b) != 4 {
		return 0
	}
	return int(binary.BigEndian.Uint32(b))
}

// place is the byte at which a register begins: 0 to 4 are of 16 bytes, those from
// 8 on of 4 (nft_parse_register of net/netfilter/nf_tables_api.c).
func place(register []byte) int {
	const reg32 = 8 // NFT_REG32_00
	n := number(register)
	if n >= reg32 {
		return 16 + (n-reg32)*4
	}
	return n * 16
}
