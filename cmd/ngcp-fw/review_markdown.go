package main

import (
	"fmt"
	"io"
	"strings"

	"ngcp-fw/policy/exposure"
)

// writeMarkdown is a review as a comment on a change: a line that sums it up,
// what is gained and lost, and the rules folded away.
func writeMarkdown(w io.Writer, r review, full bool) {
	fmt.Fprintf(w, "**%s**\n\n", r.summary())
	for _, warning := range r.warnings() {
		fmt.Fprintf(w, "> ⚠️ **!! %s**\n\n", markdownEscape(warning))
	}
	if r.remark != "" {
		fmt.Fprintf(w, "%s\n\n", r.remark)
	}
	markdownDeltas(w, "Who can reach more", "+", r.exposure.Gained, full)
	markdownDeltas(w, "Who can reach less", "-", r.exposure.Lost, full)
	for _, line := range r.media {
		fmt.Fprintf(w, "- mediaproxy: %s\n", line)
	}
	markdownRules(w, r, full)
}

// summary is the change in one line.
func (r *review) summary() string {
	rules := "the rules are the same"
	if len(r.rules) > 0 {
		rules = "the rules differ (" + changeCounts(r.rules) + ")"
	}
	switch {
	case r.exposure.IsEmpty() && len(r.rules) == 0:
		return "No change."
	case r.exposure.IsEmpty():
		return "No change in exposure; " + rules + "."
	}
	return fmt.Sprintf("Exposure: %d gained, %d lost; %s.", len(r.exposure.Gained), len(r.exposure.Lost), rules)
}

// markdownSigns are the signs that people should see from afar.
var markdownSigns = map[string]string{alarm: "⚠️ !!", caution: "⚠️", "+": "+", "-": "-"}

func markdownDeltas(w io.Writer, title, sign string, deltas []exposure.Delta, full bool) {
	if len(deltas) == 0 {
		return
	}
	fmt.Fprintf(w, "### %s\n\n| | service | ports | sources | on | written in |\n|---|---|---|---|---|---|\n", title)
	sources := sourcesOf(deltas, full)
	for i, d := range deltas {
		row := []string{
			markdownSigns[deltaSign(d, sign)], d.Service, strings.Join(portItems(d.Ports), " "),
			inSentence(sources[i]), strings.Join(deltaPlace(d), " "), d.Origin.LineOrigin(),
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(markdownCells(row), " | "))
	}
	fmt.Fprintln(w)
}

func markdownCells(row []string) []string {
	for i := range row {
		row[i] = markdownEscape(row[i])
	}
	return row
}

// markdownEscape keeps a name from ending a table's cell, or from being markup.
func markdownEscape(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "`", "\\`").Replace(s)
}

func markdownRules(w io.Writer, r review, full bool) {
	if len(r.rules) == 0 {
		return
	}
	fmt.Fprintf(w, "<details><summary>Rules: %s</summary>\n\n```diff\n", changeCounts(r.rules))
	shown, more := firstChanges(r.rules, markdownChanges, full)
	for _, c := range shown {
		fmt.Fprintln(w, changeLine(c))
	}
	if more != "" {
		fmt.Fprintln(w, more)
	}
	fmt.Fprint(w, "```\n\n</details>\n")
}
