package hook

import (
	"fmt"
	"net/netip"
	"slices"

	"ngcp-fw/firewall/ruleset"
)

// Interfering names the base chains of the input path, but for those that own
// tells of, by which some packet can be dropped, sent elsewhere, changed or kept
// out of connection tracking: "ip filter INPUT". A rule that no packet comes to
// does not count.
func (s *Snapshot) Interfering(own func(family, table, chain string) bool) (names []string) {
	for _, c := range s.bases {
		family := familyName(c.table.family)
		if !own(family, c.table.name, c.name) && s.interferes(c) {
			names = append(names, fmt.Sprintf("%s %s %s", family, c.table.name, c.name))
		}
	}
	for _, table := range s.Legacy {
		names = append(names, table+" of iptables-legacy")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Snapshot) interferes(c *chain) bool {
	if c.stage() < 2 {
		v, _, _ := early(c)
		return v != Accept
	}
	for _, p := range anyPackets {
		if c.concerns(s, p) && s.meddles(c, p) {
			return true
		}
	}
	return false
}

// meddles tells whether the chain does anything but accept a packet of that family,
// protocol and state, of which all else is open.
func (s *Snapshot) meddles(c *chain, p ruleset.Packet) bool {
	v := &walker{s, p, networkHeader(p), transportHeader(p), c, map[visit]fate{}}
	f := v.chain(c, world{markOpen: ^uint32(0), ctMarkOpen: ^uint32(0), noTrack: p.State == ruleset.StateUntracked, moved: true}, 0)
	if f.drop != nil || f.lost != nil || f.on != nil && c.drop {
		return true
	}
	for _, w := range []*world{f.accepted, f.on} {
		if w != nil && (w.written || w.mayTrack || w.noTrack && p.State != ruleset.StateUntracked) {
			return true
		}
	}
	return false
}

// anyPackets is a packet of each family, protocol and state.
var anyPackets = func() (all []ruleset.Packet) {
	const another = 255 // reserved (IANA, Assigned Internet Protocol Numbers)
	for _, from := range probes {
		for _, protocol := range []uint8{protoTCP, protoUDP, protoSCTP, protoDCCP, protoUDPLite, protoICMP, protoICMPv6, another} {
			for _, state := range []ruleset.CTStates{ruleset.StateNew, ruleset.StateEstablished, ruleset.StateRelated, ruleset.StateInvalid, ruleset.StateUntracked} {
				all = append(all, ruleset.Packet{Src: from, Protocol: protocol, State: state})
			}
		}
	}
	return all
}()

// probes gives a packet its family; nobody reads the address.
var probes = []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}
