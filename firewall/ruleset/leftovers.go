package ruleset

import "slices"

// WithoutLeftovers is the table without what an interrupted change of it left:
// chains and sets that are there for the generation in force, and once more for
// another one. It tells which generations these are of, ascending. What keep
// has (nil: nothing), is none, as sets outlive generations that do not change
// them.
func (t *Table) WithoutLeftovers(generation uint64, keep *Table) (rest *Table, left []uint64) {
	if keep == nil {
		keep = &Table{}
	}
	left = slices.Concat(
		doubled(t.chainNames(), keep.chainNames(), generation),
		doubled(t.setNames(), keep.setNames(), generation))
	slices.Sort(left)
	left = slices.Compact(left)
	stays := func(name string, kept []string) bool {
		_, g, ok := unscoped(name)
		return !ok || !slices.Contains(left, g) || slices.Contains(kept, name)
	}
	moved := *t
	moved.Chains, moved.Sets = nil, nil
	for _, c := range t.Chains {
		if c.Base != nil || stays(c.Name, keep.chainNames()) {
			moved.Chains = append(moved.Chains, c)
		}
	}
	for _, s := range t.Sets {
		if !s.ofGeneration() || stays(s.Name, keep.setNames()) {
			moved.Sets = append(moved.Sets, s)
		}
	}
	return &moved, left
}

// doubled is the other generations of what is there for this one, too.
func doubled(names, keep []string, generation uint64) (others []uint64) {
	for _, name := range names {
		base, g, ok := unscoped(name)
		if ok && g != generation && !slices.Contains(keep, name) && slices.Contains(names, Scoped(base, generation)) {
			others = append(others, g)
		}
	}
	return others
}

func (t *Table) chainNames() (names []string) {
	_, names = t.scopedNames()
	return names
}

func (t *Table) setNames() (names []string) {
	names, _ = t.scopedNames()
	return names
}

// BaseName is a name without the number of a generation at its end.
func BaseName(name string) string {
	base, _, _ := unscoped(name)
	return base
}
