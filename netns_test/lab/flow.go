package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Protocol is an IP protocol by its number (IANA, Assigned Internet Protocol Numbers).
type Protocol uint8

// Protocols with ports, and ICMP, which between addresses of IPv6 is ICMPv6.
const (
	ICMP Protocol = 1
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132

	protocolICMPv6 Protocol = 58
)

// Flow is a packet to send to the host: the first of a UDP flow, a TCP or SCTP
// connection request, an ICMP message, or a payload of any other protocol.
type Flow struct {
	Link     string // by which it comes; empty: the host's first
	From     netip.Addr
	FromPort uint16     // zero: one that no recent flow had
	To       netip.Addr // zero: the link's first address of From's family
	ToPort   uint16
	Proto    Protocol
	Type     byte   // of ICMP; zero with Code zero: echo request
	Code     byte   // of ICMP
	Payload  []byte // of UDP, ICMP (behind type, code and checksum) and other protocols; nil: a few bytes. What does not fit one packet goes in fragments.
}

// String is how a failed test names the flow: what it leaves open is left out.
func (f Flow) String() string {
	text := fmt.Sprintf("%s > %s protocol %d", endpoint(f.From, f.FromPort), endpoint(f.To, f.ToPort), f.Proto)
	if f.Type != 0 || f.Code != 0 {
		text += fmt.Sprintf(" type %d code %d", f.Type, f.Code)
	}
	if len(f.Payload) > 0 {
		text += fmt.Sprintf(" with %d bytes", len(f.Payload))
	}
	if f.Link != "" {
		text += " on " + f.Link
	}
	return text
}

func endpoint(a netip.Addr, port uint16) string {
	switch {
	case port == 0 && !a.IsValid():
		return "host"
	case port == 0:
		return a.String()
	case !a.IsValid():
		return fmt.Sprintf("host:%d", port)
	}
	return netip.AddrPortFrom(a, port).String()
}

// Source ports of flows that leave theirs open: the dynamic ones (RFC 6335
// section 6).
const firstPort, lastPort = 49152, 65535

// complete fills in what the flow leaves open; number tells flows apart.
func (f Flow) complete(w *wire, number uint32) (Flow, error) {
	if f.FromPort == 0 {
		f.FromPort = uint16(firstPort + number%(lastPort-firstPort+1))
	}
	for i := 0; i < len(w.addrs) && !f.To.IsValid(); i++ {
		if w.addrs[i].Is4() == f.From.Is4() {
			f.To = w.addrs[i]
		}
	}
	if !f.From.IsValid() || !f.To.IsValid() || f.From.Is4() != f.To.Is4() {
		return f, fmt.Errorf("lab: no flow from %s to %s on link %s", f.From, f.To, w.name)
	}
	if f.Payload == nil {
		f.Payload = binary.BigEndian.AppendUint64(nil, uint64(number))
	}
	if f.Proto == ICMP {
		f = f.completeICMP()
	}
	return f, nil
}

func (f Flow) completeICMP() Flow {
	const echo, echo6 = 8, 128 // RFC 792, RFC 4443 section 4.1
	if f.From.Is6() {
		f.Proto = protocolICMPv6
	}
	if f.Type == 0 && f.Code == 0 {
		f.Type = echo
		if f.From.Is6() {
			f.Type = echo6
		}
	}
	return f
}

// segment is what IP carries of a complete flow.
func (f Flow) segment(number uint32) []byte {
	src, dst := netip.AddrPortFrom(f.From, f.FromPort), netip.AddrPortFrom(f.To, f.ToPort)
	switch f.Proto {
	case TCP:
		return tcpSegment(src, dst, number)
	case UDP:
		return udpSegment(src, dst, f.Payload)
	case SCTP:
		return sctpSegment(src, dst, number)
	case ICMP, protocolICMPv6:
		return icmpMessage(f.From, f.To, f.Type, f.Code, f.Payload)
	}
	return f.Payload
}
