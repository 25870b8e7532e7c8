package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever is in a table, it is not wider than the screen, and all of it is there.
func TestTablesFitTheScreen(t *testing.T) {
	item := rapid.StringMatching(`[a-z0-9]{1,60}`)
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		row := rapid.Map(rapid.SliceOfN(rapid.SliceOfN(item, 1, 4), columns, columns), func(items [][]string) (row []cell) {
			for _, c := range items {
				row = append(row, cell(c))
			}
			return row
		})
		rows := rapid.SliceOfN(row, 1, 5).Draw(t, "rows")
		var out bytes.Buffer
		writeTable(&out, rows)
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), screenWidth, line)
		}
		var want []string
		for _, row := range rows {
			want = append(want, slices.Concat(row...)...)
		}
		require.ElementsMatch(t, want, strings.Fields(out.String()))
	})
}

func TestTheWidestRowLeavesTheTable(t *testing.T) {
	long := strings.Repeat("2001:db8:1234:5678:9abc:def0:1234:5678 ", 2)
	var out bytes.Buffer
	writeTable(&out, [][]cell{
		{text("  +"), text("sip"), {"5060/tcp", "5060/udp"}, text("any")},
		{text("  +"), text(strings.Repeat("x", 40)), cell(strings.Fields(long)), text("any")},
		{text("  +"), text("ssh"), text("22/tcp"), text("192.0.2.0/24")},
	})
	assert.Equal(t, `  +  sip  5060/tcp 5060/udp  any
   +  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      2001:db8:1234:5678:9abc:def0:1234:5678
      2001:db8:1234:5678:9abc:def0:1234:5678 any
  +  ssh  22/tcp             192.0.2.0/24
`, out.String())
}
