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
	Origin string   // where that is written
}

// Error names them, and what to do.
func (e *LockoutError) Error() string {
	var names []string
	for _, p := range e.Peers {
		names = append(names, p.String())
	}
	who := strings.Join(names, ", ")
	allowed := "nobody"
	if !e.Allows.IsEmpty() {
		allowed = summary(e.Allows)
	}
	return fmt.Sprintf("refused, nothing changed: you would be locked out\n  %s is logged in by ssh, and the new policy lets in %s only (%s)\nhint: add %s to administrators, or insist with --allow-lockout", who, allowed, e.Origin, who)
}

// summary is the first few sources of a set.
func summary(s addr.Set) string {
	const few = 4
	texts := s.Strings()
	if len(texts) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:few], ", "), len(texts)-few)
	}
	return strings.Join(texts, ", ")
}

// sshService is the service that administrators log in by.
const sshService = "ssh"

// checkLockout asks the kernel who is logged in by ssh, and the model whether
// it still lets them in.
func checkLockout(m *exposure.Model) error {
	i := slices.IndexFunc(m.Services, func(s exposure.Service) bool { return s.Name == sshService })
	if i < 0 {
		return nil
	}
	ports := sshPorts(m.Services[i].Ports)
	peers, err := host.SSHPeers(ports)
	if err != nil {
		return err
	}
	shutOut := slices.DeleteFunc(peers, func(p netip.Addr) bool { return admits(m, p, ports) })
	if len(shutOut) == 0 {
		return nil
	}
	e := &LockoutError{Peers: shutOut, Origin: "built in"}
	for _, x := range m.Exposures {
		if x.Service == sshService {
			e.Allows, e.Origin = e.Allows.Union(x.Sources), x.RolePos.LineOrigin()
		}
	}
	return e
}

// sshPorts is the TCP ports that ssh listens on, one by one.
func sshPorts(ports []policy.Ports) (list []uint16) {
	for _, p := range ports {
		for n := int(p.From); n <= int(p.To) && p.Protocol == policy.TCP; n++ {
			list = append(list, uint16(n))
		}
	}
	return list
}

func admits(m *exposure.Model, peer netip.Addr, ports []uint16) bool {
	return slices.ContainsFunc(ports, func(port uint16) bool {
		return m.Allows(policy.Flow{From: peer, ToPort: port, Protocol: policy.TCP}).Accept
	})
}
