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
	stacked []bool // by column
	gap     int    // blanks between columns
}

// writeTable writes rows in columns, nothing behind the last. Where that is
// wider than the screen, the widest columns are stacked, one item a line; where
// that does not do either, the columns move together.
func writeTable(w io.Writer, rows [][]cell) {
	columns := 0
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	g := grid{rows, make([]bool, columns), 2}
	for g.width() > screenWidth && g.stack() {
	}
	if g.width() > screenWidth {
		g.gap = 1
	}
	widths := make([]int, columns)
	for i, stacked := range g.stacked {
		widths[i] = g.columnWidth(i, stacked) + g.gap
	}
	for _, row := range rows {
		g.write(w, row, widths)
	}
}

// stack stacks the widest column that gets narrower by it.
func (g *grid) stack() bool {
	widest, most := -1, 0
	for i := range g.stacked {
		if n := g.columnWidth(i, false); !g.stacked[i] && n > most && g.columnWidth(i, true) < n {
			widest, most = i, n
		}
	}
	if widest >= 0 {
		g.stacked[widest] = true
	}
	return widest >= 0
}

func (g *grid) width() int {
	total := -g.gap
	for i, stacked := range g.stacked {
		total += g.columnWidth(i, stacked) + g.gap
	}
	return total
}

func (g *grid) columnWidth(column int, stacked bool) (width int) {
	for _, row := range g.rows {
		if column < len(row) {
			for _, line := range row[column].lines(stacked) {
				width = max(width, utf8.RuneCountInString(line))
			}
		}
	}
	return width
}

func (c cell) lines(stacked bool) []string {
	if stacked {
		return c
	}
	return []string{strings.Join(c, " ")}
}

func (g *grid) write(w io.Writer, row []cell, widths []int) {
	height := 1
	for i, c := range row {
		height = max(height, len(c.lines(g.stacked[i])))
	}
	for n := range height {
		var line strings.Builder
		for i, c := range row {
			word := ""
			if lines := c.lines(g.stacked[i]); n < len(lines) {
				word = lines[n]
			}
			line.WriteString(word + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(word)))
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
