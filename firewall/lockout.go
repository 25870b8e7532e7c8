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

// LockoutError says who, logged in by ssh now, a policy would shut out.
type LockoutError struct {
	Peers  []netip.Addr
	Allows addr.Set // whom the policy lets in by ssh
	Links  []string // on which links; none: every one
	Ports  []string // at which
	Origin string   // where that is written

	Unheard bool // nobody listens at these
}

// Error names them, and what to do.
func (e *LockoutError) Error() string {
	var names []string
	for _, p := range e.Peers {
		names = append(names, p.String())
	}
	who := strings.Join(names, ", ")
	return fmt.Sprintf("refused, nothing changed: you would be locked out\n  %s is logged in by ssh, and %s (%s)\nhint: %s, or insist with --allow-lockout --confirm 2m",
		who, e.why(), e.Origin, e.remedy(who))
}

// among reports whether all of them may use ssh, but not where they do.
func (e *LockoutError) among() bool {
	return !slices.ContainsFunc(e.Peers, func(p netip.Addr) bool { return !e.Allows.Contains(p) })
}

func (e *LockoutError) why() string {
	if e.Allows.IsEmpty() {
		return "the new policy lets in nobody"
	}
	text := "the new policy lets in " + summary(e.Allows)
	if len(e.Links) > 0 {
		slices.Sort(e.Links)
		text += " on " + strings.Join(slices.Compact(e.Links), ", ")
	}
	if e.among() {
		text += fmt.Sprintf(" only at port %s", strings.Join(e.Ports, ", "))
		if e.Unheard {
			text += ", where nobody listens yet"
		}
		return text
	}
	return text + " only"
}

func (e *LockoutError) remedy(who string) string {
	switch {
	case e.among() && e.Unheard:
		return "have sshd listen at the new port first"
	case e.among():
		return "keep ssh open where it is used"
	}
	return fmt.Sprintf("add %s to administrators", who)
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

// sshService is the service that administrators log in by.
const sshService = "ssh"

// checkLockout asks the kernel who is logged in by ssh, at the ports of the new
// model, of the one before or the usual one, and the new one whether it still lets them in: at
// the port they came by, or at another one of ssh where somebody listens. What
// only observes shuts out nobody.
func checkLockout(m, before *exposure.Model) error {
	if m.Observe {
		return nil
	}
	ports := sshPorts(m)
	sessions, err := host.SSHSessions(slices.Concat(ports, sshPorts(before), []uint16{sshPort}))
	if err != nil || len(sessions) == 0 {
		return err
	}
	open, err := host.Listening(ports)
	if err != nil {
		return err
	}
	e := &LockoutError{Origin: "built in"}
	for _, s := range sessions {
		if !admits(m, s, open) && !slices.Contains(e.Peers, s.From) {
			e.Peers = append(e.Peers, s.From)
		}
	}
	if len(e.Peers) == 0 {
		return nil
	}
	e.Unheard = len(open) == 0
	for _, x := range m.Exposures {
		if x.Service == sshService {
			e.Allows, e.Origin = e.Allows.Union(x.Sources), x.Origin.LineOrigin()
			e.Links = append(e.Links, x.Interfaces...)
			e.Ports = append(e.Ports, exposure.PortNames(x.Ports)...)
			if !x.RolePos.IsZero() {
				e.Origin = x.RolePos.LineOrigin()
			}
		}
	}
	slices.Sort(e.Ports)
	e.Ports = slices.Compact(e.Ports)
	return e
}

// sshPorts is the TCP ports that a model means by ssh, one by one; also where
// it closes them.
func sshPorts(m *exposure.Model) (list []uint16) {
	if m == nil {
		return nil
	}
	var ports []policy.Ports
	for _, s := range m.Services {
		if s.Name == sshService {
			ports = append(ports, s.Ports...)
		}
	}
	for _, x := range m.Exposures {
		if x.Service == sshService {
			ports = append(ports, x.Ports...)
		}
	}
	for _, p := range ports {
		for n := int(p.From); n <= int(p.To) && p.Protocol == policy.TCP; n++ {
			list = append(list, uint16(n))
		}
	}
	return list
}

// admits reports whether the peer could come again, where it came in, at the
// port it used or at another one of ssh.
func admits(m *exposure.Model, s host.Session, open []host.Listener) bool {
	ports := []uint16{s.Port}
	for _, l := range open {
		if l.Takes(s.To) {
			ports = append(ports, l.At.Port())
		}
	}
	return slices.ContainsFunc(ports, func(port uint16) bool {
		return m.Allows(policy.Flow{From: s.From, To: s.To, ToPort: port, Protocol: policy.TCP, In: s.Link}).Accept
	})
}
