package exposure

import (
	"encoding/binary"
	"fmt"
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

// wideEntry is an entry of which a run of addresses is too wide.
type wideEntry struct {
	policy.Entry
	than string
}

// wideAdmin warns of entries of a role that let very many reach a service that
// is for administrators. Where it is open to all, that has been said.
func (r *resolver) wideAdmin(s *Service, found *role) {
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
			fmt.Sprintf("%s is for administrators, and %s is wider than a %s", s.Name, e.Text, e.than), "list the administrators' networks")
	}
}

// wide says in words what a set is wider than; "" if it is not, or if the role
// allows every address of the family.
func wide(s, all addr.Set) string {
	if !all.Covers(addr.Any4()) {
		for i := range s.Len4() {
			if from, to := s.Range4(i); to-from >= most4 {
				return "/8"
			}
		}
	}
	if !all.Covers(addr.Any6()) {
		for i := range s.Len6() {
			from, to := s.Range6(i)
			if binary.BigEndian.Uint64(to[:8])-binary.BigEndian.Uint64(from[:8]) >= mostHigh6 {
				return "/16"
			}
		}
	}
	return ""
}
