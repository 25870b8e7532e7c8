package hook

import (
	"encoding/binary"
	"net/netip"

	"ngcp-fw/firewall/ruleset"
)

// Protocol numbers (IANA, Assigned Internet Protocol Numbers).
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// networkHeader is the packet's IP header, as far as it is known: it is no
// fragment any more (conntrack puts those together) and has no options.
func networkHeader(p ruleset.Packet) bits {
	src, dst := address(p.Src, p.Src), address(p.Dst, p.Src)
	if p.Src.Is6() { // RFC 8200 section 3: version, class and flow, length, next header, hop limit
		version := bits{[]byte{6 << 4, 0, 0, 0}, []byte{0xf0, 0, 0, 0}}
		return join(version, open(2), certain([]byte{p.Protocol}), open(1), src, dst)
	}
	fragment := bits{[]byte{0, 0}, []byte{0x3f, 0xff}} // RFC 791 section 3.1: don't fragment is open
	return join(certain([]byte{4<<4 | 5}), open(5), fragment, open(1), certain([]byte{p.Protocol}), open(2), src, dst)
}

// address is an address of the family that the packet is of.
func address(a, like netip.Addr) bits {
	switch {
	case a.IsValid():
		return certain(a.AsSlice())
	case like.Is6():
		return open(16)
	}
	return open(4)
}

// transportHeader is the beginning of what IP carries: of TCP a request for a
// connection (RFC 9293 section 3.1) where the packet is a new one.
func transportHeader(p ruleset.Packet) bits {
	both := join(port(p.SrcPort), port(p.DstPort))
	switch p.Protocol {
	case protoTCP:
		flags := open(1)
		if p.State == ruleset.StateNew {
			const syn, notECN = 1 << 1, 0x3f
			flags = bits{[]byte{syn}, []byte{notECN}}
		}
		return join(both, open(9), flags, open(6))
	case protoUDP, protoUDPLite:
		return join(both, open(4))
	case protoSCTP, protoDCCP:
		return join(both, open(8))
	case protoICMP, protoICMPv6:
		return join(certain([]byte{p.ICMPType}), icmpCode(p), open(6))
	}
	return bits{}
}

func port(n uint16) bits {
	if n == 0 {
		return open(2)
	}
	return certain(binary.BigEndian.AppendUint16(nil, n))
}

// icmpCode is the code of the messages that have only one: echo, and those of
// neighbour discovery.
func icmpCode(p ruleset.Packet) bits {
	const echoReply, echo, echo6 = 0, 8, 128 // RFC 792; RFC 4443 section 4: all from 128 on tell
	if p.Protocol == protoICMP && (p.ICMPType == echo || p.ICMPType == echoReply) || p.Protocol == protoICMPv6 && p.ICMPType >= echo6 {
		return certain([]byte{0})
	}
	return open(1)
}

func hasPorts(protocol uint8) bool {
	switch protocol {
	case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		return true
	}
	return false
}
