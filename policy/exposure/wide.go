package exposure

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

// The sizes from which on a run of addresses is more than a /8 of IPv4, and
// more than a /16 of IPv6 (here in its upper 64 bits): more than any site has.
const (
	most4     = 1 << (32 - 8)
	mostHigh6 = 1 << (64 - 16)
)

var (
	most6 = new(big.Int).Lsh(big.NewInt(mostHigh6), 64)
	half6 = new(big.Int).Lsh(big.NewInt(1), 128-3-1) // of globalUnicast
)

// wideEntry is an entry of which a run of addresses is too wide.
type wideEntry struct {
	policy.Entry
	than string
}

// openAdmin warns of an administrators' service that everybody, or nearly
// everybody, or very many may reach: by one role, or by its roles together.
func (r *resolver) openAdmin(s *Service, own *service) {
	if s.Closed != "" || !s.forAdministrators() {
		return
	}
	var all addr.Builder
	var named []policy.Word
	told := false
	for _, name := range own.roles {
		found := r.roles[name.Text]
		if found == nil {
			continue
		}
		all.AddSet(found.allowed)
		named = append(named, name)
		v4, v6 := most(found.allowed)
		if told = r.wideEntries(s, found) || told; v4 || v6 {
			told = true
			at := r.atRole(s, name)
			at.warn(at.pos, at.width, "admin-open", s.Name+" is for administrators but open to any", listNetworks)
		}
	}
	if len(named) > 0 {
		r.atRole(s, named[0]).together(s.Name, named, all.Set(), told)
	}
}

// openAdminPorts warns of another service that opens ports of an administrators'
// one, where this one is open, to everybody, or nearly everybody.
func (r *resolver) openAdminPorts(s *Service, own *service) {
	if s.Closed != "" || s.forAdministrators() {
		return
	}
	for i := range r.model.Services {
		if admin := &r.model.Services[i]; admin.forAdministrators() && opensPortsOf(admin, r.rows[i], s, own) {
			r.openedBy(s, own, admin.Name)
		}
	}
}

// opensPortsOf reports whether a service shares a port of an administrators' one
// at the same place. The cluster has no ports: it has all.
func opensPortsOf(admin *Service, its *service, s *Service, own *service) bool {
	return admin.Enabled && admin.Closed == "" && overlap(admin.Ports, s.Ports) &&
		meet(admin.Interfaces, s.Interfaces) && meet(its.addresses, own.addresses)
}

func (r *resolver) openedBy(s *Service, own *service, admin string) {
	for _, name := range own.roles {
		if found := r.roles[name.Text]; found != nil && open(found.allowed) {
			at := r.atRole(s, name)
			at.remark = r.about(diag.About{Services: [2]string{admin, s.Name}, Role: name.Text})
			at.warn(at.pos, at.width, "admin-open", admin+" is for administrators but "+s.Name+" opens its ports to any",
				"move "+s.Name+" to other ports, or list its networks")
		}
	}
}

// open reports whether nearly everybody of a family is in the set.
func open(s addr.Set) bool {
	v4, v6 := most(s)
	return v4 || v6
}

// adminRemark is a warning about a role of a service that is for administrators.
type adminRemark struct {
	remark
	pos   diag.Pos
	width int
}

// atRole is where the service names the role, or where the role is written if
// the service has it built in.
func (r *resolver) atRole(s *Service, name policy.Word) adminRemark {
	pos, width := name.Pos, len(name.Text)
	if pos.IsZero() {
		pos, width = r.roles[name.Text].pos, 0
	}
	return adminRemark{r.about(diag.About{Services: [2]string{s.Name}, Role: name.Text}), pos, width}
}

const listNetworks = "list the administrators' networks"

// together warns of what many entries add up to, each of which is narrow enough.
func (r adminRemark) together(service string, roles []policy.Word, all addr.Set, told bool) {
	var names []string
	for _, name := range roles {
		names = append(names, name.Text)
	}
	v4, v6 := most(all)
	than := sum(all)
	switch which := strings.Join(names, " and "); {
	case (v4 || v6) && len(roles) > 1 && !r.openByOne(roles):
		r.warn(r.pos, r.width, "admin-open", service+" is for administrators but open to any by "+which+" together", listNetworks)
	case !told && than != "":
		r.warn(r.pos, r.width, "admin-wide", fmt.Sprintf("%s is for administrators, and %s is wider than a %s in all", service, which, than), listNetworks)
	}
}

// openByOne reports whether one of the roles alone is nearly everybody.
func (r *resolver) openByOne(roles []policy.Word) bool {
	return slices.ContainsFunc(roles, func(name policy.Word) bool { return open(r.roles[name.Text].allowed) })
}

// most reports whether more than half of the IPv4 addresses are in the set, or of
// the IPv6 addresses that are given to anybody.
func most(s addr.Set) (v4, v6 bool) {
	n4, _ := s.Count()
	_, n6 := s.Intersect(globalUnicast).Count()
	return n4 > 1<<31, n6.Cmp(half6) > 0
}

// sum says in words what the addresses of a set, those aside that the Internet
// does not route, are more than in number; "" if they are few.
func sum(s addr.Set) string {
	n4, n6 := s.Subtract(addr.Of(private...)).Count()
	switch {
	case n4 > most4:
		return "/8"
	case n6.Cmp(most6) > 0:
		return "/16"
	}
	return ""
}

// wideEntries warns of entries of a role that let very many reach a service that
// is for administrators. Where it is open to all, that is said instead.
func (r *resolver) wideEntries(s *Service, found *role) (told bool) {
	entries, known := r.widest[found.name]
	if !known {
		for _, e := range r.model.Allowed[found.name] {
			if than := wide(e.Sources, found.allowed); than != "" {
				entries = append(entries, wideEntry{e, than})
			}
		}
		r.widest[found.name] = entries
	}
	for _, e := range entries {
		r.about(diag.About{Services: [2]string{s.Name}, Role: found.name}).warn(e.Pos, utf8.RuneCountInString(e.Text), "admin-wide",
			fmt.Sprintf("%s is for administrators, and %s is wider than a %s", s.Name, e.Text, e.than), listNetworks)
	}
	return len(entries) > 0
}

// wide says in words what a set is wider than; "" if it is not, or if the role
// allows nearly every address of the family.
func wide(s, all addr.Set) string {
	v4, v6 := most(all)
	if !v4 {
		for i := range s.Len4() {
			if from, to := s.Range4(i); to-from >= most4 {
				return "/8"
			}
		}
	}
	if !v6 {
		for i := range s.Len6() {
			from, to := s.Range6(i)
			if binary.BigEndian.Uint64(to[:8])-binary.BigEndian.Uint64(from[:8]) >= mostHigh6 {
				return "/16"
			}
		}
	}
	return ""
}
