package exposure

import (
	"fmt"
	"slices"
	"strings"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
)

// sharedPorts warns of services with ports in common, once a pair.
func (r *resolver) sharedPorts() {
	type pair struct{ first, second string }
	var pairs []pair
	shared := map[pair][]policy.Ports{}
	for i := range r.model.Exposures {
		e := &r.model.Exposures[i]
		for j := range i {
			f := &r.model.Exposures[j]
			ports := common(e, f)
			if len(ports) == 0 {
				continue
			}
			p := pair{f.Service, e.Service}
			if shared[p] == nil {
				pairs = append(pairs, p)
			}
			shared[p] = append(shared[p], ports...)
		}
	}
	for _, p := range pairs {
		pos, width := r.placeOf(p.first, p.second)
		names := strings.Join(PortNames(sortedPorts(shared[p])), ", ")
		r.about(diag.About{Services: [2]string{p.first, p.second}}).warn(pos, width, "shared-port", fmt.Sprintf("%s and %s share %s: it is open to the union of both", p.first, p.second, names), "")
	}
}

// placeOf is where the policy speaks of one of the services, the second one
// first.
func (r *resolver) placeOf(first, second string) (pos diag.Pos, width int) {
	for _, name := range []string{second, first} {
		if w := r.written[name]; w != nil {
			return w.Name.Pos, len(name)
		}
	}
	i := slices.IndexFunc(r.model.Services, func(s Service) bool { return s.Name == second })
	return r.model.Services[i].PortsFrom, 0
}

// common is the ports that two services open at the same place.
func common(e, f *Exposure) (ports []policy.Ports) {
	if e.Service == f.Service || !meet(e.Interfaces, f.Interfaces) || !meet(e.Addresses, f.Addresses) {
		return nil
	}
	for _, p := range e.Ports {
		for _, q := range f.Ports {
			from, to := max(p.From, q.From), min(p.To, q.To)
			if p.Protocol == q.Protocol && from <= to {
				ports = append(ports, policy.Ports{Protocol: p.Protocol, From: from, To: to})
			}
		}
	}
	return ports
}

// meet reports whether two lists have something in common; nil has everything.
func meet[T comparable](a, b []T) bool {
	return a == nil || b == nil || slices.ContainsFunc(a, func(x T) bool { return slices.Contains(b, x) })
}
