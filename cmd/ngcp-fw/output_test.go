package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

// fullDisk is a standard output that takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAnswerThatDoesNotArriveIsNoSuccess(t *testing.T) {
	policy := "version: 1\nroles: {administrators: {allow: [192.0.2.0/24]}}\n"
	for _, args := range []string{
		"version", "help", "help list", "completion bash", "check -f -", "list -f -", "services -f -", "compile -f -",
		"list -f - -o json", "explain -f - --from 192.0.2.1 --to 22/tcp", "explain -f - --from 198.51.100.1 --to 22/tcp",
	} {
		var told bytes.Buffer
		code := run(strings.Fields(args), strings.NewReader(policy), fullDisk{}, &told)
		assert.Equal(t, exitSystem, code, args)
		assert.Contains(t, told.String(), "no space left on device", args)
	}
}

func TestErrorOfACommandOutranksItsOutput(t *testing.T) {
	var told bytes.Buffer
	assert.Equal(t, exitInvalid, run([]string{"check", "-f", "-"}, strings.NewReader("version: 9\n"), fullDisk{}, &told))
}

func TestExcerptOfALongLine(t *testing.T) {
	line := strings.Repeat("a", 500) + "BAD" + strings.Repeat("z", 500)
	for _, column := range []int{1, 61, 501, 999, 1003} {
		text := excerptOf(t, line, column, 3)
		lines := strings.Split(text, "\n")
		require.Len(t, lines, 3)
		shown, marks := []rune(lines[0]), []rune(lines[1])
		assert.LessOrEqual(t, len(shown), excerptWidth+len("    1 | "))
		first := strings.IndexRune(lines[1], '^')
		assert.Equal(t, min(3, 1003-column+1), strings.Count(lines[1], "^"))
		assert.LessOrEqual(t, len(marks), len(shown))
		if column == 501 {
			assert.Equal(t, "BAD", string(shown[first:first+3]))
			assert.Equal(t, '…', shown[len("    1 | ")])
			assert.Equal(t, '…', shown[len(shown)-1])
		}
	}
}

func TestExcerptDoesNotCommandTheTerminal(t *testing.T) {
	text := excerptOf(t, "forward:\t\x1b[2J\r\u202ebad\x07\x00", 10, 4)
	for _, r := range "\x1b\r\u202e\x07\x00" {
		assert.NotContains(t, text, string(r))
	}
	assert.Contains(t, text, "forward:\t�[2J")
}

func excerptOf(t *testing.T, line string, column, width int) string {
	t.Helper()
	var b bytes.Buffer
	w := diagnosticWriter{out: &b, quoted: map[string][]byte{"f": []byte(line + "\nnext\n")}}
	w.excerpt(diag.Diagnostic{Pos: diag.Pos{File: "f", Line: 1, Column: column}, Width: width})
	return b.String()
}

// A list written one by one is the list written at once.
func TestJSONListIsJSON(t *testing.T) {
	type document struct {
		Text string  `json:"text"`
		List []int   `json:"list"`
		None *string `json:"none"`
	}
	for _, list := range [][]document{{}, {{}}, {{Text: "<a> \"b\"\n", List: []int{1, 2}}, {Text: "ü"}}} {
		var whole, single strings.Builder
		require.NoError(t, writeJSON(&whole, list))
		require.NoError(t, writeJSONList(&single, list, func(d document) document { return d }))
		require.Equal(t, whole.String(), single.String())
	}
}
