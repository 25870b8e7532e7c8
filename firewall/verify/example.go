package verify

import (
	"net/netip"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
)

// anySourcePort is a port that a client has: of the range 49152 to 65535 (RFC
// 6335 section 6).
const anySourcePort = 61000

// Local addresses to show where any will do: set aside for documentation (RFC
// 5737, RFC 3849).
var anyLocal = map[ruleset.Family]netip.Addr{
	ruleset.FamilyIPv4: netip.MustParseAddr("192.0.2.1"),
	ruleset.FamilyIPv6: netip.MustParseAddr("2001:db8::1"),
}

// example is one packet of a box, of what people know best.
func (c *comparison) example(b *box, h ruleset.Hook, accepted bool) *Counterexample {
	p := ruleset.Packet{
		In: (*c.links)[first(b.axes[inLink], c.named()...)], Out: (*c.links)[first(b.axes[outLink], noLink)],
		Src: b.src.host(b.family), Dst: anyLocal[b.family], Protocol: uint8(first(b.axes[protocol], protoUDP, protoTCP, protoSCTP)),
		State: trackingStates[first(b.axes[tracking])],
	}
	if !b.dst.Contains(p.Dst) {
		p.Dst = b.dst.host(b.family)
	}
	hasPorts := fieldProtocols[ruleset.THDport].contains(uint16(p.Protocol))
	if hasPorts {
		p.SrcPort, p.DstPort = first(b.axes[srcPort], anySourcePort), real(b.axes[dstPort])
	}
	if p.Protocol == protoICMP || p.Protocol == protoICMPv6 {
		p.ICMPType = uint8(first(b.axes[icmpType]))
	}
	flow := policy.Flow{From: p.Src, FromPort: p.SrcPort, To: p.Dst, ToPort: p.DstPort, Protocol: policy.Protocol(p.Protocol), In: p.In}
	if p.SrcPort == anySourcePort {
		flow.FromPort = 0
	}
	if c.anywhere(b) {
		flow.To = netip.Addr{}
	}
	e := &Counterexample{Hook: h, Flow: flow, Packet: p, Policy: !accepted, Kernel: accepted, Banned: setsOfBanned[first(b.axes[ban], isNot)], Held: b.held}
	if p.In == (*c.links)[otherLink] {
		e.Unlike = (*c.links)[loopback:]
	}
	return e
}

// setsOfBanned is the numbers on the axis ban as sets, without the family.
var setsOfBanned = []string{isNot: "", is: "banned", offends: "offenders", listed: "crowdsec"}

// By gives a packet that can come by any interface but some one of those that a
// host has.
func (c *Counterexample) By(links []string) {
	for _, name := range links {
		if c.Unlike != nil && !slices.Contains(c.Unlike, name) {
			c.Flow.In, c.Packet.In = name, name
			return
		}
	}
}

// anywhere tells whether the box's packets go to every address that other hosts
// can send to.
func (c *comparison) anywhere(b *box) bool {
	for _, f := range families {
		if f.family == b.family {
			return b.dst.Covers(f.all.Subtract(f.own))
		}
	}
	return false
}

// named is the links that have a name, but for loopback.
func (c *comparison) named() (indexes []uint16) {
	for i := int(loopback) + 1; i < len(*c.links); i++ {
		indexes = append(indexes, uint16(i))
	}
	return append(indexes, otherLink)
}

// first is the first of the wishes that is among the numbers, or else the lowest
// number.
func first(r ranges, wishes ...uint16) uint16 {
	for _, w := range wishes {
		if r.contains(w) {
			return w
		}
	}
	return r[0].from
}

// real is a port that can be written: 0 only where there is no other.
func real(r ranges) uint16 {
	if left := r.subtract(only(0)); len(left) > 0 {
		return left[0].from
	}
	return 0
}
