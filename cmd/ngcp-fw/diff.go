package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/exposure"
)

type diffJSON struct {
	Changed bool             `json:"changed"`
	Gained  []exposure.Fact  `json:"gained"`
	Lost    []exposure.Fact  `json:"lost"`
	Rules   []ruleset.Change `json:"rules"`
}

// review is a change as it is shown, wherever its two sides come from.
type review struct {
	exposure exposure.Change
	rules    []ruleset.Change
	remark   string // what the reader should know before
}

func setupDiff(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json", "markdown")
	against := flags.String("against", "", "the old policy `FILE` (- is stdin); without it, what is in force")
	return func(a *app, _ []string) error {
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
		exposure: exposure.Compare(old.model, in.model),
		rules:    ruleset.Diff(compile.Compile(old.model, 1), compile.Compile(in.model, 1)),
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
	r := review{exposure: plan.Exposure, rules: plan.Changes}
	switch {
	case plan.Current == nil:
		r.remark = "Nothing of ours is in force yet: now every port is as open as the host's services\nand other tables make it. After apply, exactly this:"
	case !plan.Known:
		r.remark = "What is in force was not applied from this state directory, so this counts from\nnothing:"
	}
	if err := a.writeReview(r, format); err != nil {
		return err
	}
	if plan.Changed() {
		return errNo
	}
	return nil
}

func (a *app) writeReview(r review, format string) error {
	switch format {
	case "json":
		return writeJSON(a.out, diffJSON{len(r.rules) > 0 || !r.exposure.IsEmpty(),
			exposure.DeltaFacts(r.exposure.Gained), exposure.DeltaFacts(r.exposure.Lost), append([]ruleset.Change{}, r.rules...)})
	case "markdown":
		writeMarkdown(a.out, r)
	default:
		writeReviewText(a.out, r)
	}
	return nil
}

func writeReviewText(w io.Writer, r review) {
	if r.remark != "" {
		fmt.Fprintln(w, r.remark)
	}
	writeDeltas(w, "Who can reach more:", "+", r.exposure.Gained)
	writeDeltas(w, "Who can reach less:", "-", r.exposure.Lost)
	switch {
	case len(r.rules) == 0 && r.exposure.IsEmpty():
		fmt.Fprintln(w, "No change.")
		return
	case r.exposure.IsEmpty():
		fmt.Fprintln(w, "No change in exposure.")
	}
	fmt.Fprintf(w, "Rules (%s):\n", plural(len(r.rules), "change"))
	for _, c := range r.rules {
		fmt.Fprintf(w, "  %s\n", changeLine(c))
	}
}

// changeSigns are how a diff marks its lines.
var changeSigns = map[string]string{ruleset.Added: "+", ruleset.Removed: "-", ruleset.Changed: "~"}

func changeLine(c ruleset.Change) string {
	line := fmt.Sprintf("%s %s %s", changeSigns[c.Kind], c.Object, c.Name)
	if c.Text != "" {
		line += ": " + c.Text
	}
	return line
}

func writeDeltas(w io.Writer, title, sign string, deltas []exposure.Delta) {
	if len(deltas) == 0 {
		return
	}
	fmt.Fprintln(w, title)
	var rows [][]string
	for _, d := range deltas {
		rows = append(rows, []string{"  " + deltaSign(d, sign), d.Service, strings.Join(exposure.PortNames(d.Ports), " "),
			sourceSummary(d.Sources), "on " + deltaPlace(d), d.Origin.LineOrigin()})
	}
	writeTable(w, rows)
}

// deltaPlace is where a delta holds; "all" is everywhere.
func deltaPlace(d exposure.Delta) string {
	names := strings.Join(append(slices.Clone(d.Addresses), d.Interfaces...), " ")
	return cmp.Or(names, "all")
}

// deltaSign is !! where an administrators' service opens to everyone.
func deltaSign(d exposure.Delta, sign string) string {
	if sign == "+" && d.Admin && (d.Sources.IsAny4() || d.Sources.IsAny6() || d.Sources.IsAny()) {
		return "!!"
	}
	return " " + sign
}

func writeMarkdown(w io.Writer, r review) {
	if r.remark != "" {
		fmt.Fprintf(w, "%s\n\n", r.remark)
	}
	if r.exposure.IsEmpty() {
		fmt.Fprintln(w, "**No change in exposure.**")
	}
	markdownDeltas(w, "Who can reach more", "+", r.exposure.Gained)
	markdownDeltas(w, "Who can reach less", "-", r.exposure.Lost)
	if len(r.rules) == 0 {
		return
	}
	fmt.Fprintf(w, "\n<details><summary>Rules: %s</summary>\n\n```diff\n", plural(len(r.rules), "change"))
	for _, c := range r.rules {
		fmt.Fprintln(w, changeLine(c))
	}
	fmt.Fprint(w, "```\n\n</details>\n")
}

func markdownDeltas(w io.Writer, title, sign string, deltas []exposure.Delta) {
	if len(deltas) == 0 {
		return
	}
	fmt.Fprintf(w, "### %s\n\n| | service | ports | sources | on | written in |\n|---|---|---|---|---|---|\n", title)
	for _, d := range deltas {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", strings.TrimSpace(deltaSign(d, sign)), d.Service,
			strings.Join(exposure.PortNames(d.Ports), " "), sourceSummary(d.Sources),
			deltaPlace(d), d.Origin.LineOrigin())
	}
	fmt.Fprintln(w)
}
