package firewall

import (
	"fmt"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// Verdict is what a policy makes of a flow, and why.
type Verdict struct {
	Accept   bool
	Exposure *exposure.Exposure  // that accepts it; nil where it is the host's own rule, or dropped
	Nearest  []exposure.Exposure // of a dropped flow: those of its port
	Reason   string              // in words
	Rule     string              // the deciding rule of the compiled ruleset, as nft writes it
}

// Judge asks the model for the verdict on a flow, and the compiled ruleset for
// the rule that gives it.
func Judge(m *exposure.Model, t *ruleset.Table, f policy.Flow) Verdict {
	d := m.Allows(f)
	in := f.In
	if in == "" {
		in = likelyLink(d)
	}
	outcome := t.EvaluateInput(Packet(f, in))
	v := Verdict{Accept: outcome.Accept, Exposure: d.Exposure, Nearest: d.Nearest, Reason: reason(m, d)}
	if n := len(outcome.Decided); n > 0 {
		v.Rule = ruleText(t, outcome.Decided[n-1])
	}
	return v
}

// likelyLink is a link that the deciding exposure is open on; a flow that no
// exposure accepts is dropped on every one.
func likelyLink(d exposure.Decision) string {
	if d.Exposure != nil && len(d.Exposure.Interfaces) > 0 {
		return d.Exposure.Interfaces[0]
	}
	return ""
}

func reason(m *exposure.Model, d exposure.Decision) string {
	switch {
	case m.Observe && !d.Accept:
		return "observe is on, so what would be dropped is counted, logged and accepted"
	case d.Denied:
		return "the source is refused before everything (deny)"
	case d.Host != "":
		return d.Host
	case d.Accept:
		return fmt.Sprintf("%s/%s accepts it (%s)", d.Exposure.Service, d.Exposure.Role, d.Exposure.Origin.LineOrigin())
	case len(d.Nearest) == 0:
		return "no service listens on this port"
	default:
		return "no service accepts it"
	}
}

// ruleText is the rule at a place, as nft writes it.
func ruleText(t *ruleset.Table, at ruleset.Place) string {
	for i := range t.Chains {
		if c := &t.Chains[i]; c.Name == at.Chain && at.Rule >= 0 && at.Rule < len(c.Rules) {
			return fmt.Sprintf("%s: %s", at.Chain, t.RuleText(&c.Rules[at.Rule]))
		}
	}
	return at.String()
}
