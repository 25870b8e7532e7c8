package mediaproxy

import (
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
)

// Question is what Inspect compares the host with.
type Question struct {
	Setting policy.Mediaproxy
	Main    string         // ngcp-fw's own table of family inet, whose input chain decides
	RTP     []policy.Ports // that the policy opens for media; none: that is not looked at
}

// Report is what there is of the mediaproxy rule, and what is wrong with it.
type Report struct {
	Choice
	InForce  bool      `json:"in_force"`      // media of both families meets the chosen rule
	After    bool      `json:"after_verdict"` // there are rules, and all come after the verdict of ngcp-fw's own table
	Rules    []Handler `json:"rules"`         // all that hand packets to rtpengine's module
	Host     Facts     `json:"host"`
	Drift    []string  `json:"drift"`    // where the kernel differs from the choice
	Findings []string  `json:"findings"` // what else an operator should know
}

// Inspect looks at the host and the kernel, and changes nothing.
func Inspect(conn *kernel.Conn, host Host, q Question) (Report, error) {
	chains, rules, err := conn.Survey(surveyed...)
	if err != nil {
		return Report{}, err
	}
	v := look(q, host.Facts(), chains, rules)
	if v.choice.Mode == ModeXtables {
		if v.damaged, err = damaged(conn, v.choice); err != nil {
			return Report{}, err
		}
	}
	return v.report(), nil
}

func look(q Question, facts Facts, chains []kernel.Chain, rules []kernel.Rule) view {
	found := handlers(chains, rules)
	return view{question: q, facts: facts, chains: chains, handlers: found, choice: Choose(q.Setting, facts, found)}
}

// damaged is the families where a chain of our name is there, but is not what it
// should be.
func damaged(conn *kernel.Conn, c Choice) (families []ruleset.Family, err error) {
	for _, f := range Families {
		have, err := conn.Fragment(f, FilterTable, Chain)
		if err != nil {
			return nil, err
		}
		if hasChain(have) && !holds(have, table(f, c.Target, uint32(c.Table))) {
			families = append(families, f)
		}
	}
	return families, nil
}

// view is all that Inspect has seen.
type view struct {
	question Question
	facts    Facts
	chains   []kernel.Chain
	handlers []Handler
	choice   Choice
	damaged  []ruleset.Family
}

func (v view) report() Report {
	r := Report{Choice: v.choice, Rules: append([]Handler{}, v.handlers...), Host: v.facts.listed(), Drift: []string{}, Findings: []string{}}
	for _, row := range looks {
		if row.drift {
			r.Drift = append(r.Drift, row.lines(v)...)
		} else {
			r.Findings = append(r.Findings, row.lines(v)...)
		}
	}
	r.InForce = v.choice.Mode != ModeOff && len(missing(v.kept(), v.families(), v.choice.Table)) == 0 && len(v.damaged) == 0
	_, ruled := v.main()
	r.After = ruled && len(v.handlers) > 0 && len(early(v)) == 0
	return r
}

// Packets is how many all the rules together have met.
func (r Report) Packets() (sum uint64) {
	for _, h := range r.Rules {
		sum += h.Packets
	}
	return sum
}

// kept is the rules that the choice is about: ours, or the others'.
func (v view) kept() (rules []Handler) {
	for _, h := range v.handlers {
		if h.Ours == (v.choice.Mode == ModeXtables) {
			rules = append(rules, h)
		}
	}
	return rules
}

// families is those that the rule should be in.
func (v view) families() []ruleset.Family {
	if d, runs := v.facts.daemon(v.choice.Table); runs && v.choice.Mode == ModeDaemon {
		return d.families()
	}
	return Families
}

// main is the input chain of ngcp-fw's own table.
func (v view) main() (kernel.Chain, bool) {
	for _, c := range v.chains {
		if c.Family == ruleset.FamilyInet && c.Table == v.question.Main && atHook(c, ruleset.HookInput) {
			return c, true
		}
	}
	return kernel.Chain{}, false
}
