package audit

import (
	"net/netip"
	"slices"

	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// Facts is what else an audit knows.
type Facts struct {
	InForce     bool   // our own table is in the kernel
	Own         string // the name of that table
	FirstClient uint16 // the ports that clients get (ip_local_port_range of ip(7))
	LastClient  uint16
	Media       mediaproxy.Report
}

// Entries joins the sockets with who reaches them and with the policy, and adds the
// open ports where nobody listens: the worst findings first.
func Entries(h *Host, sockets []host.Listener, f Facts) []Entry {
	a := audit{Host: h, Facts: f, sockets: sockets, known: map[shape]Entry{}}
	var all []Entry
	for _, s := range sockets {
		all = append(all, a.socket(s))
	}
	all = append(append(fold(all), a.unheard()...), a.media()...)
	slices.SortStableFunc(all, worse)
	return all
}

type audit struct {
	*Host
	Facts
	sockets []host.Listener
	known   map[shape]Entry
}

func entryOf(s host.Listener) Entry {
	return Entry{
		Protocol: policy.Protocol(s.Protocol), Address: s.At.Addr(), Both: s.Both, Link: s.Link, Port: s.At.Port(), LastPort: s.At.Port(),
		Sockets: 1, Owner: s.Owner, User: s.User,
	}
}

// judged is the entry with who reaches it, and what is wrong with that.
func (a audit) judged(e Entry) Entry {
	if service := a.service(e.Protocol, e.Port, e.Address); service != nil {
		e.Service, e.Origin = service.Name, service.PortsFrom
	}
	to := target{e.Protocol, e.Address, e.Both, e.Link, e.Port}
	var trials []trial
	if e.Address.IsLoopback() || a.loopbackOnly(e.Link) {
		e.Reach = ReachLocal
	} else {
		trials = a.trials(to)
		e.take(a.sum(to, trials))
	}
	e.ephemeral = e.Protocol == policy.UDP && e.Service == "" && a.clientPort(e.Port)
	e.Client = e.ephemeral && (e.Reach == ReachLocal || e.Reach == ReachNobody)
	e.Findings = a.findings(&e, trials)
	return e
}

func (a audit) clientPort(port uint16) bool { return a.FirstClient <= port && port <= a.LastClient }

func (e *Entry) take(v verdict) {
	e.Reach, e.Roles, e.From, e.Links, e.Why = v.reach, v.roles, v.from, v.links, v.why
}

func (a audit) loopbackOnly(link string) bool {
	for _, l := range a.Links {
		if l.Name == link {
			return l.Loopback
		}
	}
	return false
}

// service is the service that has the port: one that is open there, or else one
// that is closed.
func (a audit) service(protocol policy.Protocol, port uint16, at netip.Addr) *exposure.Service {
	name, there := "", func(e exposure.Exposure) bool {
		return e.Ports != nil && opens(e, protocol, port) && (e.Addresses == nil || at.IsUnspecified() || slices.Contains(e.Addresses, at))
	}
	if i := slices.IndexFunc(a.Model.Exposures, there); i >= 0 {
		name = a.Model.Exposures[i].Service
	}
	for i := range a.Model.Services {
		s := &a.Model.Services[i]
		if s.Name == name || name == "" && s.Name != exposure.Cluster && opens(exposure.Exposure{Ports: portsOf(s)}, protocol, port) {
			return s
		}
	}
	return nil
}

// portsOf is the service's ports, never nil, which would be every one.
func portsOf(s *exposure.Service) []policy.Ports { return append([]policy.Ports{}, s.Ports...) }

// unheard is the open ports where nobody listens.
func (a audit) unheard() (all []Entry) {
	seen := map[string]bool{}
	for _, e := range a.Model.Exposures {
		for _, p := range e.Ports {
			key := e.Service + p.String()
			if seen[key] || p.Protocol != policy.TCP && p.Protocol != policy.UDP || a.heard(e, p) {
				continue
			}
			seen[key] = true
			all = append(all, a.silent(e, p))
		}
	}
	return all
}

// heard tells whether somebody listens at the ports, where others could get to it.
// Media has sockets only while there are calls.
func (a audit) heard(e exposure.Exposure, p policy.Ports) bool {
	if e.Service == media && len(a.Media.Host.Daemons) > 0 {
		return true
	}
	return slices.ContainsFunc(a.sockets, func(s host.Listener) bool {
		at := s.At.Addr()
		here := e.Addresses == nil || at.IsUnspecified() || slices.Contains(e.Addresses, at)
		return s.Protocol == uint8(p.Protocol) && p.From <= s.At.Port() && s.At.Port() <= p.To && here && !at.IsLoopback()
	})
}

func (a audit) silent(x exposure.Exposure, p policy.Ports) Entry {
	e := a.opened(x, p)
	e.Findings = a.silence(&e)
	return e
}

// media is what there is to say of the rule that hands media to rtpengine's module.
func (a audit) media() []Entry {
	if len(a.Media.Findings) == 0 {
		return nil
	}
	e := Entry{Protocol: policy.UDP, Service: media, Reach: ReachLocal}
	for _, x := range a.Model.Exposures {
		if x.Service == media && len(x.Ports) > 0 {
			e = a.opened(x, x.Ports[0])
			break
		}
	}
	if len(a.Media.Host.Daemons) > 0 {
		d := a.Media.Host.Daemons[0]
		e.Process, e.PID = d.Name, d.PID
	}
	for _, line := range a.Media.Findings {
		e.Findings = append(e.Findings, Finding{CodeMedia, line})
	}
	return []Entry{e}
}

// opened is who reaches ports that the policy opens.
func (a audit) opened(x exposure.Exposure, p policy.Ports) Entry {
	e := Entry{Protocol: p.Protocol, Port: p.From, LastPort: p.To, Service: x.Service}
	for _, s := range a.Model.Services {
		if s.Name == x.Service {
			e.Origin = s.PortsFrom
		}
	}
	to := target{p.Protocol, netip.IPv6Unspecified(), true, "", p.From}
	var all []trial
	for _, at := range x.Addresses {
		to.address, to.both = at, false
		all = append(all, a.trials(to)...)
	}
	if x.Addresses == nil {
		all = a.trials(to)
	}
	e.take(a.sum(to, all))
	return e
}

// outsiders tells whether all that are in no role are among the sources.
func (h *Host) outsiders(s addr.Set) bool {
	return !s.IsEmpty() && s.Covers(h.outside.Intersect(h.everybody).Intersect(families(s)))
}

// families is all of the families that the set has addresses of.
func families(s addr.Set) (all addr.Set) {
	if s.Has4() {
		all = addr.Any4()
	}
	if s.Has6() {
		all = all.Union(addr.Any6())
	}
	return all
}
