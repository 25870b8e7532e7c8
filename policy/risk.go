package policy

import (
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
)

// AcceptedRisk silences the warnings of one code, and says why.
type AcceptedRisk struct {
	Pos     diag.Pos
	Code    Word
	Reason  string
	Service Word      // zero: whatever service the warning speaks of
	Role    Word      // zero: whatever role
	Expires time.Time // last day on which it holds, at 00:00 UTC; zero: never ends
}

var riskKeys = []row[AcceptedRisk]{
	{key: "code", required: true, parse: func(p *parser, n *yaml.Node, into *AcceptedRisk) { into.Code = p.riskWord(n, "code") }},
	{key: "reason", required: true, parse: func(p *parser, n *yaml.Node, into *AcceptedRisk) { into.Reason = p.reason(n) }},
	{key: "service", parse: func(p *parser, n *yaml.Node, into *AcceptedRisk) {
		into.Service = p.riskWord(n, "service")
		p.services = append(p.services, into.Service)
	}},
	{key: "role", parse: func(p *parser, n *yaml.Node, into *AcceptedRisk) {
		into.Role = p.riskWord(n, "role")
		p.refs = append(p.refs, into.Role)
	}},
	{key: "expires", parse: func(p *parser, n *yaml.Node, into *AcceptedRisk) { into.Expires = p.lastDay(n) }},
}

func parseAcceptedRisks(p *parser, n *yaml.Node, into *Policy) {
	p.items(n, "accept-risk", func(item *yaml.Node) {
		before := p.errors
		risk := AcceptedRisk{Pos: p.pos(item)}
		fields(p, item, "an accepted risk", riskKeys, &risk)
		if p.errors == before {
			into.AcceptedRisks = append(into.AcceptedRisks, risk)
		}
	})
}

// riskWord reads a name, of which only the zero Word is none.
func (p *parser) riskWord(n *yaml.Node, what string) Word {
	value, ok := p.scalar(n, what, "a name")
	if !ok || !p.check(n, checkName(value)) {
		return Word{}
	}
	return Word{value, p.pos(n)}
}

func (p *parser) reason(n *yaml.Node) string {
	word, ok := p.text(n, "reason")
	reason := strings.TrimSpace(word.Text)
	if ok && reason == "" {
		p.fail(n, "bad-acceptance", "say in a few words why the risk is taken, for whoever reads this next", "the reason is empty")
	}
	return reason
}

// riskServices reports services of accepted risks that are not there.
func (p *parser) riskServices() {
	names := append([]string{}, BuiltinServices...)
	known := map[string]bool{}
	for _, s := range p.policy.Services {
		names = append(names, s.Name.Text)
	}
	for _, name := range names {
		known[name] = true
	}
	for _, ref := range p.services {
		if ref.Text != "" && !known[ref.Text] {
			p.report(diag.Error, ref.Pos, len([]rune(ref.Text)),
				problem("bad-acceptance", DidYouMean(ref.Text, names), "there is no service %s", show(ref.Text)))
		}
	}
}
