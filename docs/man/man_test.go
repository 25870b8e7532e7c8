package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBlocks(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"paragraph":          {"one\ntwo `code-span`\n\n.three", ".PP\none two \\fBcode\\-span\\fR\n.PP\n\\&.three\n"},
		"bold and links":     {"**more**: [here](x.md)", ".PP\n\\fBmore\\fR: here\n"},
		"emphasis":           {"*so*, **so much**, `a-*` * 2", ".PP\n\\fBso\\fR, \\fBso much\\fR, \\fBa\\-*\\fR * 2\n"},
		"characters":         {"it's a \\ … ^~", ".PP\nit\\(aqs a \\e \\[u2026] \\(ha\\(ti\n"},
		"list":               {"- one\n  more\n- two\n1. three", ".IP \\(bu 4\none more\n.IP \\(bu 4\ntwo\n.IP 1. 4\nthree\n"},
		"list after text":    {"text:\n- one", ".PP\ntext:\n.IP \\(bu 4\none\n"},
		"fenced":             {"```sh\n.a  'b'\n\nc\n```\nd", ".PP\n.RS 4\n.nf\n\\&.a  \\(aqb\\(aq\n\nc\n.fi\n.RE\n.PP\nd\n"},
		"not closed":         {"```\na", ".PP\n.RS 4\n.nf\na\n.fi\n.RE\n"},
		"indented":           {"    a\n      b\nc", ".PP\n.RS 4\n.nf\na\n  b\n.fi\n.RE\n.PP\nc\n"},
		"heading":            {"### a `b`", ".SS a \\fBb\\fR\n"},
		"table":              {"| k | v |\n|---|---|\n| `a` | one `x` |", ".TP\n\\fBa\\fR\none \\fBx\\fR\n"},
		"table of 3 columns": {"| k | v | w |\n|---|---|---|\n| a | 1 | 2 |\n| b | | 3 |", ".TP\n\\fBa\\fR\nv: 1; w: 2\n.TP\n\\fBb\\fR\nw: 3\n"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, blocks(test.text)) })
	}
}

func TestPageWithHelp(t *testing.T) {
	p := page{name: "x", section: 8, summary: "does", see: "y(5)", date: time.Unix(0, 0)}
	help := func(command string) (string, error) {
		if command == "" {
			return "\n  go  goes\n", nil
		}
		return "  --fast\n", nil
	}
	roff, err := p.write("# X\n\nIntro.\n\n## go\n\nGoes.\n\n## Files\n\nNone.\n", help)
	require.NoError(t, err)
	assert.Equal(t, ".TH X 8 1970-01-01 ngcp-fw\n.nh\n.ad l\n.SH NAME\nx \\- does\n.SH DESCRIPTION\nIntro.\n"+
		".PP\n.RS 4\n.nf\n  go  goes\n.fi\n.RE\n.SH GO\nGoes.\n.PP\n.RS 4\n.nf\n  \\-\\-fast\n.fi\n.RE\n.SH FILES\nNone.\n.SH SEE ALSO\ny(5)\n", roff)
}

func TestPageNeedsItsInput(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "never")
	file := filepath.Join(t.TempDir(), "x.md")
	assert.Error(t, page{}.run(nil, file, ""))
	require.NoError(t, os.WriteFile(file, []byte("# X\n"), 0o600))
	assert.ErrorContains(t, page{}.run(nil, file, ""), "SOURCE_DATE_EPOCH")
}
