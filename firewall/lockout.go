package firewall

import (
	"slices"

	"ngcp-fw/firewall/host"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

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
	e := &LockoutError{}
	for _, s := range sessions {
		if !admits(m, s, open) {
			e.add(s.From, refusal(m, s, open))
		}
	}
	if len(e.Refusals) == 0 {
		return nil
	}
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
	return slices.ContainsFunc(portsFor(s, open), func(port uint16) bool { return m.Allows(session(s, port)).Accept })
}

// portsFor is the port of the session, and those of ssh where somebody listens
// for such peers.
func portsFor(s host.Session, open []host.Listener) []uint16 {
	ports := []uint16{s.Port}
	for _, l := range open {
		if l.Takes(s.To) {
			ports = append(ports, l.At.Port())
		}
	}
	return ports
}

// session is the flow of somebody who comes again, at that port.
func session(s host.Session, port uint16) policy.Flow {
	return policy.Flow{From: s.From, To: s.To, ToPort: port, Protocol: policy.TCP, In: s.Link}
}
