// Package hook tells what becomes of a packet at the host's input path: what all
// base chains of all tables, whoever made them, do to it. It evaluates the
// kernel's own programs, expression by expression, in three values: what it does
// not understand, or what does not depend on the packet alone (a rate, a clock),
// may go either way, and a verdict is certain only if all ways lead to it.
package hook

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"ngcp-fw/firewall/ruleset"
)

// Verdict is what becomes of a packet.
type Verdict uint8

// The verdicts. Unknown: accepted, dropped or sent elsewhere, we cannot tell.
const (
	Unknown Verdict = iota
	Accept
	Drop
)

// String is the verdict's word.
func (v Verdict) String() string { return [...]string{"unknown", "accept", "drop"}[v] }

// Step is what one base chain does to the packet.
type Step struct {
	Family   string // inet, ip, ip6, netdev, bridge; legacy: iptables without nf_tables
	Table    string
	Chain    string
	Hook     string // ingress, prerouting, input
	Priority int32
	Verdict  Verdict
	Rule     string // the deciding rule as nft writes it, with its chain where it is another one: "policy drop", "web: tcp dport 80 accept"
	Why      string // of Unknown: what cannot be told
	Reached  bool   // false: dropped before, for certain
}

// Name is the chain as nft names it: ip filter INPUT.
func (s Step) Name() string { return fmt.Sprintf("%s %s %s", s.Family, s.Table, s.Chain) }

// Outcome is what becomes of a packet, and by which chain: of a packet that is
// dropped, the one that drops it, of Unknown the first that may, of one that is
// accepted the last one.
type Outcome struct {
	Step
	Path []Step // all base chains, in the order in which the packet comes to them
}

// Judge tells what becomes of the first packet of a connection that comes from
// another host. A packet that leaves its interface open may come by any but lo
// (that has an address of its family, if any has), one that leaves its destination
// open is meant for any address of that interface (of the host, if that has none),
// and port 0 is any port.
func (s *Snapshot) Judge(p ruleset.Packet) Outcome {
	var all []Outcome
	for _, q := range s.spread(p) {
		all = append(all, s.judge(q))
	}
	if i := slices.IndexFunc(all, func(o Outcome) bool { return o.Verdict != all[0].Verdict }); i > 0 {
		return differing(all, p)
	}
	return all[0]
}

// spread is the packets that the packet may be, at least one.
func (s *Snapshot) spread(p ruleset.Packet) (all []ruleset.Packet) {
	for _, l := range s.Links {
		if l.Loopback || p.In != "" && p.In != l.Name {
			continue
		}
		q := p
		q.In = l.Name
		if p.Dst.IsValid() {
			all = append(all, q)
			continue
		}
		for _, a := range l.Addrs {
			if alike(a.Addr(), p.Src) {
				q.Dst = a.Addr()
				all = append(all, q)
			}
		}
	}
	if len(all) == 0 && !p.Dst.IsValid() {
		all = s.anywhere(p)
	}
	if len(all) == 0 {
		all = []ruleset.Packet{p}
	}
	return all
}

// anywhere is the packet to each of the host's addresses, whatever their interface.
func (s *Snapshot) anywhere(p ruleset.Packet) (all []ruleset.Packet) {
	for _, l := range s.Links {
		for _, a := range l.Addrs {
			if !l.Loopback && alike(a.Addr(), p.Src) {
				p.Dst = a.Addr()
				all = append(all, p)
			}
		}
	}
	return all
}

// HasAddress tells whether the host has an address that packets from there go to.
func (s *Snapshot) HasAddress(from netip.Addr) bool {
	return len(s.anywhere(ruleset.Packet{Src: from})) > 0
}

// alike tells whether packets go from one to the other: of one family, and of one
// scope.
func alike(a, b netip.Addr) bool {
	return a.Is4() == b.Is4() && a.IsLinkLocalUnicast() == b.IsLinkLocalUnicast()
}

// LinkTo is the interface by which the host would answer the address, and so the
// one that its packets come by, as far as anybody can tell; "" where there is no
// route.
func (s *Snapshot) LinkTo(a netip.Addr) string {
	if s.way == nil {
		return ""
	}
	index := s.way(a)
	for _, l := range s.Links {
		if l.Index == index {
			return l.Name
		}
	}
	return ""
}

// differing is the outcome where links differ: that of the first one that does
// not accept, as a doubt.
func differing(all []Outcome, p ruleset.Packet) Outcome {
	i := slices.IndexFunc(all, func(o Outcome) bool { return o.Verdict != Accept })
	o := all[i]
	if o.Verdict == Drop {
		o.Verdict, o.Why = Unknown, "it depends on the interface that it comes in by"
		if p.In != "" {
			o.Why = "it depends on the address that it is sent to"
		}
	}
	return o
}

func (s *Snapshot) judge(p ruleset.Packet) Outcome {
	if p.State == 0 {
		p.State = ruleset.StateNew
	}
	w := world{}
	o := Outcome{Step: Step{Verdict: Accept, Why: "no base chain is there"}}
	doubt, dropped := false, false
	if step, there := s.legacy(p); there {
		o.Path, o.Step, doubt = append(o.Path, step), step, true
	}
	for _, b := range s.bases {
		if !b.concerns(s, p) {
			continue
		}
		step, after := s.base(b, p, w)
		step.Reached = !dropped
		o.Path = append(o.Path, step)
		w = after
		if b.kind == "nat" && step.Verdict == Unknown { // what follows sees where it was sent instead
			p.Dst, p.DstPort = netip.Addr{}, 0
		}
		switch {
		case dropped:
		case step.Verdict == Drop:
			o.Step, dropped = step, true
		case doubt:
		default:
			o.Step, doubt = step, step.Verdict == Unknown
		}
	}
	return o
}

// legacy is the step of the tables that iptables-legacy has loaded for packets of
// that family.
func (s *Snapshot) legacy(p ruleset.Packet) (Step, bool) {
	family := "ip"
	if p.Src.Is6() {
		family = "ip6"
	}
	for _, name := range s.Legacy {
		if table, ours := strings.CutPrefix(name, family+" "); ours {
			return Step{Family: family, Table: table, Chain: "iptables-legacy", Hook: "input", Verdict: Unknown, Reached: true,
				Why: "legacy tables are loaded, which only " + family + "tables-legacy can read"}, true
		}
	}
	return Step{}, false
}
