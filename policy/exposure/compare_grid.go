package exposure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

// grid cuts the space of (interface, local address, port) along all the borders
// of some exposures, so that inside a cell each exposure holds whole or not at
// all. The sources stay sets.
type grid struct {
	links     []string // those named; behind them, one class of all others
	addresses []string
	ports     []policy.Ports // disjoint; the last, without a protocol, is all other protocols
	admin     []Service      // that are for administrators, with their ports
}

// adminServices is the services that NGCP means for administrators, as either
// model has them, and the policies' own that one of them gives to nobody else.
func adminServices(models ...*Model) (found []Service) {
	for _, m := range models {
		if m == nil {
			continue
		}
		for _, s := range m.Services {
			if s.forAdministrators() {
				found = append(found, s)
			}
		}
		found = append(found, forAdministratorsAlone(m.Exposures)...)
	}
	return found
}

// forAdministratorsAlone is the policy's own services, with their ports, that are
// open to that role only: of a kept generation, no more is known.
func forAdministratorsAlone(exposures []Exposure) (found []Service) {
	others := map[string]bool{}
	for i := range exposures {
		others[exposures[i].Service] = others[exposures[i].Service] || exposures[i].Role != policy.Administrators
	}
	for i := range exposures {
		if e := &exposures[i]; !others[e.Service] && !builtIn(e.Service) {
			found = append(found, Service{Name: e.Service, Ports: e.Ports})
		}
	}
	return found
}

// meant is the administrators' service that ports of a service are for: itself, or
// one whose ports another one opens. The cluster's, which are all, are for nobody.
func (g *grid) meant(service string, ports []policy.Ports) string {
	switch {
	case IsAdmin(service), slices.ContainsFunc(g.admin, func(s Service) bool { return s.Name == service }):
		return service
	case service == Cluster:
		return ""
	}
	for _, s := range g.admin {
		if overlap(s.Ports, ports) {
			return s.Name
		}
	}
	return ""
}

// overlap reports whether two lists have a port in common.
func overlap(a, b []policy.Ports) bool {
	return slices.ContainsFunc(a, func(p policy.Ports) bool {
		return slices.ContainsFunc(b, func(q policy.Ports) bool {
			return p.Protocol == q.Protocol && p.From <= q.To && q.From <= p.To
		})
	})
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

// readable joins cells again: ports into ranges, then interfaces and addresses
// that have the same ports.
func (g *grid) readable(e *Exposure, sources addr.Set, origin diag.Pos, cells []cell) (deltas []Delta) {
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
			open := g.joined(ports[[2]int{links[0], addresses[0]}])
			meant := g.meant(e.Service, open)
			deltas = append(deltas, Delta{
				Service: e.Service, Role: e.Role, Sources: able, Origin: origin, Ports: open,
				Meant: meant, Admin: meant != "" || e.Service == Observe && e.Role == "",
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
