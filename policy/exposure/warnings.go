package exposure

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/ngcp"
)

// Codes are the codes of everything that Resolve may remark, with their
// meaning. They are stable.
var Codes = []struct{ Code, Meaning string }{
	{"config-value", "a value in config.yml that makes no sense"},
	{"admin-open", "warning: an administrators' service is open to any"},
	{"entry-hidden", "warning: an entry that another one covers whole"},
	{"expired", "warning: an entry that has expired and is left out"},
	{"expires-soon", "warning: an entry that ends within 30 days"},
	{"interface-missing", "warning: an interface that this host lacks in network.yml"},
	{"ipv6-forgotten", "warning: a role lists IPv4 only, on a host with IPv6"},
	{"role-empty", "warning: services are open to nobody"},
	{"role-unused", "warning: a role that no service uses"},
	{"service-nowhere", "warning: a service that is open on no interface"},
	{"shared-port", "warning: services that share a port"},
}

// warnings looks for what is allowed but hardly meant.
func (r *resolver) warnings() {
	r.unusedRoles()
	r.forgottenIPv6()
	r.emptyRoles()
	for i := range r.model.Services {
		s := &r.model.Services[i]
		if !s.Enabled {
			continue
		}
		r.openAdmin(s, r.rows[i])
		r.nowhere(s, r.rows[i])
		r.missingInterfaces(s, r.rows[i])
	}
	r.sharedPorts()
}

// soon is how long before its end an entry is warned of.
const soon = 30

func (r *resolver) expired(e policy.Entry) bool {
	if e.Expires.IsZero() {
		return false
	}
	end, day := e.Expires.AddDate(0, 0, 1), e.Expires.Format("2006-01-02")
	switch width := utf8.RuneCountInString(e.Text); {
	case !r.in.Now.Before(end):
		r.warn(e.Pos, width, "expired", fmt.Sprintf("%s expired on %s and is left out", e.Text, day), "remove it, or give it a later day")
		return true
	case !r.in.Now.Before(end.AddDate(0, 0, -soon)):
		r.warn(e.Pos, width, "expires-soon", fmt.Sprintf("%s ends on %s", e.Text, day), "give it a later day if it is still needed")
	}
	return false
}

func (r *resolver) unusedRoles() {
	used := map[string]bool{}
	for _, s := range r.rows {
		for _, name := range s.roles {
			used[name.Text] = true
		}
		if s.written != nil && s.written.Limit != nil {
			for _, name := range s.written.Limit.Exempt {
				used[name.Text] = true
			}
		}
	}
	for _, e := range r.in.Policy.NeverBan {
		used[e.Role] = true
	}
	for _, written := range r.in.Policy.Roles {
		if name := written.Name; !used[name.Text] && !slices.Contains(policy.BuiltinRoles, name.Text) {
			r.warn(name.Pos, len(name.Text), "role-unused", fmt.Sprintf("no service uses the role %s", name.Text), "name it in a service's roles, or remove it")
		}
	}
}

// forgottenIPv6 warns of roles with IPv4 sources only, where the host's links
// have IPv6 addresses.
func (r *resolver) forgottenIPv6() {
	if !r.dualStack() {
		return
	}
	for _, written := range r.in.Policy.Roles {
		found := r.roles[written.Name.Text]
		if found.name == policy.Cluster || !found.allowed.Has4() || found.allowed.Has6() || !r.open(found.name) {
			continue
		}
		r.warn(found.pos, 0, "ipv6-forgotten", fmt.Sprintf("%s lists IPv4 sources only, and %s has IPv6 addresses", found.name, r.in.Host),
			"list the IPv6 sources too, or nobody of the role gets in by IPv6")
	}
}

func (r *resolver) dualStack() bool {
	if r.host == nil {
		return false
	}
	for _, link := range r.host.Links {
		for _, a := range link.Addrs {
			if a.Is6() && !a.IsLoopback() && link.Device != loopback {
				return true
			}
		}
	}
	return false
}

// open reports whether a service is open to the role.
func (r *resolver) open(role string) bool { return len(r.servicesOf(role)) > 0 }

// servicesOf is the names of the services that are open to the role.
func (r *resolver) servicesOf(role string) (names []string) {
	for _, e := range r.model.Exposures {
		if e.Role == role && !slices.Contains(names, e.Service) {
			names = append(names, e.Service)
		}
	}
	return names
}

