package main

import (
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"unicode"

	"ngcp-fw/policy/exposure"
)

// writeMarkdown is a review as a comment on a change: what must not be missed, a
// line that sums it up, what is gained and lost, and what is long folded away.
// Names and file names come from whoever wants the change: in a table and in
// the rules they are code, elsewhere escaped.
func writeMarkdown(w io.Writer, r review, full bool) {
	for _, warning := range r.warnings() {
		fmt.Fprintf(w, "> %s **%s**\n\n", markdownSigns[warning.sign], markdownText(warning.text))
	}
	fmt.Fprintf(w, "**%s**\n\n", markdownText(r.summary()))
	if r.remark != "" {
		fmt.Fprintf(w, "%s\n\n", markdownText(r.remark))
	}
	markdownDeltas(w, r.title("more"), "+", r.exposure.Gained, full)
	markdownDeltas(w, r.title("less"), "-", r.exposure.Lost, full)
	if text := r.cut(); text != "" {
		fmt.Fprintf(w, "%s\n\n", text)
	}
	for _, line := range r.media {
		fmt.Fprintf(w, "- mediaproxy: %s\n", markdownText(line))
	}
	if r.see != "" {
		fmt.Fprintf(w, "See: %s\n\n", codeSpan(r.see))
	}
	markdownRules(w, r, full)
}

// summary is the change in one line.
func (r *review) summary() string {
	if r.exposure.IsEmpty() {
		return r.unexposed()
	}
	var words []string
	for _, what := range []string{"more", "less"} {
		title := r.title(what)
		if strings.HasSuffix(title, ":") {
			title += " " + r.services(what) + "."
		}
		words = append(words, title)
	}
	return strings.Join(words, " ")
}

// services is the first few services gained or lost.
func (r *review) services(what string) string {
	var names []string
	for _, d := range r.deltas(what) {
		if !slices.Contains(names, d.Service) {
			names = append(names, d.Service)
		}
	}
	if more := len(names) - inlinePorts; more > 0 {
		names = append(names[:inlinePorts], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// markdownSigns are the signs that people should see from afar.
var markdownSigns = map[string]string{alarm: "⚠️ !!", caution: "⚠️", "+": "+", "-": "-"}

// openRows is how many rows of a table are shown before one has to click.
const openRows = 20

func markdownDeltas(w io.Writer, title, sign string, deltas []exposure.Delta, full bool) {
	if len(deltas) == 0 {
		return
	}
	rows := markdownRows(sign, deltas)
	fmt.Fprintf(w, "### %s\n\n", strings.TrimSuffix(title, ":"))
	if len(rows) <= openRows {
		markdownTable(w, rows)
	} else {
		markdownTable(w, rows[:openRows])
		fmt.Fprintf(w, "<details><summary>%d more</summary>\n\n", len(rows)-openRows)
		markdownTable(w, rows[openRows:])
		fmt.Fprint(w, "</details>\n\n")
	}
	if full {
		markdownSources(w, deltas)
	}
}

func markdownTable(w io.Writer, rows []string) {
	const heading = "| | service | ports | sources | on | written in |\n|---|---|---|---|---|---|"
	fmt.Fprintf(w, "%s\n%s\n\n", heading, strings.Join(rows, "\n"))
}

func markdownRows(sign string, deltas []exposure.Delta) (rows []string) {
	sources := sourcesOf(deltas, false)
	for i, d := range deltas {
		cells := []string{markdownSigns[deltaSign(d, sign)]}
		for _, text := range []string{
			d.Service, strings.Join(portItems(d.Ports), " "), inSentence(sources[i]), strings.Join(deltaPlace(d), " "), deltaOrigin(d),
		} {
			cells = append(cells, strings.ReplaceAll(codeSpan(text), "|", `\|`))
		}
		rows = append(rows, "| "+strings.Join(cells, " | ")+" |")
	}
	return rows
}

// markdownSources folds each long list of sources away under what it can reach.
func markdownSources(w io.Writer, deltas []exposure.Delta) {
	for i, d := range deltas {
		if ranges(d.Sources) <= inlineRanges || i > 0 && d.Sources.Equal(deltas[i-1].Sources) {
			continue
		}
		list := d.Sources.Strings()
		folded(w, fmt.Sprintf("%s: %s prefixes", d.Service, thousands(uint64(len(list)))), "", list)
	}
}

func markdownRules(w io.Writer, r review, full bool) {
	if len(r.rules) == 0 {
		return
	}
	shown, more := firstChanges(r.rules, markdownChanges, full)
	var lines []string
	for _, c := range shown {
		lines = append(lines, changeLine(c))
	}
	if more != "" {
		lines = append(lines, more)
	}
	folded(w, "Rules: "+changeCounts(r.rules), "diff", lines)
}

// folded is lines of code that a click unfolds.
func folded(w io.Writer, summary, language string, lines []string) {
	code := strings.Map(visible, strings.Join(lines, "\n"))
	fence := strings.Repeat("`", max(3, longestTicks(code)+1))
	fmt.Fprintf(w, "<details><summary>%s</summary>\n\n%s%s\n%s\n%s\n\n</details>\n\n", html.EscapeString(summary), fence, language, code, fence)
}

// visible is printable for text of several lines.
func visible(r rune) rune {
	if r == '\n' {
		return r
	}
	return printable(r)
}

// oneLine is text that neither ends the line nor commands a terminal.
func oneLine(s string) string {
	return strings.Map(printable, strings.Join(strings.Fields(s), " "))
}

// codeSpan is text that is shown as it is: nothing in it is markup, a link, or
// calls somebody by name. (CommonMark 0.31, section 6.1: it ends at as many
// backticks as it begins with.)
func codeSpan(s string) string {
	s = oneLine(s)
	ticks, pad := strings.Repeat("`", longestTicks(s)+1), ""
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		pad = " "
	}
	return ticks + pad + s + pad + ticks
}

// longestTicks is how many backticks stand together at most.
func longestTicks(s string) (most int) {
	n := 0
	for _, r := range s {
		if r != '`' {
			n = 0
			continue
		}
		n++
		most = max(most, n)
	}
	return most
}

// markdownText is a sentence of which no sign is markup (CommonMark 0.31,
// sections 2.4 and 2.5). Those that only end sentences or join words stay.
func markdownText(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s) {
		switch {
		case strings.ContainsRune("&<>@", r): // a host may look for these behind a backslash, too
			fmt.Fprintf(&b, "&#%d;", r)
		case r < unicode.MaxASCII && unicode.In(r, unicode.P, unicode.S) && !strings.ContainsRune(".,:;()'/%-?", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
