package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/exposure"
)

func (a *app) writeReview(r review, format string) error {
	switch format {
	case "json":
		return writeJSON(a.out, diffJSON{len(r.rules) > 0 || !r.exposure.IsEmpty(),
			exposure.DeltaFacts(r.exposure.Gained), exposure.DeltaFacts(r.exposure.Lost), append([]ruleset.Change{}, r.rules...), r.media})
	case "markdown":
		writeMarkdown(a.out, r)
	default:
		writeReviewText(a.out, r)
	}
	return nil
}

func writeReviewText(w io.Writer, r review) {
	writeChanges(w, r)
	for _, line := range r.media {
		writeNote(w, "mediaproxy", line)
	}
}

func writeChanges(w io.Writer, r review) {
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
	writeRules(w, r)
	if r.notice != "" {
		fmt.Fprintln(w, "!! "+wrap(r.notice, 3, 3))
	}
	for _, d := range r.exposure.Gained {
		if deltaSign(d, "+") == alarm && !byObserve(d) {
			fmt.Fprintln(w, "!! "+wrap(alarmText(d), 3, 3))
		}
	}
}

// shownChanges is how many changes of rules the text names one by one.
const shownChanges = 12

func writeRules(w io.Writer, r review) {
	if len(r.rules) == 0 {
		return
	}
	fmt.Fprintf(w, "Rules: %s\n", wrap(changeCounts(r.rules), len("Rules: "), 2))
	if r.first {
		return
	}
	for _, c := range r.rules[:min(len(r.rules), shownChanges)] {
		fmt.Fprintf(w, "  %s\n", wrap(changeLine(c), 2, 6))
	}
	if more := len(r.rules) - shownChanges; more > 0 {
		fmt.Fprintf(w, "  … and %d more, all of them with -o json\n", more)
	}
}

// countedObjects are the kinds of objects as counts name them, in that order;
// of the table itself there is but one.
var countedObjects = []string{"rule", "chain", "set", "counter", "foreign object"}

// changeCounts is how many objects of each kind change.
func changeCounts(changes []ruleset.Change) string {
	counts, elements := map[string]int{}, 0
	for _, c := range changes {
		name := c.Object
		if name == "foreign" {
			name = "foreign object"
		}
		counts[name]++
		elements += c.Added + c.Removed
	}
	var parts []string
	for _, name := range countedObjects {
		if counts[name] > 0 {
			parts = append(parts, plural(counts[name], name))
		}
	}
	if elements > 0 {
		parts = append(parts, plural(elements, "element"))
	}
	if len(parts) == 0 {
		return plural(len(changes), "change")
	}
	return strings.Join(parts, ", ")
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
	var rows [][]cell
	for _, d := range deltas {
		place := append(cell{"on"}, deltaPlace(d)...)
		rows = append(rows, []cell{text(fmt.Sprintf("  %2s", deltaSign(d, sign))), text(d.Service), portItems(d.Ports),
			sourceItems(d.Sources), text(strings.Join(place, " ")), text(d.Origin.LineOrigin())})
	}
	writeTable(w, rows)
}

// deltaPlace is where a delta holds; "all" is everywhere.
func deltaPlace(d exposure.Delta) cell {
	names := append(slices.Clone(d.Addresses), d.Interfaces...)
	if len(names) == 0 {
		return text("all")
	}
	return names
}

// observeOn is what observe means to who reads a change.
const observeOn = "observe would be on: nothing would be dropped any more, only counted and logged"

// alarm marks an administrators' service that opens to everyone.
const alarm = "!!"

func deltaSign(d exposure.Delta, sign string) string {
	if sign == "+" && (byObserve(d) || d.Admin && openToAll(d)) {
		return alarm
	}
	return sign
}

// byObserve tells what observe lets in from a service of that name, which has
// roles.
func byObserve(d exposure.Delta) bool { return d.Service == exposure.Observe && d.Role == "" }

func openToAll(d exposure.Delta) bool { return openFamily(d) != "" }

// openFamily is an address of a family that the delta is open to as a whole, or
// nearly: what was open before is not in it.
func openFamily(d exposure.Delta) string {
	v4, v6 := d.Sources.Count()
	switch {
	case v4 >= 1<<31:
		return "203.0.113.9"
	case v6.BitLen() > 127:
		return "2001:db8::9"
	}
	return ""
}

func alarmText(d exposure.Delta) string {
	see := "ngcp-fw list"
	if len(d.Ports) > 0 {
		p := d.Ports[0]
		p.To = p.From
		see = fmt.Sprintf("ngcp-fw explain --from %s --to %s", openFamily(d), p)
	}
	return fmt.Sprintf("%s is for administrators and would be open to everyone. See: %s", d.Service, see)
}

func writeMarkdown(w io.Writer, r review) {
	if r.remark != "" {
		fmt.Fprintf(w, "%s\n\n", r.remark)
	}
	if r.notice != "" {
		fmt.Fprintf(w, "**!! %s**\n\n", r.notice)
	}
	if r.exposure.IsEmpty() {
		fmt.Fprintln(w, "**No change in exposure.**")
	}
	markdownDeltas(w, "Who can reach more", "+", r.exposure.Gained)
	markdownDeltas(w, "Who can reach less", "-", r.exposure.Lost)
	for _, line := range r.media {
		fmt.Fprintf(w, "- mediaproxy: %s\n", line)
	}
	if len(r.rules) == 0 {
		return
	}
	fmt.Fprintf(w, "\n<details><summary>Rules: %s</summary>\n\n```diff\n", changeCounts(r.rules))
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
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", deltaSign(d, sign), d.Service,
			strings.Join(portItems(d.Ports), " "), sourceText(d.Sources),
			strings.Join(deltaPlace(d), " "), markdownEscape(d.Origin.LineOrigin()))
	}
	fmt.Fprintln(w)
}

// markdownEscape keeps a file's name from ending a table's cell.
func markdownEscape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
