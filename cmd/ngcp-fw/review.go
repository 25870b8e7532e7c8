package main

import (
	"fmt"
	"io"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/exposure"
)

func (a *app) writeReview(r review, as view) error {
	switch as.format {
	case "json":
		return writeJSON(a.out, r.document())
	case "markdown":
		writeMarkdown(a.out, r, as.full)
	default:
		writeReviewText(a.out, r, as.full)
	}
	return nil
}

type diffJSON struct {
	Changed bool             `json:"changed"`
	Gained  []deltaJSON      `json:"gained"`
	Lost    []deltaJSON      `json:"lost"`
	Rules   []ruleset.Change `json:"rules"`

	Mediaproxy []string `json:"mediaproxy,omitempty"` // what is wrong with its rule, against the kernel
}

type deltaJSON struct {
	exposure.Fact
	Administrators bool `json:"administrators"` // the service is meant for them
	Everyone       bool `json:"everyone"`       // all addresses of a family, or nearly
}

func (r *review) document() diffJSON {
	return diffJSON{
		Changed: len(r.rules) > 0 || !r.exposure.IsEmpty(),
		Gained:  deltaDocuments(r.exposure.Gained), Lost: deltaDocuments(r.exposure.Lost),
		Rules: append([]ruleset.Change{}, r.rules...), Mediaproxy: r.media,
	}
}

func deltaDocuments(deltas []exposure.Delta) []deltaJSON {
	documents := make([]deltaJSON, len(deltas))
	for i, f := range exposure.DeltaFacts(deltas) {
		documents[i] = deltaJSON{f, deltas[i].Admin, everyone(deltas[i])}
	}
	return documents
}

func writeReviewText(w io.Writer, r review, full bool) {
	writeChanges(w, r, full)
	for _, line := range r.media {
		writeNote(w, "mediaproxy", line)
	}
}

func writeChanges(w io.Writer, r review, full bool) {
	if r.remark != "" {
		fmt.Fprintln(w, r.remark)
	}
	writeDeltas(w, "Who can reach more:", "+", r.exposure.Gained, full)
	writeDeltas(w, "Who can reach less:", "-", r.exposure.Lost, full)
	switch {
	case len(r.rules) == 0 && r.exposure.IsEmpty():
		fmt.Fprintln(w, "No change.")
		return
	case r.exposure.IsEmpty():
		fmt.Fprintln(w, "No change in exposure.")
	}
	writeRules(w, r, full)
	for _, warning := range r.warnings() {
		fmt.Fprintln(w, "!! "+wrap(warning, 3, 3))
	}
}

// warnings is what the reader must not miss.
func (r *review) warnings() []string {
	warnings := slices.Clone(r.notices)
	for _, d := range r.exposure.Gained {
		if deltaSign(d, "+") == alarm && !byObserve(d) {
			warnings = append(warnings, alarmText(d))
		}
	}
	return warnings
}

func writeDeltas(w io.Writer, title, sign string, deltas []exposure.Delta, full bool) {
	if len(deltas) == 0 {
		return
	}
	fmt.Fprintln(w, title)
	var rows [][]cell
	sources := sourcesOf(deltas, full)
	for i, d := range deltas {
		place := deltaPlace(d)
		place[0] = "on " + place[0]
		rows = append(rows, []cell{text(fmt.Sprintf("  %2s", deltaSign(d, sign))), text(d.Service), portItems(d.Ports),
			sources[i], place, text(d.Origin.LineOrigin())})
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

// How a delta is marked that needs a second look.
const (
	alarm   = "!!" // an administrators' service opens to everyone
	caution = "!"  // an administrators' service opens to more
)

func deltaSign(d exposure.Delta, sign string) string {
	switch {
	case sign != "+":
	case byObserve(d) || d.Admin && everyone(d):
		return alarm
	case d.Admin:
		return caution
	}
	return sign
}

// byObserve tells what observe lets in from a service of that name, which has
// roles.
func byObserve(d exposure.Delta) bool { return d.Service == exposure.Observe && d.Role == "" }

func everyone(d exposure.Delta) bool {
	v4, v6 := d.Everyone()
	return v4 || v6
}

func alarmText(d exposure.Delta) string {
	see := "ngcp-fw list"
	if len(d.Ports) > 0 {
		p := d.Ports[0]
		p.To = p.From
		from := "2001:db8::9"
		if v4, _ := d.Everyone(); v4 {
			from = "203.0.113.9"
		}
		see = fmt.Sprintf("ngcp-fw explain --from %s --to %s", from, p)
	}
	return fmt.Sprintf("%s is for administrators and would be open to everyone. See: %s", d.Service, see)
}
