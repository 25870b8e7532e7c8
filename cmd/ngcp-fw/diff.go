package main

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/exposure"
)

// oldSide is the flags of the policy that --against names.
type oldSide struct {
	policy  string
	config  []string
	network string
	host    string
}

func (o *oldSide) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.policy, "against", "", "the old policy `FILE` (- is stdin); without it, what is in force")
	flags.StringArrayVar(&o.config, "against-config", nil, "the old config.yml `FILE`, over --config and the old policy's; may be repeated")
	flags.StringVar(&o.network, "against-network", "", "the old network.yml `FILE`, over --network and the old policy's")
	flags.StringVar(&o.host, "against-host", "", "the host's old `NAME` in network.yml, over --host and the old policy's")
}

// over is the flags by which to read the old side: those of the new one where
// nothing else is said.
func (o *oldSide) over(flags globalFlags) globalFlags {
	flags.policy = o.policy
	if len(o.config) > 0 {
		flags.config = o.config
	}
	flags.network = cmp.Or(o.network, flags.network)
	flags.host = cmp.Or(o.host, flags.host)
	return flags
}

func (o *oldSide) validate(flags globalFlags) error {
	switch {
	case o.policy == "" && (len(o.config) > 0 || o.network != "" || o.host != ""):
		return usagef("--against-config, --against-network and --against-host go with --against\nhint: ngcp-fw help diff")
	case o.policy == "-" && flags.policy == "-":
		return usagef("both policies cannot come from stdin")
	}
	return nil
}

func setupDiff(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json", "markdown")
	full := flags.Bool("full", false, "every source and every rule, where text and markdown sum them up")
	var old oldSide
	old.register(flags)
	return func(a *app, _ []string) error {
		if err := old.validate(a.flags); err != nil {
			return err
		}
		in, err := a.load(old.policy == "")
		if err != nil {
			return err
		}
		if old.policy != "" {
			return a.diffAgainst(in, old.over(a.flags), view{out.value, *full})
		}
		return a.diffKernel(in, view{out.value, *full})
	}
}

// diffAgainst compares with an old policy: no root, no kernel.
func (a *app) diffAgainst(in *input, flags globalFlags, as view) error {
	old := a.read(flags)
	if old.diags.Errors() > 0 {
		a.report(a.err, old, old.diags)
		return errReported
	}
	a.report(a.err, in, notIn(old.diags, in.diags))
	r := review{rules: ruleset.Diff(compile.Compile(old.model, 1), compile.Compile(in.model, 1))}
	r.exposure, r.later = exposure.Review(old.model, in.model)
	if len(r.rules) > 0 {
		r.notices = observeWarnings(old.model.Observe, in.model.Observe)
	}
	r.notices = append(r.notices, settingWarnings(old.model, in.model)...)
	if err := a.writeReview(r, as); err != nil {
		return err
	}
	if !r.exposure.IsEmpty() || slices.Contains(r.notices, forwardOff) {
		return errNo
	}
	return nil
}

// notIn is the remarks on the new policy that the old one did not give rise to:
// what is no news would hide what is. A risk that it accepted and the new one does
// not is news.
func notIn(old, new diag.List) diag.List {
	type remark struct{ code, message string }
	known := map[remark]bool{}
	for _, d := range old {
		known[remark{d.Code, d.Message}] = known[remark{d.Code, d.Message}] || d.Accepted == ""
	}
	return slices.DeleteFunc(slices.Clone(new), func(d diag.Diagnostic) bool { return known[remark{d.Code, d.Message}] })
}

func (a *app) diffKernel(in *input, as view) error {
	plan, err := a.firewall().Plan(in.model)
	if err != nil {
		return systemFailure(err)
	}
	return a.writePlan(plan, as)
}

// writePlan shows what applying would change; exit 1 where it would send anything.
func (a *app) writePlan(plan *firewall.Plan, as view) error {
	r := review{exposure: plan.Exposure, later: plan.Later, rules: plan.Changes, media: slices.Concat(plan.Rule.Drift, plan.Rule.Findings), flows: &plan.Flows}
	if err := plan.Flows.Err; err != nil {
		a.remark("how many open flows would be cut is not known: %v", err)
	}
	switch {
	case plan.Current == nil:
		r.first = true
		r.remark = "Nothing of ours is in force yet: now every port is as open as the host's services\nand other tables make it. After apply, exactly this:"
	case plan.Changed() && !plan.Known:
		r.remark = "What is in force was not applied from this state directory, so this counts from\nnothing:"
	}
	if plan.Changed() { // the exposures of a side that is not known do not tell
		r.notices = append(observeWarnings(observes(plan.Current), observes(plan.Target)),
			forwardWarnings(dropsForwarded(plan.Current), dropsForwarded(plan.Target))...)
	}
	if r.drifted = plan.Drifted; r.drifted {
		r.notices = append(r.notices, drifted)
	}
	if err := a.writeReview(r, as); err != nil {
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
