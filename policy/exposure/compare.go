package exposure

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

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
	Origin     diag.Pos
	Admin      bool // NGCP means the service for administrators
}

// Change is what two models of one host differ in, worst first.
type Change struct{ Gained, Lost []Delta }

// IsEmpty reports whether exactly the same packets are accepted.
func (c Change) IsEmpty() bool { return len(c.Gained) == 0 && len(c.Lost) == 0 }

// Compare tells who can reach what by the new model and could not by the old
// one, by any service, and the reverse. A nil model lets nobody in.
func Compare(old, new *Model) Change {
	a, b := exposuresOf(old), exposuresOf(new)
	g := newGrid(a, b)
	return Change{Gained: g.beyond(b, a), Lost: g.beyond(a, b)}
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

func exposuresOf(m *Model) []Exposure {
	if m == nil {
		return nil
	}
	return m.Exposures
}

// grid cuts the space of (interface, local address, port) along all the borders
// of some exposures, so that inside a cell each exposure holds whole or not at
// all. The sources stay sets.
type grid struct {
	links     []string // those named; behind them, one class of all others
	addresses []string
	ports     []policy.Ports // disjoint; the last, without a protocol, is all other protocols
}

// cell is one cell of a grid, by its indexes. An index at a list's end is the
// class of all that is not in the list.
type cell struct{ link, address, port int }

func newGrid(lists ...[]Exposure) *grid {
	g := &grid{}
	borders := map[policy.Protocol][]int{}
	for _, row := range policy.Protocols {
		borders[row.Protocol] = []int{1, 1 << 16}
	}
	for _, e := range slices.Concat(lists...) {
		g.links = append(g.links, e.Interfaces...)
		g.addresses = append(g.addresses, addressNames(e.Addresses)...)
		for _, p := range e.Ports {
			borders[p.Protocol] = append(borders[p.Protocol], int(p.From), int(p.To)+1)
		}
	}
	g.links, g.addresses = distinct(g.links), distinct(g.addresses)
	for _, row := range policy.Protocols {
		edges := borders[row.Protocol]
		slices.Sort(edges)
		edges = slices.Compact(edges)
		for i, from := range edges[:len(edges)-1] {
			g.ports = append(g.ports, policy.Ports{Protocol: row.Protocol, From: uint16(from), To: uint16(edges[i+1] - 1)})
		}
	}
	g.ports = append(g.ports, policy.Ports{})
	return g
}

// cells is the part of the grid that an exposure covers.
func (g *grid) cells(e *Exposure) (all []cell) {
	links, addresses := within(g.links, e.Interfaces), within(g.addresses, addressNames(e.Addresses))
	if e.Addresses == nil {
		addresses = within(g.addresses, nil)
	}
	for port, p := range g.ports {
		if !e.hasPorts(p) {
			continue
		}
		for _, link := range links {
			for _, address := range addresses {
				all = append(all, cell{link, address, port})
			}
		}
	}
	return all
}

// within is the indexes in all of what is in some; nil means all, and the class
// of the others.
func within(all, some []string) (indexes []int) {
	for i, name := range all {
		if some == nil || slices.Contains(some, name) {
			indexes = append(indexes, i)
		}
	}
	if some == nil {
		indexes = append(indexes, len(all))
	}
	return indexes
}

// hasPorts reports whether the exposure covers a segment of the grid.
func (e *Exposure) hasPorts(p policy.Ports) bool {
	return e.Ports == nil || slices.ContainsFunc(e.Ports, func(q policy.Ports) bool {
		return q.Protocol == p.Protocol && q.From <= p.From && p.To <= q.To
	})
}

// beyond is what the exposures of one list let in and those of the other do not.
func (g *grid) beyond(these, those []Exposure) (deltas []Delta) {
	covers := g.covers(those)
	for i := range these {
		deltas = append(deltas, g.deltas(&these[i], covers, those)...)
	}
	slices.SortStableFunc(deltas, worstFirst)
	return deltas
}

// cover is the exposures that hold in a cell. Cells with the same ones share it.
type cover struct{ exposures []int }

// covers finds each cell's cover; cells that nothing holds in have none.
func (g *grid) covers(exposures []Exposure) map[cell]*cover {
	by := map[cell][]int{}
	for i := range exposures {
		for _, c := range g.cells(&exposures[i]) {
			by[c] = append(by[c], i)
		}
	}
	covers, known := make(map[cell]*cover, len(by)), map[string]*cover{}
	for c, list := range by {
		key := fmt.Sprint(list)
		if known[key] == nil {
			known[key] = &cover{list}
		}
		covers[c] = known[key]
	}
	return covers
}

// less is the exposure's sources without those of the cover.
func (c *cover) less(e *Exposure, exposures []Exposure) addr.Set {
	sources := e.Sources
	for i := 0; c != nil && i < len(c.exposures) && !sources.IsEmpty(); i++ {
		sources = sources.Subtract(exposures[c.exposures[i]].Sources)
	}
	return sources
}

// deltas is what one exposure lets in beyond those, cells with the same sources
// together.
func (g *grid) deltas(e *Exposure, covers map[cell]*cover, those []Exposure) (deltas []Delta) {
	type group struct {
		sources addr.Set
		cells   []cell
	}
	var groups []group
	left := map[*cover]int{} // the index of its group, or -1
	for _, c := range g.cells(e) {
		over := covers[c]
		i, known := left[over]
		if !known {
			sources := over.less(e, those)
			i = slices.IndexFunc(groups, func(h group) bool { return h.sources.Equal(sources) })
			if i < 0 && !sources.IsEmpty() {
				i, groups = len(groups), append(groups, group{sources: sources})
			}
			left[over] = i
		}
		if i >= 0 {
			groups[i].cells = append(groups[i].cells, c)
		}
	}
	for _, h := range groups {
		deltas = append(deltas, g.readable(e, h.sources, h.cells)...)
	}
	return deltas
}

// readable joins cells again: ports into ranges, then interfaces and addresses
// that have the same ports.
func (g *grid) readable(e *Exposure, sources addr.Set, cells []cell) (deltas []Delta) {
	ports := map[[2]int][]int{}
	for _, c := range cells {
		at := [2]int{c.link, c.address}
		ports[at] = append(ports[at], c.port)
	}
	blocks := map[string]map[int][]int{} // by ports and address: links
	for at, list := range ports {
		key := fmt.Sprint(list)
		if blocks[key] == nil {
			blocks[key] = map[int][]int{}
		}
		blocks[key][at[1]] = append(blocks[key][at[1]], at[0])
	}
	for _, block := range blocks {
		byLinks := map[string][]int{} // addresses
		for address, links := range block {
			slices.Sort(links)
			byLinks[fmt.Sprint(links)] = append(byLinks[fmt.Sprint(links)], address)
		}
		for _, addresses := range byLinks {
			slices.Sort(addresses)
			able := g.ableToReach(addresses, sources)
			if able.IsEmpty() {
				continue
			}
			links := block[addresses[0]]
			deltas = append(deltas, Delta{
				Service: e.Service, Role: e.Role, Sources: able, Origin: e.Origin, Admin: isAdmin(e.Service),
				Ports:      g.joined(ports[[2]int{links[0], addresses[0]}]),
				Interfaces: classes(g.links, links), Addresses: classes(g.addresses, addresses),
			})
		}
	}
	slices.SortFunc(deltas, func(a, b Delta) int { return cmp.Compare(a.place(), b.place()) })
	return deltas
}

// ableToReach is the sources less those of a family that none of the addresses
// is of: a packet's two addresses are of one family.
func (g *grid) ableToReach(addresses []int, sources addr.Set) addr.Set {
	var v4, v6 bool
	for _, i := range addresses {
		others := i == len(g.addresses)
		is6 := !others && strings.Contains(g.addresses[i], ":")
		v4, v6 = v4 || others || !is6, v6 || others || is6
	}
	switch {
	case !v4:
		return sources.Only6()
	case !v6:
		return sources.Only4()
	}
	return sources
}

func (d Delta) place() string {
	return strings.Join(append(append(PortNames(d.Ports), d.Interfaces...), d.Addresses...), " ")
}

// joined is the segments as ports, neighbours together; all of them are nil.
func (g *grid) joined(segments []int) []policy.Ports {
	if len(segments) == len(g.ports) {
		return nil
	}
	out := []policy.Ports{}
	for _, i := range segments {
		p := g.ports[i]
		switch n := len(out); {
		case n > 0 && p.Protocol != 0 && out[n-1].Protocol == p.Protocol && out[n-1].To+1 == p.From:
			out[n-1].To = p.To
		default:
			out = append(out, p)
		}
	}
	return out
}

// classes names the members of a list by their indexes: nil is all of them and
// the others too; with the others but not all, it names those left out.
func classes(all []string, indexes []int) (names []string) {
	others := slices.Contains(indexes, len(all))
	for i, name := range all {
		switch in := slices.Contains(indexes, i); {
		case in && !others:
			names = append(names, name)
		case !in && others:
			names = append(names, "!"+name)
		}
	}
	return names
}

// worstFirst puts what opens administrators' services first, then what is open
// to any, then what more addresses can reach.
func worstFirst(a, b Delta) int {
	return cmp.Or(first(a.Admin, b.Admin), first(a.toAny(), b.toAny()), compareCounts(b.Sources, a.Sources))
}

// toAny reports whether everybody of a family is among the sources.
func (d Delta) toAny() bool { return d.Sources.Covers(addr.Any4()) || d.Sources.Covers(addr.Any6()) }

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// compareCounts compares IPv4 addresses first, which are scarce.
func compareCounts(a, b addr.Set) int {
	if a.Equal(b) {
		return 0
	}
	a4, a6 := a.Count()
	b4, b6 := b.Count()
	return cmp.Or(cmp.Compare(a4, b4), new(big.Int).Set(a6).Cmp(b6))
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
