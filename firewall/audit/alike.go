package audit

import (
	"net/netip"
	"slices"

	"ngcp-fw/firewall/host"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// alike tells whether packets to both addresses share their fate: nothing tells
// one from the other.
func (h *Host) alike(a, b netip.Addr) bool {
	if a == b {
		return true
	}
	if h.odd || a.Is4() != b.Is4() || a.IsLinkLocalUnicast() != b.IsLinkLocalUnicast() {
		return false
	}
	return !slices.ContainsFunc(h.targets, func(s addr.Set) bool { return s.Contains(a) != s.Contains(b) })
}

// modelEdges is the edges of the rules, of the policy and of our own tables,
// ascending.
func modelEdges(m *exposure.Model, edges []uint16) []uint16 {
	all := slices.Clone(edges)
	for _, s := range m.Services {
		for _, p := range s.Ports {
			all = append(all, p.From, p.To+1)
		}
	}
	for _, e := range m.Exposures {
		for _, p := range e.Ports {
			all = append(all, p.From, p.To+1)
		}
	}
	for _, b := range bounds {
		all = append(all, b.port, b.port+1)
	}
	all = append(all, dhcpClient, dhcpClient+1, dhcpv6Client, dhcpv6Client+1)
	slices.Sort(all)
	return slices.Compact(all)
}

// The ports of DHCP clients, which the policy lets answers in to (RFC 2131 section
// 4.1, RFC 8415 section 7.2).
const dhcpClient, dhcpv6Client = 68, 546

// portClass is the first port of those that nothing tells apart.
func (h *Host) portClass(port uint16) uint16 {
	if h.odd {
		return port
	}
	i, exact := slices.BinarySearch(h.edges, port)
	switch {
	case exact:
		return port
	case i == 0:
		return 0
	}
	return h.edges[i-1]
}

// shape is all that decides about a socket.
type shape struct {
	target
	host.Owner
	user   string
	client bool
}

// socket is the entry of a socket; those of one shape differ in their port only.
func (a audit) socket(s host.Listener) Entry {
	e := entryOf(s)
	key := shape{target{e.Protocol, e.Address, e.Both, e.Link, a.portClass(e.Port)}, e.Owner, e.User, a.clientPort(e.Port)}
	known, seen := a.known[key]
	if !seen {
		known = a.judged(e)
		a.known[key] = known
	}
	known.Port, known.LastPort = e.Port, e.LastPort
	return known
}
