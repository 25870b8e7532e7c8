package exposure

import (
	"slices"
	"time"

	"ngcp-fw/policy"
)

// Ending is about the entries of a policy that have a last day.
type Ending struct {
	Soon  int       // end within 30 days
	Ended int       // ended between since and now
	Next  time.Time // the first moment to come at which one does not hold any more; zero: none ends
}

// EndingOf looks for entries that have ended since a moment, or will. Those that
// had ended before are left out of what was applied then.
func EndingOf(p *policy.Policy, since, now time.Time) (e Ending) {
	for _, entry := range written(p) {
		switch at := end(entry); {
		case entry.Expires.IsZero() || !since.Before(at):
		case !now.Before(at):
			e.Ended++
		default:
			if !now.Before(entry.Expires.AddDate(0, 0, -soon)) {
				e.Soon++
			}
			if e.Next.IsZero() || at.Before(e.Next) {
				e.Next = at
			}
		}
	}
	return e
}

// written is all entries of a policy.
func written(p *policy.Policy) (all []policy.Entry) {
	for _, r := range p.Roles {
		all = slices.Concat(all, r.Allow, r.Except)
	}
	return slices.Concat(all, p.Deny, p.NeverBan)
}
