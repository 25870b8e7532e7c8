package ruleset

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// element is one of a set's elements as the kernel has it.
type element struct {
	key      []byte // in wire order, where the type is known
	end      bool
	open     bool // an interval without an end
	verdict  *Verdict
	raw      []byte
	more     bool // has what Elements cannot say of a key: its time, its comment
	misshape bool // cannot be read at all
}

func (d *decoder) readElements(o object) {
	name, _ := o.text(unix.NFTA_SET_ELEM_LIST_SET)
	list := d.elements[name]
	ok := eachAttr(o.bytes(unix.NFTA_SET_ELEM_LIST_ELEMENTS), func(a attr) bool {
		e := readElement(a.data)
		e.misshape = e.misshape || a.kind != unix.NFTA_LIST_ELEM
		list = append(list, e)
		return true
	})
	if !ok {
		d.foreign("elements of set "+name, o)
		return
	}
	d.elements[name] = list
}

// orphans keeps the elements whose set nobody told of.
func (d *decoder) orphans() {
	for i := range d.table.Sets {
		delete(d.elements, d.table.Sets[i].Name)
	}
	for _, name := range slices.Sorted(maps.Keys(d.elements)) {
		d.foreign("elements of set "+name, object{raw: rawElements(d.elements[name])})
	}
}

// readElement is called a million times for large sets, so it makes nothing that
// has to be thrown away.
func readElement(data []byte) element {
	e := element{raw: data}
	var flags uint32
	var userdata []byte
	var seen uint64
	ok := eachAttr(data, func(a attr) (ok bool) {
		if a.kind >= 64 || seen&(1<<a.kind) != 0 {
			return false
		}
		seen |= 1 << a.kind
		switch a.kind {
		case unix.NFTA_SET_ELEM_KEY:
			e.key, ok = onlyAttr(a.data, unix.NFTA_DATA_VALUE)
		case unix.NFTA_SET_ELEM_DATA:
			e.verdict, ok = readVerdict(a.data)
		case unix.NFTA_SET_ELEM_FLAGS:
			flags, ok = a.u32()
		case unix.NFTA_SET_ELEM_USERDATA:
			userdata, ok = a.data, true
		case unix.NFTA_SET_ELEM_TIMEOUT, unix.NFTA_SET_ELEM_EXPIRATION, unix.NFTA_SET_ELEM_EXPR, elementExpressions:
			e.more, ok = true, true
		case unix.NFTA_SET_ELEM_PAD:
			ok = true
		}
		return ok
	})
	e.end = flags == unix.NFT_SET_ELEM_INTERVAL_END
	e.open = bytes.Equal(userdata, openUserdata)
	e.more = e.more || userdata != nil && !e.open
	e.misshape = !ok || flags != 0 && !e.end
	return e
}

// openUserdata is nft's user data of an interval without an end.
var openUserdata = tlv(nil, elementFlags, hostU32(intervalOpen)...)

// onlyAttr is the data of the one attribute that is there.
func onlyAttr(b []byte, kind uint16) (data []byte, ok bool) {
	n := 0
	ok = eachAttr(b, func(a attr) bool {
		n++
		data = a.data
		return a.kind == kind
	})
	return data, ok && n == 1
}

// readVerdict reads NFTA_DATA_VERDICT.
func readVerdict(data []byte) (*Verdict, bool) {
	var verdict []byte
	var code uint32
	var chain string
	ok := fields(data, map[uint16]any{unix.NFTA_DATA_VERDICT: &verdict}) && fields(verdict, map[uint16]any{
		unix.NFTA_VERDICT_CODE: &code, unix.NFTA_VERDICT_CHAIN: &chain, 3: nil}) // NFTA_VERDICT_CHAIN_ID
	for kind, number := range verdictKinds {
		if uint32(number) == code {
			v := Verdict{kind, chain}
			return &v, ok && (chain != "") == (kind == Jump || kind == Goto)
		}
	}
	return nil, false
}

// fill gives the set its elements. Where they do not encode to what was read,
// the set is foreign; a live one that cannot be read is left empty.
func (d *decoder) fill(s *Set) {
	list := d.elements[s.Name]
	if s.Key == nil || s.Raw != nil {
		s.Elements = Elements{}
		s.Raw = append(s.Raw, rawElements(list)...)
		return
	}
	s.Elements = NewElements(s.Key, s.Interval)
	if s.adopt(list) {
		return
	}
	s.Elements = NewElements(s.Key, s.Interval)
	if !s.Live() {
		s.Raw = append(stableSet(object{}), rawElements(list)...)
		s.Raw = append(s.Raw, "elements"...)
	}
}

// rawElements is elements that nobody understands, in an order of their own.
func rawElements(list []element) (all []byte) {
	slices.SortFunc(list, func(a, b element) int { return bytes.Compare(a.raw, b.raw) })
	for _, e := range list {
		all = append(all, e.raw...)
	}
	return all
}

// adopt turns the kernel's elements into the set's; false if they say more, or
// other, than an encoder of ours would. In live sets they may say more: only
// what is in them at the moment is wanted.
func (s *Set) adopt(list []element) bool {
	for i, e := range list {
		if e.misshape || e.more && !s.Live() || len(e.key) != s.Key.Len || (e.verdict != nil) != (s.Map && !e.end) || !s.Interval && (e.end || e.open) {
			return false
		}
		list[i].key = s.Key.Native(e.key)
	}
	slices.SortFunc(list, func(a, b element) int {
		return cmp.Or(bytes.Compare(a.key, b.key), first(a.end, b.end))
	})
	if !s.Interval {
		return s.adoptKeys(list)
	}
	return s.adoptRanges(list)
}

// first orders true before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return 1
	}
	return -1
}

func (s *Set) adoptKeys(list []element) bool {
	for _, e := range list {
		s.append(e.key, nil, e.verdict)
	}
	return s.Elements.Sort() == nil
}

func (s *Set) append(from, to []byte, v *Verdict) {
	if v == nil {
		s.Elements.Append(from, to)
		return
	}
	s.Elements.AppendVerdict(from, to, *v)
}

// adoptRanges pairs beginnings and ends, and checks the leading end that stands
// for all below the first range, and is what is left when somebody takes the last
// range out.
func (s *Set) adoptRanges(list []element) bool {
	if len(list) == 0 {
		return true
	}
	if !isAll(list[0].key, 0) && !s.Live() {
		return false // nft puts an end there, if nothing begins there
	}
	if list[0].end {
		list = list[1:]
		if len(list) > 0 && isAll(list[0].key, 0) {
			return false
		}
	}
	for len(list) > 0 {
		begin := list[0]
		if begin.end {
			return false
		}
		if begin.open || s.Live() && len(list) == 1 {
			s.append(begin.key, bytes.Repeat([]byte{0xff}, s.Key.Len), begin.verdict)
			return len(list) == 1 && s.Elements.Sort() == nil
		}
		if len(list) < 2 || !list[1].end || bytes.Equal(list[1].key, begin.key) {
			return false
		}
		s.append(begin.key, predecessor(list[1].key), begin.verdict)
		list = list[2:]
	}
	return s.Elements.Sort() == nil
}
