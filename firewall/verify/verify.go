// Package verify proves that a ruleset is the policy: it takes all packets there
// are through the ruleset's chains at once and compares what becomes of them
// with what the policy says. It finds a packet on which the two differ, or there
// is none.
//
// Packets travel as boxes: products of a set on each axis (links, protocol,
// ports, ICMP type, state of the connection) and of sets of addresses. A rule
// divides a box into what it matches and what it does not; a verdict ends it,
// and is held against the clauses of the policy (law). Neither side knows the
// other, nor how rules are compiled.
//
// The proof is about access. Limits and meters are within their rate, logs and
// counters have no part in it. Whether a source is banned is an axis as any
// other. A learned set can hold any source that some packet leaves in it, and the
// verdicts have to be right with and without. Of a tracked connection, the
// packet's state is what connection tracking says of it.
package verify

import (
	"errors"
	"fmt"
	"strings"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// Counterexample is a packet on which ruleset and policy differ.
type Counterexample struct {
	Hook   ruleset.Hook   // input, or where else something is dropped or accepted
	Flow   policy.Flow    // FromPort 0: any client's; To invalid: any address of this host
	Packet ruleset.Packet // the same packet in whole, with its state and ICMP type
	Policy bool           // the policy accepts it
	Kernel bool           // the ruleset accepts it
	Banned string         // the set of banned ones that its source is in, without the family: banned, offenders, crowdsec; "": none
	Held   string         // a live set that holds its source; "": none
	Unlike []string       // it may come by any interface but these; nil: by In only
}

// Plain reports whether the flow says all there is to the packet: a new one of
// tcp, udp or sctp for this host, while no set of the moment has a part in it.
func (c *Counterexample) Plain() bool {
	return c.Hook == ruleset.HookInput && policy.HasPorts(c.Flow.Protocol) && c.Packet.State == ruleset.StateNew && c.Banned == "" && c.Held == ""
}

// Compare proves that the table's verdict on every packet is the model's; else
// it gives one of those on which they differ, a plain one where there is one. It
// fails where the table has something that is not understood, and says in which
// chain and rule: then nothing is proven.
func Compare(t *ruleset.Table, m *exposure.Model) (*Counterexample, error) {
	if err := strange(t); err != nil {
		return nil, err
	}
	links := linksOf(t, m)
	atlas := newAtlas()
	c := &comparison{atlas: atlas, links: links, law: newLaw(m, links, atlas)}
	w, err := newWalk(t, links, atlas)
	if err != nil {
		return nil, err
	}
	c.walk = w
	c.run(m)
	if c.found == nil && len(w.doubts) > 0 {
		return nil, w.doubts[0]
	}
	return c.found, nil
}

// strange finds what has a say over the whole table, or over a chain, and is not
// understood. Objects that only rules can call are told of where a rule does.
func strange(t *ruleset.Table) error {
	if t.Family != ruleset.FamilyInet {
		return errors.New("the table is not of the family inet")
	}
	for _, f := range t.Foreign {
		if f.Name == "table" || strings.HasPrefix(f.Name, "chain") || strings.HasPrefix(f.Name, "rule") {
			return fmt.Errorf("%s: it has flags or attributes that are not understood", f.Name)
		}
	}
	return nil
}

// comparison is the work of one Compare.
type comparison struct {
	*walk
	atlas *atlas
	links *linkIndex
	law   *law
	found *Counterexample
}

// run walks the hooks. What packets leave in learned sets is known when they
// have gone through, so then they go once more.
func (c *comparison) run(m *exposure.Model) {
	for {
		c.grown, c.doubts, c.found = false, nil, nil
		c.input()
		if !c.grown || c.found != nil && c.found.Plain() {
			break
		}
	}
	if c.found == nil {
		c.forward(m)
		c.output()
	}
}

// input holds what comes for this host against the law.
func (c *comparison) input() {
	c.dropped = func(b *box) { c.judge(b, false) }
	in := c.hook(ruleset.HookPrerouting, c.every(func(b *box) {}))
	for _, b := range c.hook(ruleset.HookInput, c.track(in)) {
		c.judge(b, true)
	}
}

func (c *comparison) every(as func(*box)) (boxes []*box) {
	for _, f := range families {
		b := every(c.atlas, c.links, f.family)
		as(&b)
		boxes = append(boxes, &b)
	}
	return boxes
}

func (c *comparison) judge(b *box, accepted bool) {
	if c.found != nil && c.found.Plain() {
		return
	}
	for _, breach := range c.law.breaches(b, accepted) {
		c.keep(c.example(breach, ruleset.HookInput, accepted))
	}
}

// keep prefers plain examples.
func (c *comparison) keep(e *Counterexample) {
	if c.found == nil || e.Plain() && !c.found.Plain() {
		c.found = e
	}
}

// forward drops all or nothing, as the policy says.
func (c *comparison) forward(m *exposure.Model) {
	want := m.Forward != policy.ForwardDrop || m.Observe
	c.uniform(ruleset.HookForward, want, func(b *box) { b.axes[outLink] = c.links.all() })
}

// output is never touched.
func (c *comparison) output() {
	c.uniform(ruleset.HookOutput, true, c.leaving)
	c.uniform(ruleset.HookPostrouting, true, c.leaving)
}

// leaving makes a box of packets one of those that this host sends.
func (c *comparison) leaving(b *box) {
	b.axes[inLink], b.axes[outLink] = only(noLink), c.links.all()
}

// uniform wants one verdict of a hook on all packets.
func (c *comparison) uniform(h ruleset.Hook, want bool, as func(*box)) {
	report := func(b *box, accepted bool) {
		if accepted != want {
			c.keep(c.example(b, h, accepted))
		}
	}
	c.dropped = func(b *box) { report(b, false) }
	for _, b := range c.hook(h, c.every(as)) {
		report(b, true)
	}
}
