package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/exposure"
)

// review is a change as it is shown, wherever its two sides come from.
type review struct {
	exposure exposure.Change
	later    bool // exposure is what would change once observe is off
	rules    []ruleset.Change
	remark   string          // what the reader should know before: the old side is not known
	notices  []warning       // what the reader must not miss
	see      string          // the command that shows the worst
	flows    *firewall.Flows // that would be cut; nil: against another policy
	media    []string        // what is wrong with the mediaproxy rule
	drifted  bool            // the old side is what was applied, and somebody else changed that
	first    bool            // every rule is new, and not worth a line each
}

// view is how a review is shown.
type view struct {
	format string // text, json or markdown
	full   bool   // nothing is summed up
}

func (a *app) writeReview(r review, as view) error {
	r.see = seeWorst(r.exposure.Gained, a.flags)
	w := bufio.NewWriter(a.out) // with all sources, there may be millions of lines
	switch as.format {
	case "json":
		return writeJSON(a.out, r.document())
	case "markdown":
		writeMarkdown(w, r, as.full)
	default:
		writeReviewText(w, r, as.full)
	}
	return w.Flush()
}

type diffJSON struct {
	Changed bool             `json:"changed"`
	Gained  []deltaJSON      `json:"gained"`
	Lost    []deltaJSON      `json:"lost"`
	Rules   []ruleset.Change `json:"rules"`

	Observed   bool     `json:"observed,omitempty"`   // observe is on and stays on: gained and lost are from when it is off
	Notices    []string `json:"notices"`              // what a reader must not miss
	CutFlows   *int     `json:"cut_flows,omitempty"`  // against the kernel, where that is known
	Mediaproxy []string `json:"mediaproxy,omitempty"` // what is wrong with its rule, against the kernel
}

type deltaJSON struct {
	exposure.Fact
	Administrators bool `json:"administrators"` // the service is meant for them
	Everyone       bool `json:"everyone"`       // all addresses of a family, or nearly
}

func (r *review) document() diffJSON {
	doc := diffJSON{
		Changed: len(r.rules) > 0 || !r.exposure.IsEmpty(),
		Gained:  deltaDocuments(r.exposure.Gained), Lost: deltaDocuments(r.exposure.Lost), Observed: r.later,
		Rules: append([]ruleset.Change{}, r.rules...), Mediaproxy: r.media, Notices: []string{},
	}
	for _, n := range r.notices {
		doc.Notices = append(doc.Notices, n.text)
	}
	if r.flows != nil && r.flows.Err == nil {
		doc.CutFlows = &r.flows.Cut
	}
	return doc
}

func deltaDocuments(deltas []exposure.Delta) []deltaJSON {
	documents := make([]deltaJSON, len(deltas))
	for i, f := range exposure.DeltaFacts(deltas) {
		documents[i] = deltaJSON{f, deltas[i].Admin, everyone(deltas[i])}
	}
	return documents
}

func writeReviewText(w io.Writer, r review, full bool) {
	if r.remark != "" {
		fmt.Fprintln(w, r.remark)
	}
	for _, warning := range r.warnings() {
		fmt.Fprintf(w, "%-2s %s\n", warning.sign, wrap(warning.text, 3, 3))
	}
	if r.exposure.IsEmpty() {
		fmt.Fprintln(w, wrap(r.unexposed(), 0, 0))
	} else {
		writeDeltas(w, r.title("more"), "+", r.exposure.Gained, full)
		writeDeltas(w, r.title("less"), "-", r.exposure.Lost, full)
	}
	writeRules(w, r, full)
	if text := r.cut(); text != "" {
		fmt.Fprintln(w, text)
	}
	for _, line := range r.media {
		writeNote(w, "mediaproxy", line)
	}
	if r.see != "" {
		writeNote(w, "See", r.see)
	}
}

// unexposed is what there is to say where exposures are the same.
func (r *review) unexposed() string {
	same := "No change in exposure. "
	if r.drifted {
		same = "But for that, no change in exposure. "
	}
	switch counts := changeCounts(r.rules); {
	case len(r.rules) == 0:
		return same + "No rule differs."
	case strings.HasPrefix(counts, "1 ") && !strings.Contains(counts, ","):
		return same + counts + " differs."
	default:
		return same + counts + " differ."
	}
}

// title is what stands over the exposures gained or lost. That there are none
// is worth a word where the old side is known.
func (r *review) title(what string) string {
	switch {
	case len(r.deltas(what)) > 0 && r.later:
		return "Who could reach " + what + " once observe is off:"
	case r.later:
		return "Nobody could reach " + what + " once observe is off."
	case len(r.deltas(what)) > 0:
		return "Who can reach " + what + ":"
	case r.remark == "" && !r.drifted:
		return "Nobody can reach " + what + "."
	}
	return ""
}

// deltas is the exposures gained or lost.
func (r *review) deltas(what string) []exposure.Delta {
	if what == "less" {
		return r.exposure.Lost
	}
	return r.exposure.Gained
}

// cut is how many flows would be cut, in words.
func (r *review) cut() string {
	if r.flows == nil || r.flows.Cut == 0 {
		return ""
	}
	return plural(r.flows.Cut, "open flow") + " would be cut."
}

func writeDeltas(w io.Writer, title, sign string, deltas []exposure.Delta, full bool) {
	if title != "" {
		fmt.Fprintln(w, title)
	}
	var rows [][]cell
	sources := sourcesOf(deltas, full)
	for i, d := range deltas {
		place := deltaPlace(d)
		place[0] = "on " + place[0]
		rows = append(rows, []cell{text(fmt.Sprintf("  %2s", deltaSign(d, sign))), text(d.Service), portItems(d.Ports),
			sources[i], place, text(deltaOrigin(d))})
	}
	writeTable(w, rows)
}

// deltaPlace is where a delta holds; "all" is everywhere.
func deltaPlace(d exposure.Delta) cell {
	names := append(allBut(d.Addresses), allBut(d.Interfaces)...)
	if len(names) == 0 {
		return text("all")
	}
	return names
}

// allBut puts into words that names are those left out.
func allBut(names []string) cell {
	var words cell
	if len(names) > 0 && strings.HasPrefix(names[0], "!") {
		words = cell{"all but"}
	}
	for _, name := range names {
		words = append(words, strings.Map(printable, strings.TrimPrefix(name, "!")))
	}
	return words
}

// deltaOrigin is where a delta is written. A file's name may be anything.
func deltaOrigin(d exposure.Delta) string { return strings.Map(printable, d.Origin.LineOrigin()) }
