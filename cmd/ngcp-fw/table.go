package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// cell is what stands in one place of a table: items side by side, or one below
// the other where the table would be too wide.
type cell []string

func text(s string) cell { return cell{s} }

// heading is a table's first row.
func heading(names ...string) []cell {
	row := make([]cell, len(names))
	for i, name := range names {
		row[i] = text(name)
	}
	return row
}

// grid is a table being laid out.
type grid struct {
	rows    [][]cell
	folded  []bool // by row: too wide for any table
	stacked []bool // by column: one item a line
	broken  []bool // by column: items broken behind hyphens, too
	gap     int    // blanks between columns
}

// writeTable writes rows in columns, nothing behind the last. Where that is
// wider than the screen, the widest columns are stacked, one item a line; where
// that does not do either, the columns move together, then items are broken behind
// hyphens, as those of ranges; and at last the widest rows leave the table, and are
// wrapped as a sentence is.
func writeTable(w io.Writer, rows [][]cell) {
	columns := 0
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	g := grid{rows: rows, folded: make([]bool, len(rows))}
	for g.layOut(columns); g.width() > screenWidth; g.layOut(columns) {
		g.fold()
	}
	widths := make([]int, columns)
	for i := range widths {
		widths[i] = g.columnWidth(i) + g.gap
	}
	for i, row := range rows {
		if g.folded[i] {
			fmt.Fprintln(w, folding(row))
		} else {
			g.write(w, row, widths)
		}
	}
}

// layOut makes the columns as narrow as need be.
func (g *grid) layOut(columns int) {
	g.stacked, g.broken, g.gap = make([]bool, columns), make([]bool, columns), 2
	for g.width() > screenWidth && g.narrow(g.stacked) {
	}
	if g.width() > screenWidth {
		g.gap = 1
	}
	for g.width() > screenWidth && g.narrow(g.broken) {
	}
}

// fold takes the widest row out of the columns.
func (g *grid) fold() {
	widest, most := 0, -1
	for i := range g.rows {
		alone := grid{rows: g.rows[i : i+1], folded: make([]bool, 1), stacked: g.stacked, broken: g.broken}
		if n := alone.width(); !g.folded[i] && n > most {
			widest, most = i, n
		}
	}
	g.folded[widest] = true
}

// folding is a row without columns; the lines below its first are indented.
func folding(row []cell) string {
	const indent = 6
	var words []string
	for _, c := range row {
		words = append(words, strings.Join(c, " "))
	}
	first := strings.TrimSpace(words[0])
	return fmt.Sprintf("%*s  ", indent-2, first) + wrap(strings.Join(words[1:], " "), max(indent, len(first)+2), indent)
}

// narrow does to the widest column that gets narrower by it what is noted in done.
func (g *grid) narrow(done []bool) bool {
	widest, most := -1, 0
	for i := range done {
		before := g.columnWidth(i)
		if done[i] || before <= most {
			continue
		}
		done[i] = true
		if g.columnWidth(i) < before {
			widest, most = i, before
		}
		done[i] = false
	}
	if widest >= 0 {
		done[widest] = true
	}
	return widest >= 0
}

func (g *grid) width() int {
	total := -g.gap
	for i := range g.stacked {
		total += g.columnWidth(i) + g.gap
	}
	return total
}

func (g *grid) columnWidth(column int) (width int) {
	for n, row := range g.rows {
		if column < len(row) && !g.folded[n] {
			for _, line := range g.lines(row[column], column) {
				width = max(width, utf8.RuneCountInString(line))
			}
		}
	}
	return width
}

// lines is the cell's lines in that column.
func (g *grid) lines(c cell, column int) (lines []string) {
	switch {
	case g.broken[column]:
		for _, item := range c {
			lines = append(lines, strings.SplitAfter(item, "-")...)
		}
		return lines
	case g.stacked[column]:
		return c
	}
	return []string{strings.Join(c, " ")}
}

func (g *grid) write(w io.Writer, row []cell, widths []int) {
	height := 1
	for i, c := range row {
		height = max(height, len(g.lines(c, i)))
	}
	for n := range height {
		var line strings.Builder
		for i, c := range row {
			word := ""
			if lines := g.lines(c, i); n < len(lines) {
				word = lines[n]
			}
			line.WriteString(word + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(word)))
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
