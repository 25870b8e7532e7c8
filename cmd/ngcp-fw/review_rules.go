package main

import (
	"fmt"
	"io"
	"strings"

	"ngcp-fw/firewall/ruleset"
)

// How many changes of rules are named one by one, unless all are asked for.
const (
	shownChanges    = 8
	markdownChanges = 100
)

func writeRules(w io.Writer, r review, full bool) {
	if len(r.rules) == 0 {
		return
	}
	if !r.exposure.IsEmpty() { // or else they have been told
		writeNote(w, "Rules", changeCounts(r.rules))
	}
	if r.first && !full {
		return
	}
	shown, more := firstChanges(r.rules, shownChanges, full)
	for _, c := range shown {
		fmt.Fprintf(w, "  %s\n", wrap(changeLine(c), 2, 6))
	}
	if more != "" {
		fmt.Fprintf(w, "  %s\n", more)
	}
}

// firstChanges is the first n to show, and what to say of the others; a line
// about a single one would be no shorter.
func firstChanges(changes []ruleset.Change, n int, full bool) (shown []ruleset.Change, more string) {
	if full || len(changes) <= n+1 {
		return changes, ""
	}
	return changes[:n], fmt.Sprintf("… and %d more, all of them with --full", len(changes)-n)
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
	return strings.Map(printable, line)
}
