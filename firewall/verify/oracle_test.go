package verify_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// word is what the policy says of one packet.
type word uint8

const (
	refused word = iota
	accepted
	either
)

// allows asks the policy about one packet for this host, as its language has it
// and one packet at a time: a second look at what the proof takes for the law.
func allows(m *exposure.Model, p ruleset.Packet, banned bool) word {
	switch {
	case m.Observe || p.In == "lo":
		return accepted
	case m.Deny.Contains(p.Src), banned && !m.NeverBan.Contains(p.Src), p.Src.IsLoopback(), p.Dst.IsLoopback():
		return refused
	case icmpNeeded(p):
		return accepted
	}
	media, answer := isMedia(m, p), slices.Contains([]uint16{53, 123}, p.SrcPort)
	switch p.State {
	case ruleset.StateEstablished, ruleset.StateRelated:
		if !media || answer {
			return accepted
		}
	case ruleset.StateInvalid:
		if media && answer {
			return either
		} else if !media {
			return refused
		}
	}
	if hostNeeds(p) || slices.ContainsFunc(m.Exposures, func(e exposure.Exposure) bool { return opens(&e, p) && lets(&e, p) }) {
		return accepted
	}
	return refused
}

func icmpNeeded(p ruleset.Packet) bool {
	if p.Src.Is4() {
		return p.Protocol == 1 && slices.Contains([]uint8{3, 8, 11, 12}, p.ICMPType)
	}
	return p.Protocol == 58 && slices.Contains([]uint8{1, 2, 3, 4, 128, 130, 131, 132, 133, 134, 135, 136, 141, 142, 143, 148, 149, 151, 152, 153}, p.ICMPType)
}

func hostNeeds(p ruleset.Packet) bool {
	if p.Src.Is4() {
		return p.Protocol == 2 && p.Dst.IsMulticast() || p.Protocol == 17 && p.SrcPort == 67 && p.DstPort == 68
	}
	return p.Protocol == 17 && p.Src.IsLinkLocalUnicast() && p.SrcPort == 547 && p.DstPort == 546
}

func opens(e *exposure.Exposure, p ruleset.Packet) bool {
	return e.Ports == nil || slices.ContainsFunc(e.Ports, func(r policy.Ports) bool {
		return uint8(r.Protocol) == p.Protocol && r.From <= p.DstPort && p.DstPort <= r.To
	})
}

func lets(e *exposure.Exposure, p ruleset.Packet) bool {
	return onLink(e, p) && e.Sources.Contains(p.Src) && (e.Addresses == nil || slices.Contains(e.Addresses, p.Dst))
}

func onLink(e *exposure.Exposure, p ruleset.Packet) bool {
	return e.Interfaces == nil || slices.Contains(e.Interfaces, p.In)
}

// isMedia tells whether the packet's port is of rtp alone, on a link where rtp is
// open.
func isMedia(m *exposure.Model, p ruleset.Packet) bool {
	linked, others := false, false
	for i := range m.Exposures {
		if e := &m.Exposures[i]; e.Ports != nil && p.Protocol == 17 && opens(e, p) {
			linked, others = linked || onLink(e, p), others || e.Service != "rtp"
		}
	}
	return linked && !others
}

// crowd draws packets around all edges that a table and a model have.
type crowd struct {
	*rand.Rand
	hosts4, hosts6 []netip.Addr
	ports          []uint16
}

func newCrowd(seed uint64, t *ruleset.Table, m *exposure.Model) *crowd {
	c := &crowd{Rand: rand.New(rand.NewPCG(seed, 1))}
	c.host("192.0.2.1", "192.0.2.2", "127.0.0.1", "128.0.0.0", "224.0.0.1", "2001:db8::1", "2001:db8::2", "::1", "::2", "fe80::1", "fec0::")
	c.ports = []uint16{0, 22, 53, 67, 68, 123, 546, 547, 5060, 65535}
	for i := range t.Sets {
		s := &t.Sets[i]
		for j := range s.Elements.Len() {
			from, to, _ := s.Elements.At(j)
			c.edge(s.Key, from)
			c.edge(s.Key, to)
		}
	}
	for _, e := range m.Exposures {
		for _, p := range e.Ports {
			c.ports = append(c.ports, p.From-1, p.From, p.To, p.To+1)
		}
		for r := range e.Sources.Ranges() {
			c.host(r.From.String(), r.To.String())
		}
	}
	return c
}

func (c *crowd) host(all ...string) {
	for _, text := range all {
		a := netip.MustParseAddr(text)
		for _, a := range []netip.Addr{a, a.Prev(), a.Next()} {
			switch {
			case a.Is4():
				c.hosts4 = append(c.hosts4, a)
			case a.Is6():
				c.hosts6 = append(c.hosts6, a)
			}
		}
	}
}

func (c *crowd) edge(key *ruleset.DataType, value []byte) {
	switch key {
	case ruleset.TypePort:
		n := binary.BigEndian.Uint16(value)
		c.ports = append(c.ports, n-1, n, n+1)
	case ruleset.TypeIPv4Addr, ruleset.TypeIPv6Addr:
		a, _ := netip.AddrFromSlice(value)
		c.host(a.String())
	}
}

func one[T any](c *crowd, of ...T) T { return of[c.IntN(len(of))] }

func (c *crowd) packet() ruleset.Packet {
	hosts := one(c, c.hosts4, c.hosts6)
	p := ruleset.Packet{In: one(c, "eth0", "eth1", "eth2", "eth3", "other", "lo"), Src: one(c, hosts...), Dst: one(c, hosts...),
		Protocol: one(c, uint8(6), 17, 17, 17, 132, 1, 58, 2, 47, 0), State: one(c, ruleset.StateNew, ruleset.StateNew, ruleset.StateNew, ruleset.StateEstablished, ruleset.StateRelated, ruleset.StateInvalid)}
	switch p.Protocol {
	case 6, 17, 132:
		p.SrcPort, p.DstPort = one(c, uint16(61000), 53, 67, 123, 547, one(c, c.ports...)), one(c, c.ports...)
	case 1, 58:
		p.ICMPType = one(c, uint8(0), 1, 3, 4, 5, 8, 11, 12, 128, 129, 130, 135, 136, 137, 143, 144, 153, uint8(c.IntN(256)))
	}
	if p.Protocol == 58 && (p.ICMPType >= 130 && p.ICMPType <= 136 || p.ICMPType == 143) {
		p.State = ruleset.StateNew // it has no other
	}
	return p
}
