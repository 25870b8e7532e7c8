package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/hook"
	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/exposure"
)

type explainJSON struct {
	Verdict string    `json:"verdict"`
	Service string    `json:"service"`
	Role    string    `json:"role"`
	Rule    string    `json:"rule"`
	Origin  string    `json:"origin"`
	Policy  string    `json:"policy,omitempty"` // what the policy says, where verdict is the kernel's
	Live    *liveJSON `json:"live,omitempty"`
}

func setupExplain(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	from := flags.String("from", "", "source: `ADDR[:PORT]`")
	to := flags.String("to", "", "destination: `[ADDR:]PORT/PROTO`")
	live := flags.Bool("live", false, "ask the kernel's ruleset, all tables of others included")
	link := flags.String("in", "", "`IFACE` it comes in by; without it, any on which the service is open")
	return func(a *app, _ []string) error {
		if *from == "" || *to == "" {
			return usagef("explain wants --from and --to\nhint: ngcp-fw explain --from 203.0.113.9 --to 5060/udp")
		}
		flow, err := policy.ParseFlow(*from, *to, *link)
		if err != nil {
			return flowError(err)
		}
		in, err := a.load(false)
		if err != nil {
			return err
		}
		e := explained{flow: flow, decision: in.model.Allows(flow)}
		e.verdict = firewall.Judge(in.model, compile.Compile(in.model, 1), e.decision.At(flow))
		if *live {
			if e.live, err = askKernel(flow, e.decision); err != nil {
				return systemFailure(fmt.Errorf("cannot ask the kernel: %w", err))
			}
		}
		return a.explain(e, out.json())
	}
}

// explained is a flow, what the policy says of it and, if it was asked, the kernel.
type explained struct {
	flow     policy.Flow
	decision exposure.Decision
	verdict  firewall.Verdict
	live     *liveJSON
}

func (e explained) accepted() bool {
	if e.live != nil {
		return e.live.Verdict == hook.Accept.String()
	}
	return e.verdict.Accept
}

func (a *app) explain(e explained, asJSON bool) error {
	if asJSON {
		if err := writeJSON(a.out, e.document()); err != nil {
			return err
		}
	} else {
		if e.live != nil {
			writeLive(a.out, e.live)
			fmt.Fprint(a.out, "by the policy: ")
		}
		fmt.Fprint(a.out, explanation(e.flow, e.decision, e.verdict))
	}
	if !e.accepted() {
		return errNo
	}
	return nil
}

func (e explained) document() explainJSON {
	verdict, decision := e.verdict, e.decision
	result := explainJSON{Verdict: verdictWord(verdict.Accept), Rule: verdict.Rule}
	switch e := verdict.Exposure; {
	case e != nil:
		result.Service, result.Role, result.Origin = e.Service, e.Role, e.Origin.Origin()
	case len(verdict.Nearest) > 0:
		near := nearest(verdict.Nearest)[0]
		result.Service, result.Role, result.Origin = near.Service, near.Role, roleOrigin(near).Origin()
	case decision.Denied:
		result.Origin = decision.DeniedBy.Origin()
	}
	if e.live != nil {
		result.Policy, result.Verdict, result.Live = result.Verdict, e.live.Verdict, e.live
		if !e.accepted() || !verdict.Accept {
			result.Rule = e.live.rule()
		}
	}
	return result
}

// explanation is the verdict for people.
func explanation(flow policy.Flow, d exposure.Decision, v firewall.Verdict) string {
	var b strings.Builder
	switch e := v.Exposure; {
	case v.Accept && e != nil:
		b.WriteString(wrap(fmt.Sprintf("accepted by %s/%s, %s", e.Service, e.Role, e.Origin.Origin()), 0, 2) + "\n")
	case v.Accept:
		b.WriteString(wrap("accepted by the host's own rules: "+v.Reason, 0, 2) + "\n")
	case d.Denied:
		b.WriteString(wrap(fmt.Sprintf("dropped: %s, %s", v.Reason, d.DeniedBy.LineOrigin()), 0, 2) + "\n")
	case len(v.Nearest) == 0:
		fmt.Fprintf(&b, "dropped: %s\n", v.Reason)
	default:
		fmt.Fprintf(&b, "dropped: %s\n", v.Reason)
		for _, e := range nearest(v.Nearest) {
			b.WriteString(nearMiss(flow, e))
		}
	}
	fmt.Fprintf(&b, "  rule: %s\n", wrap(v.Rule, len("  rule: "), 4))
	return b.String()
}

// nearest leaves out the cluster's exposures, which are of every port, unless
// there are no others.
func nearest(all []exposure.Exposure) []exposure.Exposure {
	own := slices.DeleteFunc(slices.Clone(all), func(e exposure.Exposure) bool { return e.Service == exposure.Cluster })
	if len(own) == 0 {
		return all
	}
	return own
}

// flowError is a wrong flow, with the hint that helps.
func flowError(err error) error {
	if p := (*policy.Problem)(nil); errors.As(err, &p) && p.Hint != "" {
		return usagef("%w\nhint: %s", err, p.Hint)
	}
	return usagef("%w", err)
}

// roleOrigin is where somebody wrote whom the exposure is for.
func roleOrigin(e exposure.Exposure) diag.Pos {
	if e.RolePos.IsZero() {
		return e.Origin
	}
	return e.RolePos
}

// nearMiss says of one exposure of the flow's port why it does not accept it.
func nearMiss(flow policy.Flow, e exposure.Exposure) string {
	text := fmt.Sprintf("%s (%s) is for %s", e.Service, strings.Join(exposure.PortNames(e.Ports), " "), e.Role)
	if ranges(e.Sources) == 0 {
		text += fmt.Sprintf(", which nobody is (%s)", roleOrigin(e).LineOrigin())
		return "  " + wrap(text, 2, 4) + "\n"
	}
	text += fmt.Sprintf(": %s (%s)", sourceText(e.Sources), roleOrigin(e).LineOrigin())
	if e.Sources.Contains(flow.From) {
		text += fmt.Sprintf("; %s is among them, but it is open on %s only", flow.From, strings.Join(where(e), ", "))
	} else {
		text += fmt.Sprintf("; %s is not among them", flow.From)
	}
	return "  " + wrap(text, 2, 4) + "\n"
}
