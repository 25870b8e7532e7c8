package exposure

import (
	"cmp"
	"slices"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/ngcp"
)

// Resolve works out what the inputs mean on their host. All errors and
// warnings come at once; the Model is as complete as they allow.
func Resolve(in Inputs) (*Model, diag.List) {
	r := &resolver{
		in: in, roles: map[string]*role{}, written: map[string]*policy.Service{},
		isHidden: map[diag.Pos]bool{}, widest: map[string][]wideEntry{},
	}
	r.model = &Model{
		Allowed: map[string][]policy.Entry{}, Host: in.Host, Mediaproxy: in.Policy.Mediaproxy, Log: in.Policy.Log,
		CrowdSec: in.Policy.CrowdSec,
		Forward:  in.Policy.Forward, Observe: in.Policy.Observe, ObservePos: in.Policy.ObservePos, Tests: in.Policy.Tests,
	}
	if in.Network != nil {
		r.host, _ = in.Network.Host(in.Host)
	}
	r.resolveRoles()
	r.resolveServices()
	r.resolveExposures()
	r.warnings()
	r.diags.Sort()
	return r.model, slices.Compact(r.diags) // options on one broken path have the same to say
}

// resolver is the state of one Resolve.
type resolver struct {
	in      Inputs
	host    *ngcp.Host // nil without a network.yml that has it
	model   *Model
	roles   map[string]*role
	written map[string]*policy.Service // by name: what the policy says of it
	rows    []*service                 // in the order of model.Services
	diags   diag.List

	isHidden map[diag.Pos]bool      // entries that were told to be hidden by others
	widest   map[string][]wideEntry // by role, once it was asked for
}

// role is a role with its entries resolved.
type role struct {
	name    string
	allowed addr.Set // what allow lists, before except and deny
	sources addr.Set // what except and deny leave of it
	pos     diag.Pos // of its allow; zero: built in
}

func (r *resolver) report(s diag.Severity, pos diag.Pos, width int, code, message, hint string) {
	r.diags = append(r.diags, diag.Diagnostic{Pos: pos, Width: width, Severity: s, Code: code, Message: message, Hint: hint})
}

// remark is a warning about somebody.
type remark struct {
	*resolver
	of diag.About
}

func (r *resolver) about(of diag.About) remark { return remark{r, of} }

func ofService(name string) diag.About { return diag.About{Services: [2]string{name}} }

func (r remark) warn(pos diag.Pos, width int, code, message, hint string) {
	if pos.IsZero() {
		pos.File = r.in.Policy.File
	}
	r.report(diag.Warning, pos, width, code, message, hint)
	r.diags[len(r.diags)-1].About = r.of
}

// resolveRoles finds the sources of every role, and of deny and never-ban.
func (r *resolver) resolveRoles() {
	deny := r.entries("deny", "", r.in.Policy.Deny)
	r.model.Deny = deny
	r.model.Denials = slices.DeleteFunc(slices.Clone(r.in.Policy.Deny), r.hasExpired)
	r.addRole(policy.Subscribers, addr.Any(), addr.Set{}, diag.Pos{})
	r.addRole(policy.Administrators, addr.Set{}, addr.Set{}, diag.Pos{})
	r.addRole(policy.Cluster, r.clusterSources(), addr.Set{}, diag.Pos{})
	for _, written := range r.in.Policy.Roles {
		allowed := addr.Set{}
		if builtin := r.roles[written.Name.Text]; builtin != nil {
			allowed = builtin.allowed
		}
		pos := written.AllowPos
		if pos.IsZero() {
			pos = written.Name.Pos
		} else {
			allowed = r.entries("allow", written.Name.Text, written.Allow)
			r.model.Allowed[written.Name.Text] = slices.DeleteFunc(slices.Clone(written.Allow), r.hasExpired)
		}
		except := r.entries("except", written.Name.Text, written.Except)
		r.takenAway(written.Name.Text, written.Allow, except)
		r.addRole(written.Name.Text, allowed, except, pos)
		r.idleExceptions(written)
	}
	r.model.NeverBan = r.entries("never-ban", "", r.in.Policy.NeverBan)
}

func (r *resolver) addRole(name string, allowed, except addr.Set, pos diag.Pos) {
	sources := allowed.Subtract(except).Subtract(r.model.Deny)
	r.roles[name] = &role{name, allowed, sources, pos}
}

// sources is what a role's sources are; of one that is not there, none.
func (r *resolver) sources(name string) addr.Set {
	if found := r.roles[name]; found != nil {
		return found.sources
	}
	return addr.Set{}
}

// entries merges the entries that hold today, and warns of those that do not,
// or not for long, or that another one hides.
func (r *resolver) entries(what, role string, entries []policy.Entry) addr.Set {
	var b addr.Builder
	var valid []policy.Entry
	for _, e := range entries {
		if r.expired(e, role) {
			continue
		}
		if e.Role != "" {
			b.AddSet(r.sources(e.Role))
			continue
		}
		b.AddSet(e.Sources)
		valid = append(valid, e)
	}
	r.hidden(what, role, valid)
	return b.Set()
}

// resolveExposures crosses the open services with their roles.
func (r *resolver) resolveExposures() {
	for i := range r.model.Services {
		s, own := &r.model.Services[i], r.rows[i]
		r.model.Services[i].Limit = r.limit(own.written)
		if s.Closed != "" {
			continue
		}
		if s.Name == Cluster {
			r.clusterExposures(s)
			continue
		}
		openings := own.openings(s)
		if len(openings) == 0 {
			s.Closed = "it has loopback addresses only"
		}
		for _, opening := range openings {
			for _, name := range own.roles {
				r.expose(s, opening, name)
			}
		}
	}
}

// expose opens the service to a role: to the hosts of a cluster only on the
// links that lead to them.
func (r *resolver) expose(s *Service, o opening, name policy.Word) {
	e := Exposure{
		Service: s.Name, Role: name.Text, Ports: o.ports, Sources: r.sources(name.Text),
		Interfaces: s.Interfaces, Addresses: o.addresses, Origin: name.Pos,
	}
	if found := r.roles[name.Text]; found != nil {
		e.RolePos = found.pos
	}
	e.Origin = cmp.Or(name.Pos, o.pos, e.RolePos)
	if name.Text == Cluster {
		r.exposeToCluster(e)
		return
	}
	r.model.Exposures = append(r.model.Exposures, e)
}

// limit resolves a service's limit.
func (r *resolver) limit(written *policy.Service) *Limit {
	if written == nil || written.Limit == nil {
		return nil
	}
	l := &Limit{Rate: written.Limit.Rate, Burst: written.Limit.Burst, BanFor: written.Limit.BanFor, Pos: written.Limit.Pos}
	for _, name := range written.Limit.Exempt {
		l.Exempt = l.Exempt.Union(r.sources(name.Text))
	}
	return l
}

// distinct sorts the texts and drops what is there twice.
func distinct(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}
