package audit

import (
	"net/netip"
	"slices"

	"ngcp-fw/policy/addr"
)

// class is sources that share their fate: they are in the same of the sets that
// anybody's rules, the policy or the host's routes tell sources apart by.
type class struct {
	sources addr.Set
	one     netip.Addr // stands for all of them
}

// never is what no packet from another host comes from: this network, loopback,
// groups and the broadcast address (RFC 6890), and the IPv6 forms of IPv4.
var never = addr.Of(prefixes("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/96", "ff00::/8")...)

// linkLocal is sources that reach only their neighbours (RFC 4291 section 2.5.6).
var linkLocal = addr.Of(prefixes("fe80::/10")...)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// maxClasses bounds the work: by far more than any ruleset that people write, but
// a map with an address in each of its elements may have a million.
const maxClasses = 2000

// classify parts all addresses but the left-out ones by the sets. cut tells that
// there were more kinds than maxClasses.
func classify(out addr.Set, sets []addr.Set) (all []class, cut bool) {
	sets = append([]addr.Set{out, linkLocal}, sets...)
	for _, first := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		s := sweep{marks: make([]byte, len(sets)), known: map[string]*addr.Builder{}}
		s.run(first, events(sets, first.Is4()))
		for _, signature := range s.order {
			sources := s.known[signature].Set()
			for r := range sources.Ranges() {
				all = append(all, class{sources, r.From})
				break
			}
		}
	}
	cut = len(all) > maxClasses
	return all[:min(len(all), maxClasses)], cut
}

// event is an address from which on a set has addresses, or has none.
type event struct {
	at  netip.Addr
	set int
	on  byte
}

func events(sets []addr.Set, v4 bool) (all []event) {
	for i, s := range sets {
		for r := range s.Ranges() {
			if r.From.Is4() != v4 {
				continue
			}
			all = append(all, event{r.From, i, 1})
			if next := r.To.Next(); next.IsValid() {
				all = append(all, event{next, i, 0})
			}
		}
	}
	slices.SortFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	return all
}

// sweep goes through a family's addresses, ascending, and knows which sets they
// are in.
type sweep struct {
	marks []byte
	known map[string]*addr.Builder
	order []string // as the kinds come up
}

func (s *sweep) run(from netip.Addr, all []event) {
	for _, e := range all {
		if from.Less(e.at) {
			s.add(from, e.at.Prev())
			from = e.at
		}
		s.marks[e.set] = e.on
	}
	last := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if from.Is6() {
		last = netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	}
	s.add(from, last)
}

// add takes a run of addresses to its kind, unless the first set has it, which is
// left out.
func (s *sweep) add(from, to netip.Addr) {
	if s.marks[0] != 0 {
		return
	}
	signature := string(s.marks)
	b := s.known[signature]
	if b == nil {
		b = &addr.Builder{}
		s.known[signature] = b
		s.order = append(s.order, signature)
	}
	b.AddRange(from, to)
}
