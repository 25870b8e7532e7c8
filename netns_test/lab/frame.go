package lab

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// mtu is what veth pairs carry (linux/if_ether.h, ETH_DATA_LEN).
const mtu = 1500

const (
	etherIPv4 = 0x0800 // IANA, IEEE 802 Numbers
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
)

const (
	ipv4Header     = 20 // RFC 791 section 3.1
	ipv6Header     = 40 // RFC 8200 section 3
	fragmentHeader = 8  // RFC 8200 section 4.5
	hopLimit       = 255
)

// ipPackets carries a payload in one IP packet, or in as many fragments as it
// needs; id tells the fragments of packets apart.
func ipPackets(src, dst netip.Addr, proto Protocol, payload []byte, id uint32) (packets [][]byte) {
	header := ipv4Header
	if src.Is6() {
		header = ipv6Header
	}
	if header+len(payload) <= mtu {
		return [][]byte{ipPacket(src, dst, proto, payload, uint16(id), 0)}
	}
	if src.Is6() {
		header += fragmentHeader
	}
	room := (mtu - header) &^ 7 // fragments are counted in 8 bytes
	for offset := 0; offset < len(payload); offset += room {
		piece := payload[offset:min(offset+room, len(payload))]
		more := offset+room < len(payload)
		if src.Is6() {
			piece = append(ipv6Fragment(proto, offset, more, id), piece...)
			packets = append(packets, ipPacket(src, dst, protocolFragment, piece, 0, 0))
			continue
		}
		word := uint16(offset / 8)
		if more {
			word |= 1 << 13
		}
		packets = append(packets, ipPacket(src, dst, proto, piece, uint16(id), word))
	}
	return packets
}

const protocolFragment Protocol = 44 // IANA, Assigned Internet Protocol Numbers

func ipv6Fragment(proto Protocol, offset int, more bool, id uint32) []byte {
	word := uint16(offset)
	if more {
		word |= 1
	}
	h := []byte{byte(proto), 0}
	h = binary.BigEndian.AppendUint16(h, word)
	return binary.BigEndian.AppendUint32(h, id)
}

// ipPacket is one packet; fragment is IPv4's word of flags and offset.
func ipPacket(src, dst netip.Addr, proto Protocol, payload []byte, id, fragment uint16) []byte {
	if src.Is6() {
		p := binary.BigEndian.AppendUint16([]byte{6 << 4, 0, 0, 0}, uint16(len(payload)))
		p = append(p, byte(proto), hopLimit)
		p = append(append(p, src.AsSlice()...), dst.AsSlice()...)
		return append(p, payload...)
	}
	p := binary.BigEndian.AppendUint16([]byte{4<<4 | ipv4Header/4, 0}, uint16(ipv4Header+len(payload)))
	p = binary.BigEndian.AppendUint16(p, id)
	p = binary.BigEndian.AppendUint16(p, fragment)
	p = append(p, hopLimit, byte(proto), 0, 0)
	p = append(append(p, src.AsSlice()...), dst.AsSlice()...)
	binary.BigEndian.PutUint16(p[10:], ^sum(0, p))
	return append(p, payload...)
}

// sum is the Internet checksum before its complement (RFC 1071).
func sum(start uint32, data []byte) uint16 {
	for ; len(data) >= 2; data = data[2:] {
		start += uint32(binary.BigEndian.Uint16(data))
	}
	if len(data) == 1 {
		start += uint32(data[0]) << 8
	}
	for start > 0xffff {
		start = start>>16 + start&0xffff
	}
	return uint16(start)
}

// seal writes the checksum at the offset of a segment: over the segment and the
// pseudo header, which ICMP of IPv4 does without.
func seal(segment []byte, at int, src, dst netip.Addr, proto Protocol) []byte {
	var start uint32
	if proto != ICMP {
		pseudo := append(src.AsSlice(), dst.AsSlice()...)
		pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(segment)))
		start = uint32(sum(uint32(proto), pseudo))
	}
	c := ^sum(start, segment)
	if c == 0 && proto == UDP {
		c = 0xffff // RFC 768: zero means none
	}
	binary.BigEndian.PutUint16(segment[at:], c)
	return segment
}

// UDPPacket is an IP packet with a datagram, for example to be quoted by a message
// of ICMP.
func UDPPacket(src, dst netip.AddrPort, payload []byte) []byte {
	return ipPacket(src.Addr(), dst.Addr(), UDP, udpSegment(src, dst, payload), 0, 0)
}

func udpSegment(src, dst netip.AddrPort, payload []byte) []byte {
	s := ports(src, dst)
	s = binary.BigEndian.AppendUint16(s, uint16(8+len(payload)))
	s = append(append(s, 0, 0), payload...)
	return seal(s, 6, src.Addr(), dst.Addr(), UDP)
}

// tcpSegment asks for a connection (SYN, RFC 9293 section 3.1).
func tcpSegment(src, dst netip.AddrPort, sequence uint32) []byte {
	const syn, window = 1 << 1, 64240
	s := ports(src, dst)
	s = binary.BigEndian.AppendUint32(s, sequence)
	s = append(s, 0, 0, 0, 0, 20/4<<4, syn)
	s = binary.BigEndian.AppendUint16(s, window)
	return seal(append(s, 0, 0, 0, 0), 16, src.Addr(), dst.Addr(), TCP)
}

// sctpSegment asks for an association (INIT, RFC 9260 section 3.3.2).
func sctpSegment(src, dst netip.AddrPort, tag uint32) []byte {
	const initChunk, window, streams = 1, 65536, 1
	s := append(ports(src, dst), 0, 0, 0, 0, 0, 0, 0, 0)
	s = append(s, initChunk, 0, 0, 20)
	s = binary.BigEndian.AppendUint32(s, tag)
	s = binary.BigEndian.AppendUint32(s, window)
	s = append(s, 0, streams, 0, streams)
	s = binary.BigEndian.AppendUint32(s, tag)
	binary.LittleEndian.PutUint32(s[8:], crc32.Checksum(s, crc32.MakeTable(crc32.Castagnoli)))
	return s
}

func ports(src, dst netip.AddrPort) []byte {
	s := binary.BigEndian.AppendUint16(nil, src.Port())
	return binary.BigEndian.AppendUint16(s, dst.Port())
}

// icmpMessage is a message of ICMP, or of ICMPv6 between addresses of IPv6.
func icmpMessage(src, dst netip.Addr, kind, code byte, body []byte) []byte {
	proto := ICMP
	if src.Is6() {
		proto = protocolICMPv6
	}
	return seal(append([]byte{kind, code, 0, 0}, body...), 2, src, dst, proto)
}
