package exposure

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"unicode/utf8"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

// spot is one range of one entry.
type spot struct {
	from, to netip.Addr
	entry    int
}

// hidden warns of entries that one other entry covers whole. Of two that are
// the same, the first one stands.
func (r *resolver) hidden(what, role string, entries []policy.Entry) {
	coveredBy := covers(entries)
	for i, by := range coveredBy {
		if by < 0 {
			continue
		}
		e, other := entries[i], entries[by]
		r.isHidden[e.Pos] = true
		r.about(diag.About{Role: role}).warn(e.Pos, utf8.RuneCountInString(e.Text), "entry-hidden",
			fmt.Sprintf("%s adds nothing to %s: %s covers it (%s)", e.Text, what, other.Text, other.Pos.LineOrigin()), "remove one of them")
	}
	r.hiddenTogether(what, role, slices.DeleteFunc(entries, func(e policy.Entry) bool { return r.isHidden[e.Pos] }))
}

// manyRanges is the number of ranges from which on an entry is asked for each
// other one, rather than laid out in the sweep.
const manyRanges = 1000

// covers finds for each entry another one that covers it, or -1: an entry with
// many ranges by looking the others up in it, the others in one sweep over all
// their ranges.
func covers(entries []policy.Entry) []int {
	s := sweep{entries: entries, coveredBy: make([]int, len(entries)), tried: map[[2]int]bool{}}
	for i := range entries {
		s.coveredBy[i] = -1
	}
	for i, e := range entries {
		if e.Sources.Len4()+e.Sources.Len6() >= manyRanges {
			s.lookUp(i)
		}
	}
	s.sweep(spots(entries))
	return s.coveredBy
}

// spots lays out the ranges of entries that have few, and the first one of each
// of the others.
func spots(entries []policy.Entry) (all []spot) {
	for i, e := range entries {
		many := e.Sources.Len4()+e.Sources.Len6() >= manyRanges
		for one := range e.Sources.Ranges() {
			all = append(all, spot{one.From, one.To, i})
			if many {
				break
			}
		}
	}
	return all
}

// sweep is the state of covers.
type sweep struct {
	entries   []policy.Entry
	coveredBy []int
	tried     map[[2]int]bool // pairs that were compared whole
}

// lookUp notes which other entries this one covers.
func (s *sweep) lookUp(by int) {
	for i, e := range s.entries {
		for one := range e.Sources.Ranges() {
			if s.entries[by].Sources.Contains(one.From) {
				s.cover(by, i)
			}
			break
		}
	}
}

// sweep visits those that start first before the others, of these the longest.
// What a range lies in is then the one that reached farthest so far.
func (s *sweep) sweep(spots []spot) {
	slices.SortFunc(spots, func(a, b spot) int {
		return cmp.Or(a.from.Compare(b.from), b.to.Compare(a.to), cmp.Compare(a.entry, b.entry))
	})
	var widest spot
	for i, one := range spots {
		if i == 0 || one.from.Is4() != widest.from.Is4() || widest.to.Less(one.to) || s.visit(one, widest) {
			widest = one
		}
	}
}

// visit looks at a range that lies in the widest one. It is true if the two are
// equal and the later entry covers the earlier, so that it takes its place.
func (s *sweep) visit(one, widest spot) (instead bool) {
	switch {
	case s.cover(widest.entry, one.entry):
		return false
	case one.from == widest.from && one.to == widest.to:
		return s.cover(one.entry, widest.entry)
	}
	return false
}

// cover notes that an entry covers another one, if so.
func (s *sweep) cover(by, entry int) bool {
	pair := [2]int{by, entry}
	if by == entry || s.coveredBy[entry] >= 0 || s.coveredBy[by] == entry || s.tried[pair] {
		return s.coveredBy[entry] == by
	}
	s.tried[pair] = true
	if !s.entries[by].Sources.Covers(s.entries[entry].Sources) {
		return false
	}
	s.coveredBy[entry] = by
	return true
}

// takenAway warns of entries of allow that except or deny leave nothing of.
func (r *resolver) takenAway(role string, allow []policy.Entry, except addr.Set) {
	for _, e := range allow {
		by := ""
		switch {
		case e.Sources.IsEmpty() || r.hasExpired(e):
		case except.Covers(e.Sources):
			by = "except"
		case r.model.Deny.Covers(e.Sources):
			by = "deny"
		}
		if by != "" {
			r.isHidden[e.Pos] = true
			r.about(diag.About{Role: role}).warn(e.Pos, utf8.RuneCountInString(e.Text), "entry-hidden",
				fmt.Sprintf("%s adds nothing to allow: %s takes all of it away", e.Text, by), "remove one of them")
		}
	}
}
