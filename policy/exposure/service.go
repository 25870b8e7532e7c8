package exposure

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
)

// service is what is worked out about a service besides its Service.
type service struct {
	row       *row            // nil: one of the policy's own
	written   *policy.Service // nil: the policy says nothing of it
	roles     []policy.Word
	sockets   []socket
	addresses []netip.Addr
}

// socket is a port at a local address of its own.
type socket struct {
	port policy.Ports
	addr netip.Addr // invalid: every one
}

// opening is ports that are open at the same local addresses.
type opening struct {
	ports     []policy.Ports
	addresses []netip.Addr
	pos       diag.Pos // where they were written
}

// resolveServices works out the table, then the policy's own services.
func (r *resolver) resolveServices() {
	own := []*service{}
	for i := range table {
		own = append(own, &service{row: &table[i]})
	}
	for i := range r.in.Policy.Services {
		written := &r.in.Policy.Services[i]
		r.written[written.Name.Text] = written
		if !slices.Contains(policy.BuiltinServices, written.Name.Text) {
			own = append(own, &service{written: written})
		}
	}
	for _, s := range own {
		if s.row != nil {
			s.written = r.written[s.row.name]
		}
		r.rows = append(r.rows, s)
		r.model.Services = append(r.model.Services, r.resolveService(s))
	}
}

// resolveService lays the policy over config.yml over the table's row.
func (r *resolver) resolveService(s *service) Service {
	out := Service{Enabled: true}
	if s.row != nil {
		out.Name = s.row.name
		s.roles = []policy.Word{{Text: s.row.role}}
		r.configured(s, &out)
	}
	if w := s.written; w != nil {
		out.Name = w.Name.Text
		s.overwrite(w, &out)
	}
	for _, name := range s.roles {
		out.Roles = append(out.Roles, name.Text)
	}
	out.Ports = sortedPorts(out.Ports)
	r.place(s, &out)
	if out.Closed == "" && len(s.roles) == 0 && s.written != nil {
		out.Closed = "roles is empty, " + s.written.RolesPos.LineOrigin()
	}
	if out.Closed == "" && len(out.Ports) == 0 && out.Name != Cluster {
		out.Closed = "it has no port"
		if s.row != nil && s.row.sockets {
			out.Closed = "no " + extraSockets
		}
	}
	return out
}

const extraSockets = "kamailio.lb.extra_sockets"

// overwrite lays what the policy says of the service over what was found.
func (s *service) overwrite(w *policy.Service, out *Service) {
	if w.Ports != nil {
		out.Ports, out.PortsFrom, s.sockets = slices.Clone(w.Ports), w.Ports[0].Pos, nil
	}
	if w.Enabled != nil {
		out.Enabled, out.EnabledFrom, out.Closed = w.Enabled.On, w.Enabled.Pos, ""
		if !w.Enabled.On {
			out.Closed = "enabled is false, " + w.Enabled.Pos.LineOrigin()
		}
	}
	if !w.RolesPos.IsZero() {
		s.roles = w.Roles
	}
	for _, a := range w.Addresses {
		s.addresses = append(s.addresses, a.Addr)
	}
	slices.SortFunc(s.addresses, netip.Addr.Compare)
	s.addresses = slices.Compact(s.addresses)
}

// comparePorts orders ports by protocol and number.
func comparePorts(a, b policy.Ports) int {
	return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

// sortedPorts sorts the ports and joins those that overlap; neighbours stay as
// they were written.
func sortedPorts(ports []policy.Ports) []policy.Ports {
	slices.SortStableFunc(ports, comparePorts)
	joined := ports[:0]
	for _, p := range ports {
		last := len(joined) - 1
		if last < 0 || p.Protocol != joined[last].Protocol || p.From > joined[last].To {
			joined = append(joined, p)
			continue
		}
		joined[last].To = max(joined[last].To, p.To)
	}
	return joined
}

// openings groups the service's ports by the addresses they are open at.
// Loopback addresses are left out: nobody else can reach them.
func (s *service) openings(out *Service) []opening {
	pos := out.PortsFrom
	if s.written != nil {
		pos = s.written.Name.Pos
	}
	var all []opening
	if len(s.sockets) == 0 {
		all = []opening{{out.Ports, s.addresses, pos}}
	}
	for _, one := range s.sockets {
		addresses := s.addresses
		if addresses == nil && one.addr.IsValid() {
			addresses = []netip.Addr{one.addr}
		}
		i := slices.IndexFunc(all, func(o opening) bool { return slices.Equal(o.addresses, addresses) })
		if i < 0 {
			i, all = len(all), append(all, opening{addresses: addresses, pos: one.port.Pos})
		}
		all[i].ports = append(all[i].ports, one.port)
	}
	for i := range all {
		all[i].ports = sortedPorts(all[i].ports)
		all[i].addresses = slices.DeleteFunc(slices.Clone(all[i].addresses), netip.Addr.IsLoopback)
	}
	return slices.DeleteFunc(all, func(o opening) bool { return o.addresses != nil && len(o.addresses) == 0 })
}

// place finds the interfaces the service is open on, or why there are none.
func (r *resolver) place(s *service, out *Service) {
	fixed := s.written != nil && !s.written.InterfacesPos.IsZero()
	switch {
	case fixed:
		out.Interfaces = []string{}
		for _, name := range s.written.Interfaces {
			out.Interfaces = append(out.Interfaces, name.Text)
		}
		out.Interfaces = distinct(out.Interfaces)
	case s.row == nil || r.in.Network == nil || out.Name == Cluster:
		return
	default:
		out.Interfaces = r.links(s.row)
	}
	if out.Closed != "" || len(out.Interfaces) > 0 {
		return
	}
	switch {
	case fixed:
		out.Closed = "interfaces is empty, " + s.written.InterfacesPos.LineOrigin()
	case r.host != nil && !s.row.runsOn(r.host, r.in.Network):
		out.Closed = fmt.Sprintf("%s does not have the role %s in network.yml", r.in.Host, strings.Join(s.row.nodes, " or "))
	default:
		out.Closed = fmt.Sprintf("%s has no link of type %s", r.in.Host, s.row.linkType)
	}
}

// links is the kernel's names of the host's links that carry the row's type.
func (r *resolver) links(row *row) []string {
	names := []string{}
	if r.host == nil || !row.runsOn(r.host, r.in.Network) {
		return names
	}
	for _, link := range r.host.Links {
		if link.Device != loopback && link.HasType(row.linkType) {
			names = append(names, link.Device)
		}
	}
	return distinct(names)
}

const loopback = "lo"
