package main

import (
	"errors"
	"fmt"
	"slices"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/rehearse"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// errTold ends a command whose words are on the screen already.
var errTold = errors.New("told already")

// again runs this command once more, in an empty network namespace, and ends as
// it ends there.
func (a *app) again() error {
	out := a.out
	if data, ok := out.(*dataWriter); ok {
		out = data.to
	}
	code, err := rehearse.Again(a.args, a.in, out, a.err)
	switch {
	case err != nil:
		return systemFailure(err)
	case code != exitDone:
		return &failure{code, errTold}
	}
	return nil
}

// rehearsal is what the kernel had to say on all tests.
type rehearsal struct {
	Release string `json:"release"`
	Packets int    `json:"packets"`
	Refused int    `json:"refused"` // packets that came to no rule
	Faults  int    `json:"faults"`  // packets of another fate than the ruleset's evaluation says
}

func (r *rehearsal) String() string {
	text := fmt.Sprintf("Linux %s agrees with our evaluation of the ruleset on %s.", r.Release, plural(r.Packets-r.Refused, "packet"))
	if r.Faults > 0 {
		text = fmt.Sprintf("FAULT OF NGCP-FW: Linux %s does not agree with our evaluation of the ruleset on %d of %s. Please report it, with the policy.",
			r.Release, r.Faults, plural(r.Packets, "packet"))
	}
	if r.Refused > 0 {
		text += fmt.Sprintf(" It refused %s before any rule.", plural(r.Refused, "packet"))
	}
	return text
}

// Notes on a packet.
const (
	faultNote   = "the kernel and our evaluation of the ruleset differ: a fault of ngcp-fw"
	refusedNote = "the kernel refuses this packet before any rule, for its addresses"
)

// rehearse sends each test's packets, and adds what became of them.
func (done *testsJSON) rehearse(m *exposure.Model) error {
	if len(done.Results) == 0 {
		return nil
	}
	table := compile.Compile(m, 1)
	var all []ruleset.Packet
	var from []int // the test of each packet
	for i, t := range m.Tests {
		for _, p := range packets(m, t.Flow) {
			all, from = append(all, p), append(from, i)
		}
	}
	outcomes, err := rehearse.Run(table, all)
	if err != nil {
		return err
	}
	done.Kernel = &rehearsal{Release: rehearse.Kernel(), Packets: len(all)}
	evaluator := table.Evaluator()
	for i, p := range all {
		done.Kernel.note(&done.Results[from[i]], outcomes[i], evaluator.EvaluateInput(p).Accept)
	}
	done.count()
	return nil
}

// note adds the outcome of one packet to its test. One that is accepted is
// enough for accept, as it is where the test names no link.
func (r *rehearsal) note(t *testResult, outcome rehearse.Outcome, accept bool) {
	if t.Kernel == "" || outcome == rehearse.Accepted {
		t.Kernel = verdictWord(outcome == rehearse.Accepted)
	}
	switch {
	case outcome == rehearse.Refused:
		r.Refused++
		if t.Note == "" {
			t.Note = refusedNote
		}
	case (outcome == rehearse.Accepted) != accept:
		r.Faults++
		t.Note = faultNote
	}
}

// packets are the flow's first packet on every link that it may be accepted by:
// its own, those of the exposure that accepts it, or all.
func packets(m *exposure.Model, f policy.Flow) (list []ruleset.Packet) {
	f = m.Allows(f).At(f)
	links := []string{f.In}
	if f.In == "" {
		links = linksOf(m)
		if e := m.Allows(f).Exposure; e != nil && e.Interfaces != nil {
			links = fromOutside(e.Interfaces)
		}
	}
	for _, link := range links {
		list = append(list, firewall.Packet(f, link))
	}
	return list
}

// anyLink is for a model that names none.
const anyLink = "eth0"

// linksOf is the links that the model and its tests name.
func linksOf(m *exposure.Model) (links []string) {
	for _, e := range m.Exposures {
		links = append(links, e.Interfaces...)
	}
	for _, t := range m.Tests {
		if t.Flow.In != "" {
			links = append(links, t.Flow.In)
		}
	}
	if links = fromOutside(links); len(links) == 0 {
		return []string{anyLink}
	}
	slices.Sort(links)
	return slices.Compact(links)
}

// fromOutside leaves lo out: what comes by it is this host's own, and accepted
// whatever the services say.
func fromOutside(links []string) []string {
	return slices.DeleteFunc(slices.Clone(links), func(link string) bool { return link == "lo" })
}
