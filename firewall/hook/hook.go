// Package hook tells what becomes of a packet at the host's input path: what all
// base chains of all tables, whoever made them, do to it. It evaluates the
// kernel's own programs, expression by expression, in three values: what it does
// not understand, or what does not depend on the packet alone (a rate, a clock),
// may go either way, and a verdict is certain only if all ways lead to it.
package hook

import (
	"fmt"
	"slices"

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
// another host. What the packet leaves open (no address, port 0, no interface)
// may be anything, except that it does not come by lo and is meant for this host.
func (s *Snapshot) Judge(p ruleset.Packet) Outcome {
	if p.In != "" || len(s.Links) == 0 {
		return s.judge(p)
	}
	var all []Outcome
	for _, l := range s.Links {
		if !l.Loopback {
			p.In = l.Name
			all = append(all, s.judge(p))
		}
	}
	if len(all) == 0 {
		return s.judge(p)
	}
	for _, o := range all {
		if o.Verdict != all[0].Verdict {
			return differing(all)
		}
	}
	return all[0]
}

// differing is the outcome where links differ: that of the first one that does
// not accept, as a doubt.
func differing(all []Outcome) Outcome {
	i := slices.IndexFunc(all, func(o Outcome) bool { return o.Verdict != Accept })
	o := all[i]
	if o.Verdict == Drop {
		o.Verdict, o.Why = Unknown, "it depends on the interface that it comes in by"
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
	for _, b := range s.bases {
		if !b.concerns(s, p) {
			continue
		}
		step, after := s.base(b, p, w)
		step.Reached = !dropped
		o.Path = append(o.Path, step)
		w = after
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
