package main

import (
	"net/netip"
	"slices"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

type diffJSON struct {
	Changed bool             `json:"changed"`
	Gained  []exposure.Fact  `json:"gained"`
	Lost    []exposure.Fact  `json:"lost"`
	Rules   []ruleset.Change `json:"rules"`

	Mediaproxy []string `json:"mediaproxy,omitempty"` // what is wrong with its rule, against the kernel
}

// review is a change as it is shown, wherever its two sides come from.
type review struct {
	exposure exposure.Change
	rules    []ruleset.Change
	remark   string   // what the reader should know before
	notice   string   // what the reader must not miss
	media    []string // what is wrong with the mediaproxy rule
	first    bool     // every rule is new, and not worth a line each
}

func setupDiff(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json", "markdown")
	against := flags.String("against", "", "the old policy `FILE` (- is stdin); without it, what is in force")
	return func(a *app, _ []string) error {
		if flags.Changed("against") && *against == "" {
			return usagef("--against wants a file")
		}
		if *against == "-" && a.flags.policy == "-" {
			return usagef("both policies cannot come from stdin")
		}
		in, err := a.load(true)
		if err != nil {
			return err
		}
		if *against != "" {
			return a.diffAgainst(in, *against, out.value)
		}
		return a.diffKernel(in, out.value)
	}
}

// diffAgainst compares with an old policy: no root, no kernel.
func (a *app) diffAgainst(in *input, path, format string) error {
	flags := a.flags
	flags.policy = path
	old := a.read(flags)
	if old.diags.Errors() > 0 {
		a.report(a.err, old, old.diags)
		return errReported
	}
	r := review{
		exposure: exposure.Compare(old.model.InForce(), in.model.InForce()),
		rules:    ruleset.Diff(compile.Compile(old.model, 1), compile.Compile(in.model, 1)),
	}
	if slices.ContainsFunc(r.exposure.Gained, byObserve) {
		r.notice = observeOn
	}
	if err := a.writeReview(r, format); err != nil {
		return err
	}
	if !r.exposure.IsEmpty() {
		return errNo
	}
	return nil
}

func (a *app) diffKernel(in *input, format string) error {
	plan, err := a.firewall().Plan(in.model)
	if err != nil {
		return systemFailure(err)
	}
	return a.writePlan(plan, format)
}

// writePlan shows what applying would change; exit 1 where it would send anything.
func (a *app) writePlan(plan *firewall.Plan, format string) error {
	r := review{exposure: plan.Exposure, rules: plan.Changes, media: slices.Concat(plan.Rule.Drift, plan.Rule.Findings)}
	switch {
	case plan.Current == nil:
		r.first = true
		r.remark = "Nothing of ours is in force yet: now every port is as open as the host's services\nand other tables make it. After apply, exactly this:"
	case plan.Changed() && !plan.Known:
		r.remark = "What is in force was not applied from this state directory, so this counts from\nnothing:"
	}
	r.notice = observeNotice(plan)
	if err := a.writeReview(r, format); err != nil {
		return err
	}
	if plan.Changed() || plan.RuleChanged() {
		return errNo
	}
	return nil
}

// spoofed is a flow that no policy accepts, whatever it says.
var spoofed = policy.Flow{
	From: netip.MustParseAddr("127.0.0.1"), To: netip.MustParseAddr("192.0.2.1"), ToPort: 1, Protocol: policy.TCP,
}

// observes reports whether a ruleset drops nothing.
func observes(t *ruleset.Table) bool {
	return t != nil && t.EvaluateInput(firewall.Packet(spoofed, "")).Accept
}

// observeNotice is for a plan that begins or ends to drop at all, which its
// exposures do not tell: those in force are kept without observe.
func observeNotice(plan *firewall.Plan) string {
	switch before, after := observes(plan.Current), observes(plan.Target); {
	case after && !before:
		return observeOn
	case before && !after:
		return "observe would be off: what no service lets in would be dropped from then on"
	}
	return ""
}
