package exposure

import (
	"cmp"
	"net/netip"

	"ngcp-fw/policy/addr"
)

// worstFirst puts what opens administrators' services first, then what is open
// to any, then what more addresses can reach.
func worstFirst(a, b Delta) int {
	return cmp.Or(first(a.Admin, b.Admin), first(a.toAny(), b.toAny()), compareCounts(b.Sources, a.Sources))
}

// toAny reports whether the delta is open to everybody of a family.
func (d Delta) toAny() bool {
	v4, v6 := d.Everyone()
	return v4 || v6
}

// Everyone reports whether all IPv4 or all IPv6 addresses are among the sources,
// or nearly all: what was open before is not in a delta, and what is denied in
// no exposure. Half of the addresses is nearly all; of IPv6, half of those that
// are given to anybody (RFC 4291, section 2.4: 2000::/3).
func (d Delta) Everyone() (v4, v6 bool) { return Everyone(d.Sources) }

// Everyone is Delta.Everyone for any sources.
func Everyone(s addr.Set) (v4, v6 bool) {
	n4, _ := s.Count()
	_, n6 := s.Intersect(globalUnicast).Count()
	return n4 >= 1<<31, n6.BitLen() > 124
}

var globalUnicast = addr.Of(netip.MustParsePrefix("2000::/3"))

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
	return cmp.Or(cmp.Compare(a4, b4), a6.Cmp(b6))
}
