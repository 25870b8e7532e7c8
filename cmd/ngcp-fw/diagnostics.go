package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"ngcp-fw/policy/diag"
)

// colours of severities (ECMA-48); they only underline what the words say.
var severityColor = map[diag.Severity]string{diag.Error: "\x1b[31m", diag.Warning: "\x1b[33m"}

const colorReset = "\x1b[0m"

// diagnosticWriter shows diagnostics with the line they speak of.
type diagnosticWriter struct {
	out    io.Writer
	color  bool
	quoted map[string][]byte // texts of the files that may be quoted; config.yml never is

	last  diag.Pos // of the line quoted last: a list in one line may give rise to many remarks
	runes []rune   // that line
}

func (w *diagnosticWriter) write(list diag.List) {
	for _, d := range list {
		w.headline(d)
		w.excerpt(d)
		if d.Hint != "" {
			fmt.Fprintf(w.out, "hint: %s\n", d.Hint)
		}
	}
}

func (w *diagnosticWriter) headline(d diag.Diagnostic) {
	severity := string(d.Severity)
	if w.color {
		severity = severityColor[d.Severity] + severity + colorReset
	}
	fmt.Fprintf(w.out, "%s: %s: %s [%s]\n", d.Pos, severity, d.Message, d.Code)
}

func (w *diagnosticWriter) excerpt(d diag.Diagnostic) {
	if d.Width == 0 || d.Pos.Column == 0 {
		return
	}
	line := d.Pos
	line.Column = 0
	if w.last != line {
		text, _ := w.line(line)
		w.last, w.runes = line, []rune(strings.Map(printable, text))
	}
	if d.Pos.Column > len(w.runes) {
		return
	}
	shown, at := window(w.runes, d.Pos.Column-1)
	before := strings.Map(blank, string(shown[:at]))
	width := min(d.Width, len(shown)-at)
	fmt.Fprintf(w.out, "%5d | %s\n      | %s%s\n", d.Pos.Line, string(shown), before, strings.Repeat("^", width))
}

// The part of a long line that is shown: so much in all, and so much of it
// before what it is about.
const (
	excerptWidth = 200
	excerptLead  = 60
)

// window cuts a long line down to what is around the character at the index,
// with an ellipsis where it is cut, and gives that character's new index.
func window(line []rune, at int) (shown []rune, index int) {
	start := 0
	if len(line) > excerptWidth {
		start = max(0, min(at-excerptLead, len(line)-excerptWidth))
	}
	end := min(len(line), start+excerptWidth)
	shown = slices.Clone(line[start:end])
	if start > 0 {
		shown[0] = '…'
	}
	if end < len(line) {
		shown[len(shown)-1] = '…'
	}
	return shown, at - start
}

// printable keeps from the terminal what would command it.
func printable(r rune) rune {
	if r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return utf8.RuneError
}

// blank keeps tabs, so that the marks stand below what they mark.
func blank(r rune) rune {
	if r == '\t' {
		return r
	}
	return ' '
}

func (w *diagnosticWriter) line(p diag.Pos) (string, bool) {
	text, ok := w.quoted[p.File]
	if !ok || p.Line == 0 {
		return "", false
	}
	for n := 1; n < p.Line; n++ {
		_, rest, found := bytes.Cut(text, []byte("\n"))
		if !found {
			return "", false
		}
		text = rest
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return strings.TrimRight(string(line), "\r"), true
}

// report writes the diagnostics of in to w, but for warnings that were accepted.
func (a *app) report(w io.Writer, in *input, list diag.List) {
	list = slices.DeleteFunc(slices.Clone(list), func(d diag.Diagnostic) bool { return d.Accepted != "" })
	writer := diagnosticWriter{out: w, color: a.flags.colored(w), quoted: in.texts}
	for _, d := range list {
		if _, known := in.texts[d.Pos.File]; !known && in.lists[d.Pos.File] {
			in.texts[d.Pos.File], _ = os.ReadFile(d.Pos.File)
		}
	}
	writer.write(list)
}
