package ruleset

import (
	"maps"
	"slices"
)

// largeSet is the number of elements above which a set is changed in place.
// The kernel takes a thousand in less than a millisecond, which is what a change
// takes besides.
const largeSet = 1000

// Following is the table as the next generation's after the current one, which
// is as the kernel has it; nil is none. All that belongs to a generation is
// made anew under its number, but for sets of the current generation that
// nothing changes: they live on under their name. So do large ones that change
// only a little, where this kernel can and Deltas has a way that no packet
// notices.
func (t *Table) Following(current *Table, generation uint64) *Table {
	if current == nil {
		return t.Renumbered(generation)
	}
	same, similar := t.kept(current)
	if len(similar) > 0 && current.InPlace {
		maps.Copy(similar, same)
		next := t.numbered(generation, similar)
		if _, ok := Deltas(current, next); ok {
			return next
		}
	}
	return t.numbered(generation, same)
}

// numbered is Renumbered but for the sets with a name in kept, by their base.
func (t *Table) numbered(generation uint64, kept map[string]string) *Table {
	chain := func(name string) string {
		if base, _, ok := unscoped(name); ok {
			return Scoped(base, generation)
		}
		return name
	}
	set := func(name string) string {
		if base, _, ok := unscoped(name); ok && kept[base] != "" {
			return kept[base]
		}
		return chain(name)
	}
	return t.renamed(set, chain, GenerationComment(generation))
}

// kept finds the current names, by their bases, of sets that stay the same, and
// of large ones that stay similar.
func (t *Table) kept(current *Table) (same, similar map[string]string) {
	same, similar = map[string]string{}, map[string]string{}
	names, _ := current.settled()
	for i := range t.Sets {
		s := &t.Sets[i]
		base, _, ok := unscoped(s.Name)
		if !ok || !s.lasts() {
			continue
		}
		old := current.set(names[base])
		switch {
		case old == nil || !old.lasts() || !old.Like(s):
		case old.Elements.Equal(&s.Elements):
			same[base] = old.Name
		case min(old.Elements.Len(), s.Elements.Len()) > largeSet:
			similar[base] = old.Name
		}
	}
	return same, similar
}

// lasts reports whether the set may belong to several generations: what is in it
// is the compiler's, and leads to no chain.
func (s *Set) lasts() bool { return !s.Live() && !s.Map && !s.Unnamed && s.Raw == nil }

// Like reports whether both sets are the same but for their names and elements.
func (s *Set) Like(other *Set) bool {
	return s.Raw == nil && other.Raw == nil && s.Key == other.Key && s.Map == other.Map && s.Interval == other.Interval &&
		s.Timeout == other.Timeout && s.Dynamic == other.Dynamic && s.Size == other.Size && s.Lifetime == other.Lifetime && s.Comment == other.Comment
}

// Deltas gives what makes sets of the table was those of the same name in the
// table is. It is ok if that can take effect in the batch that swaps the
// generations, and no packet gets another verdict than one of both tables has
// for it.
//
// A packet on its way through the rules of was meets the new elements in the
// middle of it, and for a moment one on its way through the rules of is may
// meet the old ones. Therefore
//
//   - the tables are equal but for these elements: then it does not matter
//     whose rules it is on its way through;
//   - there is one such set, or one of IPv4 and one of IPv6 addresses: a packet
//     that meets one set as it was and another one as it is could be accepted
//     though both tables refuse it;
//   - wherever a packet is found in such a set its verdict is the same, at
//     once and for good. A packet that meets the old elements first and the
//     new ones later then has the verdict of the table in which it is found, or
//     is found in neither;
//   - what newDelta says of elements.
//
// What packets leave in learned sets when they meet the old elements is for the
// caller to take away.
func Deltas(was, is *Table) (deltas []Delta, ok bool) {
	same := *was
	same.Sets = slices.Clone(was.Sets)
	for i := range same.Sets {
		s := &same.Sets[i]
		to := is.set(s.Name)
		if to == nil || !s.lasts() || !s.Like(to) || s.Elements.Equal(&to.Elements) {
			continue
		}
		d, small := newDelta(s, to)
		if !small || !is.decides(s.Name) || slices.ContainsFunc(deltas, d.meets) {
			return nil, false
		}
		deltas = append(deltas, d)
		s.Elements = to.Elements
	}
	return deltas, len(deltas) == 0 || same.Equal(is)
}

// meets reports whether one packet may be looked for in both sets.
func (d Delta) meets(other Delta) bool {
	a, b := d.Set.Key, other.Set.Key
	return !(a == TypeIPv4Addr && b == TypeIPv6Addr || a == TypeIPv6Addr && b == TypeIPv4Addr)
}
