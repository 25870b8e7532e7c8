package compile

import (
	"cmp"
	"slices"

	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// segment is a run of ports that the same exposures open.
type segment struct {
	from, to  uint16
	exposures []int // indexes into the model's, ascending
}

// openings cuts each protocol's ports into segments: disjoint, ascending, and
// none where nothing is open. Verdict maps hold one answer for a port, so this
// is where services that share a port add up.
func openings(m *exposure.Model) map[policy.Protocol][]segment {
	edges := map[policy.Protocol][]edge{}
	for i, e := range m.Exposures {
		for _, p := range e.Ports {
			edges[p.Protocol] = append(edges[p.Protocol],
				edge{uint32(p.From), i, 1}, edge{uint32(p.To) + 1, i, -1})
		}
	}
	segments := map[policy.Protocol][]segment{}
	for protocol, list := range edges {
		segments[protocol] = sweep(list)
	}
	return segments
}

// edge is a port at which an exposure opens (1) or is closed again (-1). It is
// wider than a port: a range that ends at 65535 closes at 65536.
type edge struct {
	port     uint32
	exposure int
	step     int
}

// sweep walks the edges upwards and notes who is open between one and the next.
func sweep(edges []edge) (segments []segment) {
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.port, b.port) })
	open := map[int]int{} // exposures by how many of their ranges are open here
	for i, e := range edges {
		if open[e.exposure] += e.step; open[e.exposure] == 0 {
			delete(open, e.exposure)
		}
		if i+1 < len(edges) && edges[i+1].port > e.port && len(open) > 0 {
			segments = extend(segments, segment{uint16(e.port), uint16(edges[i+1].port - 1), sorted(open)})
		}
	}
	return segments
}

// extend appends the segment, to the last one if the two touch and are opened
// by the same exposures.
func extend(segments []segment, s segment) []segment {
	if n := len(segments); n > 0 {
		last := &segments[n-1]
		if last.to+1 == s.from && slices.Equal(last.exposures, s.exposures) {
			last.to = s.to
			return segments
		}
	}
	return append(segments, s)
}

func sorted(set map[int]int) []int {
	list := make([]int, 0, len(set))
	for i := range set {
		list = append(list, i)
	}
	slices.Sort(list)
	return list
}

// ranged tells whether any segment is more than one port: a map of single ports
// is a hash, one of ranges a tree.
func ranged(segments []segment) bool {
	return slices.ContainsFunc(segments, func(s segment) bool { return s.from != s.to })
}
