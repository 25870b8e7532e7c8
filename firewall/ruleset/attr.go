package ruleset

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// attrs is a list of netlink attributes being written: each is its length, its
// type and its data, filled up to four bytes (struct nlattr of linux/netlink.h).
type attrs []byte

const attrHeader = 4

func (a *attrs) bytes(kind uint16, data []byte) {
	at := a.open(kind)
	*a = append(*a, data...)
	a.close(at)
}

func (a *attrs) u32(kind uint16, v uint32) {
	at := a.open(kind)
	*a = binary.BigEndian.AppendUint32(*a, v)
	a.close(at)
}

func (a *attrs) u64(kind uint16, v uint64) {
	at := a.open(kind)
	*a = binary.BigEndian.AppendUint64(*a, v)
	a.close(at)
}

// text writes a string with its closing zero.
func (a *attrs) text(kind uint16, s string) {
	at := a.open(kind)
	*a = append(append(*a, s...), 0)
	a.close(at)
}

// nest writes an attribute made of attributes.
func (a *attrs) nest(kind uint16, inside func()) {
	at := a.open(kind | unix.NLA_F_NESTED)
	inside()
	a.close(at)
}

func (a *attrs) open(kind uint16) (at int) {
	at = len(*a)
	*a = binary.NativeEndian.AppendUint16(append(*a, 0, 0), kind)
	return at
}

func (a *attrs) close(at int) {
	binary.NativeEndian.PutUint16((*a)[at:], uint16(len(*a)-at))
	for len(*a)%4 != 0 {
		*a = append(*a, 0)
	}
}

// attr is one attribute as read.
type attr struct {
	kind uint16 // without its flags
	data []byte
}

// readAttrs splits a list of attributes; false if it is broken anywhere.
func readAttrs(b []byte) (list []attr, ok bool) {
	ok = eachAttr(b, func(a attr) bool {
		list = append(list, a)
		return true
	})
	return list, ok
}

// eachAttr shows the attributes of a list one after the other; false if it is
// broken, or where see says so.
func eachAttr(b []byte, see func(attr) bool) bool {
	for len(b) > 0 {
		if len(b) < attrHeader {
			return false
		}
		size := int(binary.NativeEndian.Uint16(b))
		if size < attrHeader || size > len(b) {
			return false
		}
		kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		if !see(attr{kind, b[attrHeader:size:size]}) {
			return false
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return true
}

func (a attr) u32() (uint32, bool) {
	if len(a.data) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(a.data), true
}

func (a attr) u64() (uint64, bool) {
	if len(a.data) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(a.data), true
}

// text is a string, whose closing zero may be missing as in all of netlink.
func (a attr) text() (string, bool) {
	s := bytes.TrimSuffix(a.data, []byte{0})
	return string(s), !bytes.Contains(s, []byte{0})
}

// fields reads attributes into the places given for their kinds; what has a
// place of nil is passed over. Broken, unknown, misshapen or repeated ones make
// it false.
func fields(b []byte, places map[uint16]any) bool {
	list, ok := readAttrs(b)
	if !ok || repeated(list) {
		return false
	}
	for _, a := range list {
		place, known := places[a.kind]
		if !known || !a.into(place) {
			return false
		}
	}
	return true
}

// repeated reports whether there are two of one kind.
func repeated(list []attr) bool {
	for i, a := range list {
		for _, b := range list[:i] {
			if a.kind == b.kind {
				return true
			}
		}
	}
	return false
}

func (a attr) into(place any) (ok bool) {
	switch p := place.(type) {
	case nil:
		return true
	case *string:
		*p, ok = a.text()
	case *uint32:
		*p, ok = a.u32()
	case *uint64:
		*p, ok = a.u64()
	case *uint16:
		if ok = len(a.data) == 2; ok {
			*p = binary.BigEndian.Uint16(a.data)
		}
	case *[]byte:
		*p, ok = a.data, true
	}
	return ok
}
