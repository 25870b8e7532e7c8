package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// lines of a list, every one a source.
func lines(n int) []string {
	text := make([]string, n)
	for i := range text {
		text[i] = fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)
	}
	return text
}

func TestOneBadLineAmongMany(t *testing.T) {
	text := lines(100_000)
	text[50_000] = " 192.0.2.1/24"
	list, diags := parseList("l.txt", strings.NewReader(strings.Join(text, "\n")))
	require.NoError(t, list.err)
	require.Equal(t, 100_000, list.lines)
	require.Len(t, diags, 1)
	require.Equal(t, "l.txt:50001:2: error: 192.0.2.1/24 has host bits set [host-bits]", diags[0].String())
	require.Equal(t, len("192.0.2.1/24"), diags[0].Width)
	count, _ := list.set.Count()
	require.EqualValues(t, 99_999, count)
}

func TestManyBadLinesAreCounted(t *testing.T) {
	list := func(n int) []string {
		_, diags := parseList("l.txt", strings.NewReader(strings.Repeat("bad\n", n)))
		text := make([]string, len(diags))
		for i, d := range diags {
			text[i] = d.String()
		}
		return text
	}
	require.Len(t, list(20), 20)
	require.Len(t, list(21), 21)
	require.NotContains(t, list(21)[20], "more-errors")
	many := list(100_000)
	require.Len(t, many, 21)
	require.Equal(t, "l.txt:21:1: error: and 99980 more errors [more-errors]", many[20])
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 3*maxListLine)
	text := "192.0.2.1 # " + long + "\n" + long + "\n#" + long + "\n192.0.2.2" + strings.Repeat(" ", maxListLine) + "x\n192.0.2.3"
	list, diags := parseList("l.txt", strings.NewReader(text))
	require.NoError(t, list.err)
	require.True(t, list.set.Equal(set(t, "192.0.2.1", "192.0.2.3")), list.set.Strings())
	require.Len(t, diags, 2)
	require.Equal(t, "l.txt:2:1: error: the line has more than 4096 bytes [bad-list-line]", diags[0].String())
	require.Equal(t, "l.txt:4:1: error: the line has more than 4096 bytes [bad-list-line]", diags[1].String())
}

func TestListsThatCannotBeRead(t *testing.T) {
	broken := errors.New("input/output error")
	list, _ := parseList("l.txt", iotest.ErrReader(broken))
	require.Equal(t, broken, list.err)
	list, _ = parseList("l.txt", io.MultiReader(strings.NewReader("192.0.2.1\n"), iotest.ErrReader(broken)))
	require.Equal(t, broken, list.err)
}

// zeros is a device that never ends.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestAListThatNeverEnds(t *testing.T) {
	list, _ := parseList("/dev/zero", zeros{})
	require.Equal(t, errTooLarge, list.err)
}

// However a list is spaced, commented and ended, and however it arrives, it
// holds its sources.
func TestListLayoutMeansNothing(t *testing.T) {
	blank := rapid.SampledFrom([]string{"", " ", "\t", "  "})
	comment := rapid.SampledFrom([]string{"", "# office", "#", "# ä \" ' : 192.0.2.1/24"})
	end := rapid.SampledFrom([]string{"\n", "\r\n", "\n\n", "\n# only a comment\n"})
	source := rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.0/24", "2001:db8::1", "10.0.0.1-10.0.0.9", "any6", "2001:db8::/32"})
	rapid.Check(t, func(rt *rapid.T) {
		sources := rapid.SliceOfN(source, 1, 20).Draw(rt, "sources")
		var text bytes.Buffer
		text.WriteString(rapid.SampledFrom([]string{"", "\uFEFF"}).Draw(rt, "mark"))
		for _, s := range sources {
			text.WriteString(blank.Draw(rt, "before") + s + blank.Draw(rt, "after") + comment.Draw(rt, "comment") + end.Draw(rt, "end"))
		}
		whole := strings.TrimRight(text.String(), "\r\n")
		list, diags := parseList("l.txt", iotest.OneByteReader(strings.NewReader(whole)))
		require.NoError(rt, list.err)
		require.Empty(rt, diags)
		require.Equal(rt, len(sources), list.lines)
		require.True(rt, list.set.Equal(set(t, sources...)))
	})
}

func BenchmarkMillionLines(b *testing.B) {
	text := strings.Join(lines(1_000_000), "\n")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		parseList("l.txt", strings.NewReader(text))
	}
}