// emptyRoles warns of services that nobody can reach.
func (r *resolver) emptyRoles() {
	reached := map[string]bool{}
	var roles []string
	for _, e := range r.model.Exposures {
		reached[e.Service] = reached[e.Service] || !e.Sources.IsEmpty()
		if !slices.Contains(roles, e.Role) {
			roles = append(roles, e.Role)
		}
	}
	for _, name := range roles {
		found := r.roles[name]
		if found == nil || !found.sources.IsEmpty() {
			continue
		}
		names := slices.DeleteFunc(r.servicesOf(name), func(s string) bool { return reached[s] })
		if len(names) > 0 {
			r.warn(found.pos, 0, "role-empty", fmt.Sprintf("%s allows nobody: %s can be reached by nobody", name, strings.Join(names, ", ")),
				"list sources in the role "+name)
		}
	}
}

// openAdmin warns of an administrators' service that everybody may reach.
func (r *resolver) openAdmin(s *Service, own *service) {
	if s.Closed != "" || !isAdmin(s.Name) {
		return
	}
	for _, name := range own.roles {
		found := r.roles[name.Text]
		if found == nil || !found.allowed.Covers(addr.Any4()) && !found.allowed.Covers(addr.Any6()) {
			continue
		}
		pos, width := name.Pos, len(name.Text)
		if pos.IsZero() {
			pos, width = found.pos, 0
		}
		r.warn(pos, width, "admin-open", s.Name+" is for administrators but open to any", "list the administrators' networks")
	}
}

// isAdmin reports whether NGCP means the service for administrators.
func isAdmin(service string) bool {
	i := slices.IndexFunc(table, func(r row) bool { return r.name == service })
	return i >= 0 && table[i].role == policy.Administrators
}

// nowhere warns of a service that is on but has no interface: where the policy
// speaks of it, or the host has the function that serves it.
func (r *resolver) nowhere(s *Service, own *service) {
	if s.Interfaces == nil || len(s.Interfaces) > 0 || s.Name == Cluster || len(s.Ports) == 0 {
		return
	}
	switch {
	case own.written != nil:
		r.warn(own.written.Name.Pos, len(s.Name), "service-nowhere", fmt.Sprintf("%s is open on no interface: %s", s.Name, s.Closed), "name them in its interfaces")
	case r.host != nil && own.row.runsOn(r.host, r.in.Network):
		r.warn(r.host.Pos, 0, "service-nowhere", fmt.Sprintf("%s is open on no interface: %s", s.Name, s.Closed),
			"name them in its interfaces, or switch it off with enabled: false")
	}
}

func (r *resolver) missingInterfaces(s *Service, own *service) {
	if r.host == nil || own.written == nil {
		return
	}
	for _, name := range own.written.Interfaces {
		known := slices.ContainsFunc(r.host.Links, func(l ngcp.Link) bool { return l.Device == name.Text })
		if !known {
			r.warn(name.Pos, len(name.Text), "interface-missing", fmt.Sprintf("%s has no interface %s in network.yml", r.in.Host, name.Text), "")
		}
	}
}

// sharedPorts warns of services with a port in common, once a pair.
func (r *resolver) sharedPorts() {
	told := map[[2]string]bool{}
	for i, e := range r.model.Exposures {
		for _, f := range r.model.Exposures[:i] {
			pair := [2]string{f.Service, e.Service}
			if e.Service == f.Service || told[pair] {
				continue
			}
			if p, shared := common(e, f); shared {
				told[pair] = true
				r.warn(r.placeOf(e, f), 0, "shared-port", fmt.Sprintf("%s and %s share %s: it is open to the union of both", f.Service, e.Service, p), "")
			}
		}
	}
}

func (r *resolver) placeOf(e, f Exposure) diag.Pos {
	for _, name := range []string{e.Service, f.Service} {
		if w := r.written[name]; w != nil {
			return w.Name.Pos
		}
	}
	return e.Origin
}

// common is a port that both open at the same place.
func common(e, f Exposure) (policy.Ports, bool) {
	if !meet(e.Interfaces, f.Interfaces) || !meet(e.Addresses, f.Addresses) {
		return policy.Ports{}, false
	}
	for _, p := range e.Ports {
		for _, q := range f.Ports {
			from, to := max(p.From, q.From), min(p.To, q.To)
			if p.Protocol == q.Protocol && from <= to {
				return policy.Ports{Protocol: p.Protocol, From: from, To: to}, true
			}
		}
	}
	return policy.Ports{}, false
}

// meet reports whether two lists have something in common; nil has everything.
func meet[T comparable](a, b []T) bool {
	return a == nil || b == nil || slices.ContainsFunc(a, func(x T) bool { return slices.Contains(b, x) })
}
