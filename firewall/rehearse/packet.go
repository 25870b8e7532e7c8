package rehearse

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"

	"ngcp-fw/firewall/ruleset"
)

// Protocols by their numbers (IANA, Assigned Internet Protocol Numbers).
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
	protoSCTP   = 132
)

// signal is a packet that no rule is to judge: of a protocol number for
// experiments (RFC 3692 section 2.1), from an address that nobody has (RFC 7600
// section 4.8).
var (
	signalSource = netip.MustParseAddr("192.0.0.8")
	signal       = packet(ruleset.Packet{Src: signalSource, Dst: signalSource, Protocol: signalProtocol})
)

const signalProtocol = 253

// packet is the IP packet with what begins a flow: a UDP datagram, a request for
// a connection, an ICMP message, or the bare header of another protocol.
func packet(p ruleset.Packet) []byte {
	body := segment(p)
	if p.Src.Is6() {
		return append(ipv6Header(p, len(body)), body...)
	}
	return append(ipv4Header(p, len(body)), body...)
}

const hops = 255 // neighbour discovery wants no less (RFC 4861 section 7.1)

// ipv4Header is that of RFC 791 section 3.1.
func ipv4Header(p ruleset.Packet, payload int) []byte {
	const size = 20
	h := []byte{4<<4 | size/4, 0}
	h = binary.BigEndian.AppendUint16(h, uint16(size+payload))
	h = append(h, 0, 0, 0, 0, hops, p.Protocol, 0, 0)
	h = append(append(h, p.Src.AsSlice()...), p.Dst.AsSlice()...)
	binary.BigEndian.PutUint16(h[10:], ^checksum(h))
	return h
}

// ipv6Header is that of RFC 8200 section 3.
func ipv6Header(p ruleset.Packet, payload int) []byte {
	h := binary.BigEndian.AppendUint16([]byte{6 << 4, 0, 0, 0}, uint16(payload))
	h = append(h, p.Protocol, hops)
	return append(append(h, p.Src.AsSlice()...), p.Dst.AsSlice()...)
}

func segment(p ruleset.Packet) []byte {
	ports := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, p.SrcPort), p.DstPort)
	switch p.Protocol {
	case protoUDP: // RFC 768
		return sealed(p, append(ports, 0, 8, 0, 0), 6)
	case protoTCP: // SYN, RFC 9293 section 3.1
		const header, syn, window = 20, 1 << 1, 0xff
		return sealed(p, append(ports, 0, 0, 0, 1, 0, 0, 0, 0, header/4<<4, syn, window, window, 0, 0, 0, 0), 16)
	case protoSCTP:
		return association(ports)
	case protoICMP, protoICMPv6: // RFC 792, RFC 4443 section 2.1; neighbour discovery's messages have 24 bytes or fewer
		return sealed(p, append([]byte{p.ICMPType, 0, 0, 0}, make([]byte, 20)...), 2)
	}
	return nil
}

// association is a packet with INIT (RFC 9260 section 3.3.2), whose checksum is
// a CRC32c (appendix A), least significant byte first.
func association(ports []byte) []byte {
	const header, initChunk, size = 12, 1, 20
	s := append(ports, make([]byte, header+size-len(ports))...)
	copy(s[header:], []byte{initChunk, 0, 0, size, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1})
	binary.LittleEndian.PutUint32(s[8:], crc32.Checksum(s, crc32.MakeTable(crc32.Castagnoli)))
	return s
}

// sealed writes the checksum at its place: over the segment and, but for ICMP of
// IPv4, the pseudo header. Otherwise the packet would be "invalid", not new.
func sealed(p ruleset.Packet, segment []byte, at int) []byte {
	covered := segment
	if p.Protocol != protoICMP {
		pseudo := append(p.Src.AsSlice(), p.Dst.AsSlice()...)
		pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(segment)))
		pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(p.Protocol))
		covered = append(pseudo, segment...)
	}
	sum := ^checksum(covered)
	if sum == 0 && p.Protocol == protoUDP {
		sum = 0xffff // 0 would mean that there is none
	}
	binary.BigEndian.PutUint16(segment[at:], sum)
	return segment
}

// checksum is the sum of RFC 1071, before its complement, of an even number of
// bytes.
func checksum(data []byte) uint16 {
	var sum uint32
	for ; len(data) >= 2; data = data[2:] {
		sum += uint32(binary.BigEndian.Uint16(data))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
