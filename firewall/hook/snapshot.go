package hook

import (
	"cmp"
	"net/netip"
	"slices"

	"ngcp-fw/firewall/ruleset"
)

// Link is a network interface.
type Link struct {
	Name     string
	Index    uint32
	Kind     uint16 // ARPHRD_… of linux/if_arp.h; 0: not known
	Loopback bool
	Bridge   bool
	Addrs    []netip.Prefix
}

// Snapshot is everything at the input path, as it was read.
type Snapshot struct {
	Links  []Link
	Legacy []string // tables of iptables-legacy, which nobody but itself can read

	// LimitsKept names the tables in which rates count as kept, as family and
	// name: "inet ngcp-fw". Elsewhere, what depends on a rate is unknown.
	LimitsKept []string

	tables map[tableKey]*table
	bases  []*chain
	asks   func(t *table, set *set, key []byte) (element, Tri) // of sets that were not read
	way    func(to netip.Addr) (link uint32)
	routes func(src netip.Addr, link uint32) Tri // whether there is a route to src (by link, unless it is 0)
}

// Tri is a truth of three values.
type Tri uint8

// The values.
const (
	Perhaps Tri = iota
	Yes
	No
)

func (t Tri) not() Tri {
	switch t {
	case Yes:
		return No
	case No:
		return Yes
	}
	return Perhaps
}

func truth(b bool) Tri {
	if b {
		return Yes
	}
	return No
}

// flip is t where keep, and its contrary otherwise.
func (t Tri) flip(invert bool) Tri {
	if invert {
		return t.not()
	}
	return t
}

// and is whether both hold.
func (t Tri) and(u Tri) Tri {
	switch {
	case t == No || u == No:
		return No
	case t == Yes && u == Yes:
		return Yes
	}
	return Perhaps
}

type tableKey struct {
	family uint8
	name   string
}

type table struct {
	tableKey
	handle  uint64
	dormant bool
	chains  map[string]*chain
	sets    map[string]*set
}

type chain struct {
	table    *table
	name     string
	handle   uint64
	based    bool
	hook     uint32
	priority int32
	kind     string // filter, nat, route
	drop     bool   // by policy
	devices  []string
	rules    []rule
}

type rule struct {
	comment string
	steps   []expression
}

type expression struct {
	name string
	data attributes
}

// Families and hooks of linux/netfilter.h that package ruleset does not have.
const (
	familyNetdev = 5
	familyBridge = 7

	hookPrerouting = 0 // NF_INET_PRE_ROUTING, NF_BR_PRE_ROUTING
	hookInput      = 1 // NF_INET_LOCAL_IN, NF_BR_LOCAL_IN
	hookIngress    = 5 // NF_INET_INGRESS; NF_NETDEV_INGRESS is 0
)

// stage is where on the packet's way the base chain stands: 0 ingress, 1 a bridge,
// 2 prerouting, 3 input; -1 is elsewhere.
func (c *chain) stage() int {
	switch {
	case !c.based:
		return -1
	case c.table.family == familyNetdev && c.hook == 0, c.table.family == uint8(ruleset.FamilyInet) && c.hook == hookIngress:
		return 0
	case c.table.family == familyBridge && (c.hook == hookPrerouting || c.hook == hookInput):
		return 1
	case !inetFamily(c.table.family):
		return -1
	case c.hook == hookPrerouting:
		return 2
	case c.hook == hookInput:
		return 3
	}
	return -1
}

func inetFamily(family uint8) bool {
	switch ruleset.Family(family) {
	case ruleset.FamilyInet, ruleset.FamilyIPv4, ruleset.FamilyIPv6:
		return true
	}
	return false
}

// ordered is the base chains of the input path in the kernel's order. Of two of
// one priority, the one that was registered later comes first (nf_hook_entries_grow
// of net/netfilter/core.c); across tables that is known by the tables' age only.
func ordered(tables map[tableKey]*table) (bases []*chain) {
	for _, t := range tables {
		for _, c := range t.chains {
			if !t.dormant && c.stage() >= 0 {
				bases = append(bases, c)
			}
		}
	}
	slices.SortFunc(bases, func(a, b *chain) int {
		return cmp.Or(cmp.Compare(a.stage(), b.stage()), cmp.Compare(a.hook, b.hook), cmp.Compare(a.priority, b.priority),
			cmp.Compare(b.table.handle, a.table.handle), cmp.Compare(b.handle, a.handle))
	})
	return bases
}

// concerns tells whether the packet comes to the base chain.
func (c *chain) concerns(s *Snapshot, p ruleset.Packet) bool {
	switch ruleset.Family(c.table.family) {
	case ruleset.FamilyIPv4:
		return p.Src.Is4()
	case ruleset.FamilyIPv6:
		return p.Src.Is6()
	case familyBridge:
		l := s.link(p.In)
		return l == nil || l.Bridge
	}
	return c.stage() != 0 || p.In == "" || len(c.devices) == 0 || slices.Contains(c.devices, p.In)
}

// HasLink tells whether the host has an interface of that name.
func (s *Snapshot) HasLink(name string) bool { return s.link(name) != nil }

func (s *Snapshot) link(name string) *Link {
	i := slices.IndexFunc(s.Links, func(l Link) bool { return l.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Links[i]
}
