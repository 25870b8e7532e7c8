package exposure

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"unicode/utf8"

	"ngcp-fw/policy"
)

// fewRanges is the most ranges of an entry that is looked for in others; what
// a whole list file holds is not told line by line.
const fewRanges = 8

// spot is one range of one entry.
type spot struct {
	from, to netip.Addr
	entry    int
}

// hidden warns of entries that one other entry covers whole. Of two that are
// the same, the first one stands.
func (r *resolver) hidden(what string, entries []policy.Entry) {
	coveredBy := covers(entries)
	for i, by := range coveredBy {
		if by < 0 {
			continue
		}
		e, other := entries[i], entries[by]
		r.warn(e.Pos, utf8.RuneCountInString(e.Text), "entry-hidden",
			fmt.Sprintf("%s adds nothing to %s: %s covers it (%s)", e.Text, what, other.Text, other.Pos.LineOrigin()), "remove one of them")
	}
}

// covers finds for each entry another one that covers it, or -1: among the
// small ones by a sweep in the order of their addresses, in the large ones by
// looking up.
func covers(entries []policy.Entry) []int {
	coveredBy := make([]int, len(entries))
	var spots []spot
	var large []int
	for i, e := range entries {
		coveredBy[i] = -1
		if e.Sources.Len4()+e.Sources.Len6() > fewRanges {
			large = append(large, i)
			continue
		}
		for s := range e.Sources.Ranges() {
			spots = append(spots, spot{s.From, s.To, i})
		}
	}
	sweep(spots, entries, coveredBy)
	for _, l := range large {
		for i, e := range entries {
			if i != l && coveredBy[i] < 0 && e.Sources.Len4()+e.Sources.Len6() <= fewRanges && entries[l].Sources.Covers(e.Sources) {
				coveredBy[i] = l
			}
		}
	}
	return coveredBy
}

func sweep(spots []spot, entries []policy.Entry, coveredBy []int) {
	slices.SortFunc(spots, func(a, b spot) int {
		return cmp.Or(a.from.Compare(b.from), b.to.Compare(a.to), cmp.Compare(a.entry, b.entry))
	})
	widest := -1 // the spot that reaches farthest so far
	for i, s := range spots {
		if widest >= 0 && s.from.Is4() == spots[widest].from.Is4() && !spots[widest].to.Less(s.to) {
			by := spots[widest].entry
			if by != s.entry && coveredBy[s.entry] < 0 && coveredBy[by] != s.entry && entries[by].Sources.Covers(entries[s.entry].Sources) {
				coveredBy[s.entry] = by
			}
			continue
		}
		widest = i
	}
}
