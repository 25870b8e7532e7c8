package kernel

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// element is one element of a set in a message.
type element struct {
	key        []byte
	end        bool // where a range ends, instead of a key
	attributes []byte
}

// encoded is the elements of a set as they are sent.
func encoded(t *ruleset.Table, s *ruleset.Set) (all []element) {
	for _, m := range t.EncodeElements(s) {
		all = append(all, elements(m)...)
	}
	return all
}

// elements is those that a message is about.
func elements(m ruleset.Message) (all []element) {
	b := m.AppendBody(nil)
	if m.Type != unix.NFT_MSG_NEWSETELEM || len(b) < genericHeader {
		return nil
	}
	for kind, list := range attributes(b[genericHeader:]) {
		if kind != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			continue
		}
		for _, data := range attributes(list) {
			all = append(all, readElement(data))
		}
	}
	return all
}

func readElement(list []byte) element {
	e := element{attributes: list}
	for kind, data := range attributes(list) {
		switch kind {
		case unix.NFTA_SET_ELEM_FLAGS:
			e.end = number(data)&unix.NFT_SET_ELEM_INTERVAL_END != 0
		case unix.NFTA_SET_ELEM_KEY:
			for _, value := range attributes(data) {
				e.key = value
			}
		}
	}
	return e
}

// request asks for the element that holds the key, or for the end of one.
func (e element) request() []byte {
	list := attribute(unix.NFTA_SET_ELEM_KEY|unix.NLA_F_NESTED, attribute(unix.NFTA_DATA_VALUE, e.key))
	if e.end {
		list = append(list, attribute(unix.NFTA_SET_ELEM_FLAGS, binary.BigEndian.AppendUint32(nil, unix.NFT_SET_ELEM_INTERVAL_END))...)
	}
	return attribute(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, list)
}

// canonical is an element's attributes in words that do not depend on their
// order, nor on their flags.
func canonical(list []byte, depth int) string {
	var words []string
	for kind, data := range attributes(list) {
		nested := depth == 0 && (kind == unix.NFTA_SET_ELEM_KEY || kind == unix.NFTA_SET_ELEM_DATA) ||
			depth == 1 && kind == unix.NFTA_DATA_VERDICT
		switch {
		case nested:
			words = append(words, fmt.Sprintf("%d{%s}", kind, canonical(data, depth+1)))
		case depth > 0 || kind != unix.NFTA_SET_ELEM_PAD:
			words = append(words, fmt.Sprintf("%d=%x", kind, data))
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// attribute is one netlink attribute, filled up to a multiple of four bytes.
func attribute(kind uint16, data []byte) []byte {
	b := make([]byte, 0, attributeHeader+len(data)+3)
	b = binary.NativeEndian.AppendUint16(b, uint16(attributeHeader+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, data...)
	return append(b, make([]byte, -len(data)&3)...)
}
