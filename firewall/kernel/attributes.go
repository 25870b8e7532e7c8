package kernel

import (
	"encoding/binary"
	"fmt"
	"iter"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

const attributeHeader = 4 // bytes of struct nlattr (linux/netlink.h)

// attributes is the kinds and data of a list of attributes, up to where it is
// broken.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= attributeHeader {
			size := int(binary.NativeEndian.Uint16(b))
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if size < attributeHeader || size > len(b) || !yield(kind, b[attributeHeader:size]) {
				return
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
}

// place says which expression of a rule the offset in the message is of; "" for
// all else.
func place(m ruleset.Message, offset int) string {
	offset -= header + genericHeader
	if m.Type != unix.NFT_MSG_NEWRULE || offset < 0 || len(m.Body) < genericHeader {
		return ""
	}
	for kind, data := range attributes(m.Body[genericHeader:]) {
		offset -= attributeHeader
		if kind == unix.NFTA_RULE_EXPRESSIONS && offset >= 0 && offset < len(data) {
			return fmt.Sprintf(", expression %d", 1+preceding(data, offset))
		}
		offset -= (len(data) + 3) &^ 3
	}
	return ""
}

// preceding is how many attributes of the list end before the offset.
func preceding(list []byte, offset int) (n int) {
	for _, data := range attributes(list) {
		if offset -= attributeHeader + (len(data)+3)&^3; offset < 0 {
			break
		}
		n++
	}
	return n
}
