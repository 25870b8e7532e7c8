package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// row is one line of the table.
type row struct {
	What   string // is measured
	Ours   string // our value
	Beside string // what it is measured against, and its value
	Ratio  string // ours to that
	Goal   string // empty: none, the row is for information
	Met    bool   // the goal
}

// String is the row as a remark while others are still measured.
func (r row) String() string {
	return fmt.Sprintf("%s: %s; beside it %s; ratio %s; goal %s: %s", r.What, r.Ours, r.Beside, r.Ratio, r.Goal, r.met())
}

func (r row) met() string {
	switch {
	case r.Goal == "":
		return ""
	case r.Met:
		return "yes"
	}
	return "**no**"
}

// table is the rows in Markdown.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| what | ours | beside it | ratio | goal | met |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.What, r.Ours, r.Beside, r.Ratio, r.Goal, r.met())
	}
	return b.String()
}

// missed counts goals that were not met.
func missed(rows []row) (n int) {
	for _, r := range rows {
		if r.Goal != "" && !r.Met {
			n++
		}
	}
	return n
}

// The comments between which the table stands in a Markdown file.
const (
	tableBegin = "<!-- bench: begin -->\n"
	tableEnd   = "<!-- bench: end -->\n"
)

// place puts the table into the file, between its marker comments.
func place(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err = replaced(text, table)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, text, 0o644)
}

func replaced(text []byte, table string) ([]byte, error) {
	before, rest, found := bytes.Cut(text, []byte(tableBegin))
	_, after, closed := bytes.Cut(rest, []byte(tableEnd))
	if !found || !closed {
		return nil, errors.New("no place for the table: it needs the lines " + strings.TrimSpace(tableBegin) + " and " + strings.TrimSpace(tableEnd))
	}
	return bytes.Join([][]byte{before, []byte(tableBegin), []byte(table), []byte(tableEnd), after}, nil), nil
}
