package compile

import (
	"net/netip"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// allows is what interface.md says of a new packet, word by word and without a
// thought for rules: what the compiled table is compared with.
func allows(m *exposure.Model, p ruleset.Packet) bool {
	loopback4 := netip.MustParsePrefix("127.0.0.0/8")
	switch {
	case p.In == "lo":
		return true
	case m.Deny.Contains(p.Src):
		return false
	case p.Src.IsLoopback(), p.Dst.IsLoopback(), loopback4.Contains(p.Src):
		return false
	case dhcpReply(p):
		return true
	}
	return slices.ContainsFunc(m.Exposures, func(e exposure.Exposure) bool { return holds(e, p) })
}

func dhcpReply(p ruleset.Packet) bool {
	if p.Protocol != uint8(policy.UDP) {
		return false
	}
	return p.Src.Is4() && p.SrcPort == 67 && p.DstPort == 68 ||
		netip.MustParsePrefix("fe80::/10").Contains(p.Src) && p.SrcPort == 547 && p.DstPort == 546
}

func holds(e exposure.Exposure, p ruleset.Packet) bool {
	at := e.Ports == nil || slices.ContainsFunc(e.Ports, func(r policy.Ports) bool {
		return uint8(r.Protocol) == p.Protocol && r.From <= p.DstPort && p.DstPort <= r.To
	})
	return at && e.Sources.Contains(p.Src) &&
		(e.Interfaces == nil || slices.Contains(e.Interfaces, p.In)) &&
		(e.Addresses == nil || slices.Contains(e.Addresses, p.Dst))
}
