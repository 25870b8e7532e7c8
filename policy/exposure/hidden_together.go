package exposure

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

// maxTogether is how many entries are held, one by one, against all others.
const maxTogether = 50

// hiddenTogether warns of entries that several others cover together.
func (r *resolver) hiddenTogether(what, role string, entries []policy.Entry) {
	for _, c := range together(entries) {
		r.isHidden[c.Pos] = true
		r.about(diag.About{Role: role}).warn(c.Pos, utf8.RuneCountInString(c.Text), "entry-hidden",
			fmt.Sprintf("%s adds nothing to %s: %s cover it together", c.Text, what, listed(c.by)), "remove it, or the others")
	}
}

// covered is an entry with the texts of those that cover it together.
type covered struct {
	policy.Entry
	by []string
}

// together finds entries that add nothing even if all that it finds is removed.
// The last ones go first.
func together(entries []policy.Entry) (found []covered) {
	doubtful := layersOf(entries).twice
	for i, tried := len(entries)-1, 0; i >= 0 && tried < maxTogether; i-- {
		e := entries[i]
		if e.Sources.IsEmpty() || !doubtful.Covers(e.Sources) {
			continue
		}
		tried++
		by, whole := coverTogether(e, slices.Delete(slices.Clone(entries), i, i+1))
		if !whole {
			continue
		}
		entries = slices.Delete(entries, i, i+1)
		found = append(found, covered{e, by})
	}
	return found
}

// layers are the addresses of some entries, and those that are in two or more.
type layers struct{ once, twice addr.Set }

func layersOf(entries []policy.Entry) layers {
	switch len(entries) {
	case 0:
		return layers{}
	case 1:
		return layers{once: entries[0].Sources}
	}
	a, b := layersOf(entries[:len(entries)/2]), layersOf(entries[len(entries)/2:])
	return layers{a.once.Union(b.once), a.twice.Union(b.twice).Union(a.once.Intersect(b.once))}
}

// coverTogether names the entries that cover one, if they do.
func coverTogether(one policy.Entry, others []policy.Entry) (names []string, whole bool) {
	left := one.Sources
	for _, other := range others {
		if left.Overlaps(other.Sources) {
			names, left = append(names, other.Text), left.Subtract(other.Sources)
		}
	}
	return names, left.IsEmpty()
}

// listed names the first of many.
func listed(names []string) string {
	const most = 3
	if len(names) > most+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
