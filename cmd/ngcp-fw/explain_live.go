package main

import (
	"fmt"
	"io"
	"slices"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/hook"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// liveJSON is what the kernel's ruleset, all tables, makes of a flow.
type liveJSON struct {
	Verdict string      `json:"verdict"` // accept, drop or unknown
	In      string      `json:"in"`      // the interface it was asked for; "": any
	InForce bool        `json:"in_force"`
	Why     string      `json:"why,omitempty"`     // of unknown: what cannot be told
	Chains  []liveChain `json:"chains"`            // in the order in which the packet comes to them
	Remarks []string    `json:"remarks,omitempty"` // on a packet that this host would not get so

	by hook.Step
}

type liveChain struct {
	Family   string `json:"family"`
	Table    string `json:"table"`
	Chain    string `json:"chain"`
	Hook     string `json:"hook"`
	Priority int32  `json:"priority"`
	Verdict  string `json:"verdict"`
	Rule     string `json:"rule"`
	Why      string `json:"why"`
	Reached  bool   `json:"reached"` // false: a chain before it drops the packet
}

// rule is the deciding rule, with its chain.
func (l *liveJSON) rule() string {
	if l.by.Chain == "" {
		return ""
	}
	return l.by.Name() + ": " + l.by.Rule
}

// ownTable is our table, in which rates count as kept: explain is about access.
const ownTable = "inet " + compile.TableName

// askKernel judges the flow's first packet by all base chains of the input path.
func askKernel(flow policy.Flow, d exposure.Decision) (*liveJSON, error) {
	conn, err := kernel.Open()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	s, err := hook.Read(conn, ownTable)
	if err != nil {
		return nil, err
	}
	best, in := hook.Outcome{}, ""
	for i, link := range likelyLinks(s, flow, d) {
		o := judgeLive(s, d.At(flow), link)
		if i == 0 || better(o, best) {
			best, in = o, link
		}
	}
	l := liveDocument(best, in)
	l.Remarks = elsewhere(s, flow)
	return l, nil
}

// elsewhere is why such a packet would not come to this host.
func elsewhere(s *hook.Snapshot, flow policy.Flow) (remarks []string) {
	if flow.In != "" && !s.HasLink(flow.In) {
		remarks = append(remarks, fmt.Sprintf("this host has no interface %s", flow.In))
	}
	if to := flow.To; to.IsValid() && !to.IsMulticast() && !to.IsLoopback() && !s.Owns(to) {
		remarks = append(remarks, fmt.Sprintf("%s is no address of this host: unless it is a broadcast, the packet is forwarded, or dropped by the routes", to))
	}
	return remarks
}

// likelyLinks is the interfaces that the flow may come by: the one that was named,
// those that its service is open on, or the one by which it would be answered.
func likelyLinks(s *hook.Snapshot, flow policy.Flow, d exposure.Decision) []string {
	if flow.In == "" && d.Exposure != nil && len(d.Exposure.Interfaces) > 0 {
		return d.Exposure.Interfaces
	}
	if flow.In == "" {
		return []string{s.LinkTo(flow.From)}
	}
	return []string{flow.In}
}

// better tells whether it is more of an answer: accepted by one interface is
// accepted.
func better(a, b hook.Outcome) bool {
	order := []hook.Verdict{hook.Accept, hook.Unknown, hook.Drop}
	return slices.Index(order, a.Verdict) < slices.Index(order, b.Verdict)
}

func judgeLive(s *hook.Snapshot, flow policy.Flow, link string) hook.Outcome {
	p := firewall.Packet(flow, link)
	if s.HasAddress(flow.From) {
		p.Dst = flow.To // left open, it is any address of the interface
	}
	return s.Judge(p)
}

func liveDocument(o hook.Outcome, in string) *liveJSON {
	l := &liveJSON{Verdict: o.Verdict.String(), In: in, Why: o.Why, Chains: []liveChain{}, by: o.Step}
	for _, s := range o.Path {
		l.InForce = l.InForce || s.Family == compile.Family.String() && s.Table == compile.TableName
		l.Chains = append(l.Chains, liveChain{s.Family, s.Table, s.Chain, s.Hook, s.Priority, s.Verdict.String(), s.Rule, s.Why, s.Reached})
	}
	return l
}

// writeLive is the kernel's verdict for people, and that of each chain.
func writeLive(w io.Writer, l *liveJSON) {
	by := ""
	if l.In != "" {
		by = ", coming in by " + l.In
	}
	text := fmt.Sprintf("accepted in the kernel by all its chains%s", by)
	switch {
	case l.Verdict == hook.Drop.String():
		text = fmt.Sprintf("dropped in the kernel by chain %s%s", l.by.Name(), by)
	case l.Verdict == hook.Unknown.String():
		text = fmt.Sprintf("cannot tell for the kernel%s: chain %s may drop it; %s", by, l.by.Name(), l.by.Why)
	case len(l.Chains) == 0:
		text = fmt.Sprintf("accepted in the kernel, which has no chain at all%s", by)
	}
	fmt.Fprintln(w, wrap(text, 0, 2))
	if !l.InForce {
		fmt.Fprintln(w, "  nothing of ngcp-fw is in force")
	}
	for _, r := range l.Remarks {
		fmt.Fprintf(w, "  %s\n", wrap("but "+r, 2, 4))
	}
	for _, c := range l.Chains {
		fmt.Fprintf(w, "  %s\n", wrap(c.String(), 2, 4))
	}
}

// String is the chain, its verdict and the rule that gives it.
func (c liveChain) String() string {
	verdict := map[string]string{"accept": "accepts", "drop": "drops", "unknown": "may accept or drop"}[c.Verdict]
	if !c.Reached {
		verdict = "is not reached"
	}
	text := fmt.Sprintf("%s %s %s %s", c.Family, c.Table, c.Chain, verdict)
	if c.Rule != "" && c.Reached {
		text += ": " + c.Rule
	}
	if c.Why != "" && c.Reached {
		text += "; " + c.Why
	}
	return text
}
