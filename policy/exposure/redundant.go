package exposure

import (
	"fmt"
	"unicode/utf8"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
)

// idleExceptions warns of entries of except that take nothing from the role.
func (r *resolver) idleExceptions(written policy.Role) {
	found := r.roles[written.Name.Text]
	for _, e := range written.Except {
		switch {
		case r.idle(e):
		case !found.allowed.Overlaps(e.Sources):
			r.about(diag.About{Role: found.name}).warn(e.Pos, utf8.RuneCountInString(e.Text), "except-unused",
				fmt.Sprintf("%s takes nothing from %s: allow lists none of it", e.Text, found.name), "remove it, or correct the address")
		case r.model.Deny.Covers(e.Sources):
			r.about(diag.About{Role: found.name}).warn(e.Pos, utf8.RuneCountInString(e.Text), "except-unused",
				fmt.Sprintf("%s takes nothing from %s: deny refuses all of it", e.Text, found.name), "remove one of them")
		}
	}
}

// idleDenials warns of entries of deny that nobody is allowed to begin with.
func (r *resolver) idleDenials() {
	for _, e := range r.in.Policy.Deny {
		if !r.idle(e) && !r.anyoneIsIn(e) {
			r.about(diag.About{}).warn(e.Pos, utf8.RuneCountInString(e.Text), "deny-unused",
				fmt.Sprintf("%s takes nothing from any role: no service is open to it", e.Text), "remove it, or correct the address")
		}
	}
}

// anyoneIsIn reports whether a role that something is open to allows one of the
// entry's sources.
func (r *resolver) anyoneIsIn(e policy.Entry) bool {
	for i := range r.model.Exposures {
		if found := r.roles[r.model.Exposures[i].Role]; found != nil && found.allowed.Overlaps(e.Sources) {
			return true
		}
	}
	return false
}

// idle reports whether an entry does nothing of which was told before.
func (r *resolver) idle(e policy.Entry) bool {
	return e.Sources.IsEmpty() || r.hasExpired(e) || r.isHidden[e.Pos]
}
