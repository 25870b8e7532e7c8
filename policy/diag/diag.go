// Package diag holds places in files and what there is to say about them.
package diag

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
)

// Pos is a place in a file an operator wrote. The zero Pos means "built in".
type Pos struct {
	File   string // as the operator named it
	Line   int    // 1 is the first
	Column int    // 1 is the first, counted in characters
}

// IsZero reports whether the place is no place in a file.
func (p Pos) IsZero() bool { return p == Pos{} }

// String is FILE:LINE:COLUMN with the file as the operator named it.
func (p Pos) String() string { return p.format(p.File) }

// Origin is the place as listings show it: the file's base name, line and column.
func (p Pos) Origin() string { return p.format(filepath.Base(p.File)) }

// LineOrigin is Origin without the column.
func (p Pos) LineOrigin() string {
	p.Column = 0
	return p.Origin()
}

func (p Pos) format(file string) string {
	switch {
	case p.IsZero():
		return "built in"
	case p.Line == 0:
		return file
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", file, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
	}
}

// Compare orders places by file, line and column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Severity tells an error, which stops everything, from a warning.
type Severity string

// The two severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is one thing wrong, or worth a look, at one place.
type Diagnostic struct {
	Pos      Pos
	Width    int // characters the remark is about, from Pos on; 0 if it is about the place alone
	Severity Severity
	Code     string // stable, kebab-case: host-bits
	Message  string // one sentence without a full stop
	Hint     string // what to write instead; may be empty
	About    About  // who a warning speaks of
	Accepted string // why the operator accepts the warning; empty if nobody did
}

// String is FILE:LINE:COL: SEVERITY: MESSAGE [CODE].
func (d Diagnostic) String() string {
	return fmt.Sprintf("%s: %s: %s [%s]", d.Pos, d.Severity, d.Message, d.Code)
}

// List is all there is to say about the files of one policy.
type List []Diagnostic

// Sort orders the list by place, errors before warnings at the same place.
func (l List) Sort() {
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		return cmp.Or(a.Pos.Compare(b.Pos), cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Message, b.Message))
	})
}

// Errors counts the errors.
func (l List) Errors() int { return l.count(Error) }

// Warnings counts the warnings that nobody accepted.
func (l List) Warnings() int { return l.count(Warning) }

// Accepted counts the warnings that were accepted.
func (l List) Accepted() int { return len(l) - l.Errors() - l.Warnings() }

func (l List) count(s Severity) (n int) {
	for _, d := range l {
		if d.Severity == s && d.Accepted == "" {
			n++
		}
	}
	return n
}
