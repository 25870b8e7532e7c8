package exposure

import (
	"fmt"
	"net/netip"
	"slices"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

// side is one of the two models of a comparison.
type side struct {
	model     *Model // nil: lets nobody in
	exposures []Exposure
	sets      []int // by exposure: the number of its sources
}

// sourceSets numbers sets of sources, equal ones alike.
type sourceSets []addr.Set

// side numbers a model's sources. Equal ones share memory from here on, even if
// they were read from two files: what compares them again has nothing to do.
func (s *sourceSets) side(m *Model) *side {
	if m == nil {
		return &side{}
	}
	one := &side{m, slices.Clone(m.Exposures), make([]int, len(m.Exposures))}
	for i := range one.exposures {
		sources := &one.exposures[i].Sources
		n := slices.IndexFunc(*s, sources.Equal)
		if n < 0 {
			n, *s = len(*s), append(*s, *sources)
		}
		*sources, one.sets[i] = (*s)[n], n
	}
	return one
}

// cover is the exposures that hold in a cell. Cells with the same ones share it.
type cover struct {
	exposures []int
	key       string // the numbers of their sources
}

// covers finds each cell's cover; cells that nothing holds in have none.
func (s *side) covers(g *grid) map[cell]*cover {
	by := map[cell][]int{}
	for i := range s.exposures {
		for _, at := range g.cells(&s.exposures[i]) {
			by[at] = append(by[at], i)
		}
	}
	covers, known := make(map[cell]*cover, len(by)), map[string]*cover{}
	for at, list := range by {
		name := fmt.Sprint(list)
		if known[name] == nil {
			known[name] = s.cover(list)
		}
		covers[at] = known[name]
	}
	return covers
}

func (s *side) cover(exposures []int) *cover {
	var sets []int
	for _, i := range exposures {
		sets = append(sets, s.sets[i])
	}
	slices.Sort(sets)
	return &cover{exposures, fmt.Sprint(slices.Compact(sets))}
}

// origin is where to look for why an exposure's sources are beyond a cover. If
// the other side opens the same to the same role, that is the entry that
// decides: of its deny, or of the role. The first source stands for all.
func (c *comparison) origin(e *Exposure, over *cover, sources addr.Set) diag.Pos {
	same := over != nil && slices.ContainsFunc(over.exposures, func(i int) bool {
		other := &c.those.exposures[i]
		return other.Service == e.Service && other.Role == e.Role
	})
	if !same {
		return e.Origin
	}
	for r := range sources.Ranges() {
		if pos, found := listing(c.those.model.Denials, r.From); found {
			return pos
		}
		if pos, found := listing(c.these.model.Allowed[e.Role], r.From); found {
			return pos
		}
		break
	}
	return e.Origin
}

// listing is where the first entry with an address is written: in a list file,
// or in the policy.
func listing(entries []policy.Entry, a netip.Addr) (diag.Pos, bool) {
	i := slices.IndexFunc(entries, func(e policy.Entry) bool { return e.Sources.Contains(a) })
	switch {
	case i < 0:
		return diag.Pos{}, false
	case entries[i].List != "":
		return diag.Pos{File: entries[i].List}, true
	}
	return entries[i].Pos, true
}
