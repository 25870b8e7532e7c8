package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"ngcp-fw/firewall/host"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// LockoutError says who, logged in by ssh now, a policy would shut out, and why.
type LockoutError struct{ Refusals []Refusal }

// Refusal is why somebody who is logged in by ssh could not come again.
type Refusal struct {
	Peers  []netip.Addr
	Why    string // the new policy's reason
	Origin string // where that is written
	Hint   string // what to do instead, with a place for the peers
}

// Error names them, and what to do.
func (e *LockoutError) Error() string {
	var lines, hints []string
	for _, r := range e.Refusals {
		lines = append(lines, fmt.Sprintf("%s logged in by ssh, and %s (%s)", r.are(), r.Why, r.Origin))
		hints = append(hints, strings.ReplaceAll(r.Hint, peersHere, r.names()))
	}
	return fmt.Sprintf("refused, nothing changed: you would be locked out\n  %s\nhint: %s, or insist with --allow-lockout --confirm 2m",
		strings.Join(lines, "\n  "), strings.Join(hints, "; "))
}

// peersHere is where a hint has the peers' names.
const peersHere = "{peers}"

func (r Refusal) names() string {
	var names []string
	for _, p := range r.Peers {
		names = append(names, p.String())
	}
	return strings.Join(names, ", ")
}

func (r Refusal) are() string {
	if len(r.Peers) > 1 {
		return r.names() + " are"
	}
	return r.names() + " is"
}

// add takes one who is refused to those who are refused for the same reason.
func (e *LockoutError) add(peer netip.Addr, r Refusal) {
	for i := range e.Refusals {
		if o := &e.Refusals[i]; o.Why == r.Why && o.Origin == r.Origin && o.Hint == r.Hint {
			if !slices.Contains(o.Peers, peer) {
				o.Peers = append(o.Peers, peer)
			}
			return
		}
	}
	r.Peers = []netip.Addr{peer}
	e.Refusals = append(e.Refusals, r)
}

// refusal is why a model does not let somebody come again: the first that is
// wrong of deny, the service, the source, the port, the link and the address.
func refusal(m *exposure.Model, s host.Session, open []host.Listener) Refusal {
	if d := m.Allows(session(s, s.Port)); d.Denied {
		return Refusal{Why: "the new policy denies that source", Origin: d.DeniedBy.LineOrigin(), Hint: "take " + peersHere + " out of deny"}
	}
	ssh := slices.DeleteFunc(slices.Clone(m.Exposures), func(x exposure.Exposure) bool { return x.Service != sshService })
	if len(ssh) == 0 {
		return closed(m)
	}
	among := slices.DeleteFunc(slices.Clone(ssh), func(x exposure.Exposure) bool { return !x.Sources.Contains(s.From) })
	if len(among) == 0 {
		return notAmong(ssh)
	}
	why := "the new policy lets in " + summary(sourcesOf(among))
	where := among[0].Origin.LineOrigin()
	heard := slices.DeleteFunc(slices.Clone(among), func(x exposure.Exposure) bool {
		return !slices.ContainsFunc(portsFor(s, open), func(port uint16) bool { return x.Opens(policy.TCP, port) })
	})
	if len(heard) == 0 {
		return elsewhere(why, where, among, len(open) == 0)
	}
	var links, addresses []string
	for _, x := range heard {
		links = append(links, x.Interfaces...)
		for _, a := range x.Addresses {
			addresses = append(addresses, a.String())
		}
	}
	if len(links) > 0 && !slices.Contains(links, s.Link) {
		return Refusal{Why: fmt.Sprintf("%s on %s only, not on %s", why, listed(links), s.Link), Origin: where, Hint: "keep ssh open on " + s.Link}
	}
	return Refusal{Why: fmt.Sprintf("%s at %s only, not at %s", why, listed(addresses), s.To), Origin: where, Hint: fmt.Sprintf("keep ssh open at %s", s.To)}
}

// closed is the refusal of a model that has ssh switched off, or for no role.
func closed(m *exposure.Model) Refusal {
	r := Refusal{Why: "the new policy lets in nobody", Origin: "built in", Hint: "leave ssh open"}
	for _, s := range m.Services {
		if s.Name == sshService && s.Closed != "" {
			r.Why, r.Origin = "the new policy has ssh closed", s.Closed
		}
	}
	return r
}

func notAmong(ssh []exposure.Exposure) Refusal {
	r := Refusal{Why: "the new policy lets in nobody", Origin: ssh[0].Origin.LineOrigin(), Hint: "add " + peersHere + " to " + ssh[0].Role}
	if all := sourcesOf(ssh); !all.IsEmpty() {
		r.Why = fmt.Sprintf("the new policy lets in %s only", summary(all))
	}
	for _, x := range ssh {
		if !x.RolePos.IsZero() {
			r.Origin = x.RolePos.LineOrigin()
		}
	}
	return r
}

func elsewhere(why, where string, among []exposure.Exposure, unheard bool) Refusal {
	var ports []string
	for _, x := range among {
		ports = append(ports, exposure.PortNames(x.Ports)...)
	}
	r := Refusal{Why: fmt.Sprintf("%s only at port %s", why, listed(ports)), Origin: where, Hint: "keep ssh open at the port that is used"}
	if unheard {
		r.Why += ", where nobody listens yet"
		r.Hint = "have sshd listen at the new port first"
	}
	return r
}

func sourcesOf(all []exposure.Exposure) (sources addr.Set) {
	for _, x := range all {
		sources = sources.Union(x.Sources)
	}
	return sources
}

func listed(names []string) string {
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// summary is the first few sources of a set.
func summary(s addr.Set) string {
	const few = 4
	if s.IsAny() {
		return "any"
	}
	texts := s.Strings()
	if len(texts) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:few], ", "), len(texts)-few)
	}
	return strings.Join(texts, ", ")
}
