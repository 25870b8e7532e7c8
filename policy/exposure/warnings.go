package exposure

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/ngcp"
)

// warnings looks for what is allowed but hardly meant.
func (r *resolver) warnings() {
	r.unusedRoles()
	r.forgottenIPv6()
	r.emptyRoles()
	r.idleDenials()
	r.privateSources()
	r.missingLinks()
	for i := range r.model.Services {
		s := &r.model.Services[i]
		if !s.Enabled {
			continue
		}
		r.roleless(s, r.rows[i])
		r.openAdmin(s, r.rows[i])
		r.openAdminPorts(s, r.rows[i])
		r.nowhere(s, r.rows[i])
		r.missingInterfaces(s, r.rows[i])
	}
	r.sharedPorts()
}

// soon is how many days before its last one an entry is warned of.
const soon = 30

// end is the first moment an entry does not hold any more.
func end(e policy.Entry) time.Time { return e.Expires.AddDate(0, 0, 1) }

func (r *resolver) hasExpired(e policy.Entry) bool {
	return !e.Expires.IsZero() && !r.in.Now.Before(end(e))
}

// expired warns of an entry that does not hold any more, or not for long.
func (r *resolver) expired(e policy.Entry, role string) bool {
	if e.Expires.IsZero() {
		return false
	}
	day := e.Expires.Format("2006-01-02")
	switch width := utf8.RuneCountInString(e.Text); {
	case r.hasExpired(e):
		r.about(diag.About{Role: role}).warn(e.Pos, width, "expired", fmt.Sprintf("%s expired on %s and is left out", e.Text, day), "remove it, or give it a later day")
		return true
	case !r.in.Now.Before(e.Expires.AddDate(0, 0, -soon)):
		r.about(diag.About{Role: role}).warn(e.Pos, width, "expires-soon", fmt.Sprintf("%s ends on %s", e.Text, day), "give it a later day if it is still needed")
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
			r.about(diag.About{Role: name.Text}).warn(name.Pos, len(name.Text), "role-unused", fmt.Sprintf("no service uses the role %s", name.Text), "name it in a service's roles, or remove it")
		}
	}
}

// forgottenIPv6 warns of roles with IPv4 sources only, where the host's links
// have IPv6 addresses. Who writes any4 has thought of it.
func (r *resolver) forgottenIPv6() {
	if !r.dualStack() {
		return
	}
	for _, written := range r.in.Policy.Roles {
		found := r.roles[written.Name.Text]
		if !found.allowed.Has4() || found.allowed.Has6() || found.allowed.IsAny4() || !r.open(found.name) {
			continue
		}
		r.about(diag.About{Role: found.name}).warn(found.pos, 0, "ipv6-forgotten", fmt.Sprintf("%s lists IPv4 sources only, and %s has IPv6 addresses", found.name, r.in.Host),
			"list the IPv6 sources too, or nobody of the role gets in by IPv6")
	}
}

func (r *resolver) dualStack() bool {
	if r.host == nil {
		return false
	}
	for _, link := range r.host.Links {
		for _, a := range link.Addrs {
			if a.Is6() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && link.Device != loopback {
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
		names := slices.DeleteFunc(r.servicesOf(name), func(s string) bool { return reached[s] })
		if found := r.roles[name]; found != nil && len(names) > 0 {
			r.emptyRole(found, strings.Join(names, ", ")+" can be reached by nobody")
		}
	}
}

func (r *resolver) emptyRole(found *role, so string) {
	message, hint := found.name+" allows nobody: ", "list sources in the role "+found.name
	if found.name == Cluster {
		message, hint = "the cluster has no other host there: ", "give network.yml, and leave interfaces out or name internal links"
	}
	r.about(diag.About{Role: found.name}).warn(found.pos, 0, "role-empty", message+so, hint)
}

// roleless warns of a service whose list of roles is empty. One of one's own
// that has no such list is wrong, and no longer in need of a warning.
func (r *resolver) roleless(s *Service, own *service) {
	if own.written != nil && len(own.roles) == 0 && !own.written.RolesPos.IsZero() {
		r.about(ofService(s.Name)).warn(own.written.RolesPos, 0, "role-empty", s.Name+" has no role: it can be reached by nobody",
			"list roles, or switch it off with enabled: false")
	}
}

// IsAdmin reports whether NGCP means the service for administrators.
func IsAdmin(service string) bool {
	i := slices.IndexFunc(table, func(r row) bool { return r.name == service })
	return i >= 0 && table[i].role == policy.Administrators
}

// builtIn reports whether the service is one of NGCP's.
func builtIn(service string) bool {
	return slices.ContainsFunc(table, func(r row) bool { return r.name == service })
}

// forAdministrators reports whether NGCP means the service for administrators, or
// the policy gives one of its own to nobody else. NGCP's for subscribers may be
// theirs alone for a while.
func (s *Service) forAdministrators() bool {
	return IsAdmin(s.Name) || !builtIn(s.Name) && slices.Equal(s.Roles, []string{policy.Administrators})
}

// nowhere warns of a service that is on but has no interface: where the policy
// speaks of it, or the host is one that should have it.
func (r *resolver) nowhere(s *Service, own *service) {
	if s.Interfaces == nil || len(s.Interfaces) > 0 || s.Name == Cluster || len(s.Ports) == 0 {
		return
	}
	switch {
	case own.written != nil:
		r.about(ofService(s.Name)).warn(own.written.Name.Pos, len(s.Name), "service-nowhere", fmt.Sprintf("%s is open on no interface: %s", s.Name, s.Closed), "name them in its interfaces")
	case r.host != nil && own.row.isMeantFor(r.host):
		r.about(ofService(s.Name)).warn(r.host.Pos, 0, "service-nowhere", fmt.Sprintf("%s is open on no interface: %s", s.Name, s.Closed),
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
			r.about(ofService(s.Name)).warn(name.Pos, len(name.Text), "interface-missing", fmt.Sprintf("%s has no interface %s in network.yml", r.in.Host, name.Text), r.linksHint())
		}
	}
}

// linksHint lists the host's links.
func (r *resolver) linksHint() string {
	var devices []string
	for _, link := range r.host.Links {
		devices = append(devices, link.Device)
	}
	if devices = distinct(devices); len(devices) == 0 {
		return ""
	}
	return "it has " + strings.Join(devices, ", ")
}
