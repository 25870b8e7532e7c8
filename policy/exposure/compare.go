package exposure

import (
	"slices"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

// Delta is what one service's sources can reach in one model and in no way in
// the other.
type Delta struct {
	Service    string
	Role       string
	Ports      []policy.Ports // nil: every protocol and port; zero: all protocols without ports
	Sources    addr.Set
	Interfaces []string // nil: every one; "!eth2": every one but eth2
	Addresses  []string // nil: every local one; "!192.0.2.1": every one but that
	Origin     diag.Pos // what was written, or is no more: the entry of the role where only that decides
	Admin      bool     // these ports are an administrators' service's, or observe opens it all
	Meant      string   // that service's name; "" where there is none
}

// Change is what two models of one host differ in, worst first.
type Change struct{ Gained, Lost []Delta }

// IsEmpty reports whether exactly the same packets are accepted.
func (c Change) IsEmpty() bool { return len(c.Gained) == 0 && len(c.Lost) == 0 }

// Compare tells who can reach what by the new model and could not by the old
// one, by any service, and the reverse. A nil model lets nobody in.
func Compare(old, new *Model) Change {
	var known sourceSets
	before, after := known.side(old), known.side(new)
	g := newGrid(before.exposures, after.exposures)
	g.admin = adminServices(old, new)
	return Change{Gained: g.beyond(after, before), Lost: g.beyond(before, after)}
}

// Observe is the name of what observe lets in, in a comparison.
const Observe = "observe"

// InForce is the model as packets meet it: where observe is on, everybody
// reaches everything. A nil model stays nil.
func (m *Model) InForce() *Model {
	if m == nil || !m.Observe {
		return m
	}
	open := *m
	open.Exposures = append(slices.Clone(m.Exposures), Exposure{Service: Observe, Sources: addr.Any(), Origin: m.ObservePos})
	return &open
}

// Review is Compare as packets meet the models. Where both only observe, packets
// do not tell them apart: then it is what would differ once they enforce, and later
// is true.
func Review(old, new *Model) (c Change, later bool) {
	if old != nil && new != nil && old.Observe && new.Observe {
		return Compare(old, new), true
	}
	return Compare(old.InForce(), new.InForce()), false
}

// beyond is what one side lets in and the other does not.
func (g *grid) beyond(these, those *side) (deltas []Delta) {
	c := &comparison{g, these, those, those.covers(g), map[restKey]addr.Set{}}
	for i := range these.exposures {
		deltas = append(deltas, c.deltas(i)...)
	}
	slices.SortStableFunc(deltas, worstFirst)
	return deltas
}

// comparison is the search for what one side lets in beyond the other.
type comparison struct {
	*grid
	these, those *side
	covers       map[cell]*cover // of those
	rests        map[restKey]addr.Set
}

// restKey is a set of sources and those to take away from it, by their numbers:
// many services share few sets, which may be long.
type restKey struct {
	set  int
	less string
}

// rest is an exposure's sources without those of a cover.
func (c *comparison) rest(exposure int, over *cover) addr.Set {
	sources := c.these.exposures[exposure].Sources
	if over == nil {
		return sources
	}
	key := restKey{c.these.sets[exposure], over.key}
	rest, known := c.rests[key]
	if !known {
		rest = sources
		for _, i := range over.exposures {
			rest = rest.Subtract(c.those.exposures[i].Sources)
		}
		c.rests[key] = rest
	}
	return rest
}

// deltas is what one exposure lets in beyond the other side, cells with the
// same sources together.
func (c *comparison) deltas(exposure int) (deltas []Delta) {
	type group struct {
		sources addr.Set
		origin  diag.Pos
		cells   []cell
	}
	e := &c.these.exposures[exposure]
	var groups []group
	indexes := map[*cover]int{} // of a cover's group, or -1
	for _, at := range c.cells(e) {
		over := c.covers[at]
		i, known := indexes[over]
		if !known {
			sources := c.rest(exposure, over)
			origin := c.origin(e, over, sources)
			i = slices.IndexFunc(groups, func(g group) bool { return g.origin == origin && g.sources.Equal(sources) })
			if i < 0 && !sources.IsEmpty() {
				i, groups = len(groups), append(groups, group{sources: sources, origin: origin})
			}
			indexes[over] = i
		}
		if i >= 0 {
			groups[i].cells = append(groups[i].cells, at)
		}
	}
	for _, g := range groups {
		deltas = append(deltas, c.readable(e, g.sources, g.origin, g.cells)...)
	}
	return deltas
}

// DeltaFacts gives the deltas in the form programs read.
func DeltaFacts(deltas []Delta) []Fact {
	facts := make([]Fact, len(deltas))
	for i, d := range deltas {
		facts[i] = Fact{d.Service, PortNames(d.Ports), d.Role, d.Sources.Strings(),
			append([]string{}, d.Interfaces...), append([]string{}, d.Addresses...), d.Origin.Origin()}
	}
	return facts
}
