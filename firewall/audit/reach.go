package audit

import (
	"fmt"
	"net/netip"
	"slices"

	"ngcp-fw/firewall/hook"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// Judge tells what becomes of the first packet of a connection; port 0 is any
// source port.
type Judge func(ruleset.Packet) hook.Outcome

// Host is what sockets are held against.
type Host struct {
	Model *exposure.Model
	Links []hook.Link
	Judge Judge

	classes   []class
	everybody addr.Set   // that may come from afar
	targets   []addr.Set // that destinations are told apart by
	edges     []uint16   // between ports that may differ, ascending
	odd       bool       // nobody knows what else tells ports and destinations apart
	ports     []uint16   // source ports that rules tell apart, and one that none does
	roles     map[string]addr.Set
	outside   addr.Set // of no role that has limits
}

// anySourcePort is one that rules rarely speak of: in the range of ports for
// clients (RFC 6335 section 6).
const anySourcePort = 61000

// NewHost prepares to judge: sources are told apart by what rules compare them
// with, by the policy, and by the host's routes. cut tells that there are too many
// kinds of them to look at all.
func NewHost(m *exposure.Model, links []hook.Link, judge Judge, rules Constants, routes []netip.Prefix) (h *Host, cut bool) {
	h = &Host{Model: m, Links: links, Judge: judge, ports: append([]uint16{anySourcePort}, rules.Ports...)}
	own := ownAddresses(links)
	sets := append([]addr.Set{m.Deny}, rules.Sources...)
	h.targets, h.edges, h.odd = distinctSets(rules.Destinations), modelEdges(m, rules.Edges), rules.Odd > 0
	for _, e := range m.Exposures {
		sets = append(sets, e.Sources)
		for _, a := range e.Addresses {
			h.targets = append(h.targets, addr.Of(netip.PrefixFrom(a, a.BitLen())))
		}
	}
	for _, r := range routes {
		sets = append(sets, addr.Of(r))
	}
	h.classes, cut = classify(never.Union(own), distinctSets(sets))
	h.everybody = addr.Any().Subtract(never).Subtract(own).Subtract(linkLocal)
	h.countRoles()
	return h, cut
}

// ownAddresses is what nobody else's packets come from: the host's addresses, and
// its links' broadcast addresses, which the kernel takes for no source
// (fib_validate_source of net/ipv4/fib_frontend.c).
func ownAddresses(links []hook.Link) addr.Set {
	const point = 31 // a link between two has none (RFC 3021)
	var b addr.Builder
	for _, l := range links {
		for _, a := range l.Addrs {
			b.AddRange(a.Addr(), a.Addr())
			if a.Addr().Is4() && a.Bits() < point {
				for r := range addr.Of(a).Ranges() {
					b.AddRange(r.To, r.To)
				}
			}
		}
	}
	return b.Set()
}

// distinctSets leaves out sets that tell nothing apart that others don't.
func distinctSets(sets []addr.Set) (all []addr.Set) {
	for _, s := range sets {
		if !s.IsEmpty() && !s.IsAny() && !slices.ContainsFunc(all, s.Equal) {
			all = append(all, s)
		}
	}
	return all
}

// countRoles finds the sources of each role, and those of none: a role that is of
// everybody, in a family, says nothing about who somebody is.
func (h *Host) countRoles() {
	h.roles = map[string]addr.Set{}
	for _, e := range h.Model.Exposures {
		h.roles[e.Role] = h.roles[e.Role].Union(e.Sources)
	}
	h.outside = addr.Any()
	for _, s := range h.roles {
		for _, part := range []addr.Set{s.Only4(), s.Only6()} {
			if !part.IsAny4() && !part.IsAny6() {
				h.outside = h.outside.Subtract(part)
			}
		}
	}
}

// trial is one kind of packet to a socket, and what becomes of it.
type trial struct {
	flow    policy.Flow
	sources addr.Set
	outcome hook.Outcome
	allowed bool // by the policy
}

// enters tells whether the packet gets in, as far as is known.
func (t trial) enters() bool { return t.outcome.Verdict != hook.Drop }

// target is what packets are sent to: a socket, or a port where nobody listens.
type target struct {
	protocol policy.Protocol
	address  netip.Addr
	both     bool
	link     string
	port     uint16
}

// trials sends every kind of packet to the socket, by every link.
func (h *Host) trials(to target) (all []trial) {
	for _, l := range h.Links {
		if l.Loopback || to.link != "" && to.link != l.Name {
			continue
		}
		for _, at := range h.addresses(to, l) {
			for _, c := range h.classes {
				if fits(c.one, at) {
					all = append(all, h.try(policy.Flow{In: l.Name, From: c.one, To: at, ToPort: to.port, Protocol: to.protocol}, c.sources)...)
				}
			}
		}
	}
	return all
}

// fits tells whether packets go from one to the other: of one family, and within
// a link only if both are.
func fits(from, to netip.Addr) bool {
	return from.Is4() == to.Is4() && (from.Is4() || to.IsMulticast() || from.IsLinkLocalUnicast() == to.IsLinkLocalUnicast())
}

// addresses is where packets for the socket go to, that come by the link: a host
// takes what is for its addresses by any link (RFC 1122 section 3.3.4.2), but those
// of a link only there (RFC 4291 section 2.5.6). One stands for all that are alike.
func (h *Host) addresses(to target, by hook.Link) (all []netip.Addr) {
	if !to.address.IsUnspecified() {
		return []netip.Addr{to.address}
	}
	for _, l := range h.Links {
		for _, a := range l.Addrs {
			ip := a.Addr()
			near := l.Name == by.Name || !ip.IsLinkLocalUnicast()
			if near && !l.Loopback && (to.both || ip.Is4() == to.address.Is4()) && !slices.ContainsFunc(all, func(b netip.Addr) bool { return h.alike(ip, b) }) {
				all = append(all, ip)
			}
		}
	}
	return all
}

// try asks for all source ports at once, and one by one where that leaves a doubt.
func (h *Host) try(f policy.Flow, sources addr.Set) (all []trial) {
	t := h.one(f, sources)
	if t.outcome.Verdict != hook.Unknown {
		return []trial{t}
	}
	for _, f.FromPort = range h.ports {
		all = append(all, h.one(f, sources))
	}
	return all
}

func (h *Host) one(f policy.Flow, sources addr.Set) trial {
	return trial{f, sources, h.Judge(packet(f)), h.Model.Allows(f).Accept}
}

func packet(f policy.Flow) ruleset.Packet {
	return ruleset.Packet{In: f.In, Src: f.From, Dst: f.To, Protocol: uint8(f.Protocol), SrcPort: f.FromPort, DstPort: f.ToPort}
}

// hears tells whether this host itself gets to the socket, by lo.
func (h *Host) hears(to target) bool {
	at := to.address
	switch {
	case at.IsUnspecified() && (at.Is4() || to.both):
		at = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case at.IsUnspecified():
		at = netip.IPv6Loopback()
	}
	p := ruleset.Packet{In: "lo", Src: at, Dst: at, Protocol: uint8(to.protocol), SrcPort: anySourcePort, DstPort: to.port}
	return h.Judge(p).Verdict != hook.Drop
}

// verdict is what the trials of a socket come to.
type verdict struct {
	reach Reach
	roles []string
	from  addr.Set
	links []string
	why   string
}

func (h *Host) sum(to target, all []trial) (v verdict) {
	var from addr.Builder
	tried := map[string]bool{}
	for _, t := range all {
		if !t.flow.To.IsLinkLocalUnicast() {
			tried[t.flow.In] = true
		}
		if !t.enters() {
			continue
		}
		from.AddSet(t.sources)
		if !t.flow.To.IsLinkLocalUnicast() && !slices.Contains(v.links, t.flow.In) {
			v.links = append(v.links, t.flow.In)
		}
	}
	v.from = h.rounded(from.Set())
	slices.Sort(v.links)
	if len(v.links) == len(tried) {
		v.links = nil
	}
	v.reach, v.roles = h.who(to, v.from)
	v.why = why(all, h.outside)
	return v
}

// rounded takes what never comes from afar into a set that has all the rest of its
// family.
func (h *Host) rounded(s addr.Set) addr.Set {
	for _, family := range []addr.Set{addr.Any4(), addr.Any6()} {
		if s.Covers(h.everybody.Intersect(family)) {
			s = s.Union(family)
		}
	}
	return s
}

// who tells the reach of a socket by the sources that get in.
func (h *Host) who(to target, from addr.Set) (Reach, []string) {
	if from.IsEmpty() {
		if h.hears(to) {
			return ReachLocal, nil
		}
		return ReachNobody, nil
	}
	roles, rest := h.named(to, from)
	if from.Overlaps(h.outside) {
		return ReachAny, roles
	}
	for role, s := range h.roles {
		if s.Overlaps(rest) && !slices.Contains(roles, role) && !s.IsAny() {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	return ReachRoles, roles
}

// named is which of the roles get in that the policy gives the port to, and the
// sources that are of none of these.
func (h *Host) named(to target, from addr.Set) (roles []string, rest addr.Set) {
	for _, e := range h.Model.Exposures {
		if opens(e, to.protocol, to.port) && e.Sources.Overlaps(from) && !slices.Contains(roles, e.Role) {
			roles = append(roles, e.Role)
		}
	}
	rest = from
	for _, role := range roles {
		rest = rest.Subtract(h.roles[role])
	}
	slices.Sort(roles)
	return roles, rest
}

func opens(e exposure.Exposure, protocol policy.Protocol, port uint16) bool {
	return e.Ports == nil || slices.ContainsFunc(e.Ports, func(p policy.Ports) bool {
		return p.Protocol == protocol && p.From <= port && port <= p.To
	})
}

// why is what lets a source in that is of no role, or else any, or what keeps the
// first one out.
func why(all []trial, outside addr.Set) string {
	best := -1
	for i, t := range all {
		if t.enters() && (best < 0 || !all[best].sources.Overlaps(outside) && t.sources.Overlaps(outside)) {
			best = i
		}
	}
	switch {
	case best >= 0:
		return told(all[best].outcome)
	case len(all) > 0:
		return told(all[0].outcome)
	}
	return ""
}

// told is the chain and rule that decides; "": there is no chain.
func told(o hook.Outcome) string {
	if o.Table == "" {
		return ""
	}
	text := fmt.Sprintf("chain %s of table %s %s", o.Chain, o.Family, o.Table)
	if o.Rule != "" {
		text += fmt.Sprintf(" (%s)", o.Rule)
	}
	if o.Why != "" {
		text += ": " + o.Why
	}
	return text
}
