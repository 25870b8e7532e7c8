package policy

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

// requireSound holds what is true of every remark: it says something under a
// known code, in one line, at a place that is in the file.
func requireSound(t *testing.T, list diag.List, files map[string]string) {
	known := map[string]bool{}
	for _, row := range Codes {
		known[row.Code] = true
	}
	for _, d := range list {
		require.NotEmpty(t, d.Message)
		require.NotContains(t, d.Message+d.Hint, "\n")
		require.True(t, known[d.Code], d.Code)
		text, ok := files[d.Pos.File]
		require.True(t, ok, "no file %q", d.Pos.File)
		lines := strings.Split(strings.TrimPrefix(text, "\uFEFF"), "\n")
		require.GreaterOrEqual(t, d.Pos.Line, 1, "%v", d)
		require.LessOrEqual(t, d.Pos.Line, len(lines), "%v", d)
		require.LessOrEqual(t, d.Pos.Column, utf8.RuneCountInString(lines[d.Pos.Line-1])+1, "%v in %q", d, text)
	}
}

func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/wrong/*.txt")
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		for part := range strings.SplitSeq(string(data), "\n-- ") {
			_, text, _ := strings.Cut(part, " --\n")
			f.Add(text, "192.0.2.1/24 # host bits\n")
		}
	}
	data, err := os.ReadFile("testdata/right/interface.yml")
	require.NoError(f, err)
	f.Add("version: 1\nroles: &r {a: &x {allow: &o [192.0.2.1]}, b: {<<: *x, except: *o}}\naccept-risk: &k [{code: admin-open, reason: x, role: a}]\n", "any")
	f.Add(string(data), "\uFEFF192.0.2.0/24\r\nany\n\n2001:db8::-2001:db8::1")
	f.Fuzz(func(t *testing.T, text, list string) {
		files := map[string]string{"p.yml": text}
		p, diags := Parse("p.yml", []byte(text), func(path string) (io.ReadCloser, error) {
			files[path] = list
			return io.NopCloser(strings.NewReader(list)), nil
		})
		requireSound(t, diags, files)
		if p == nil {
			require.Positive(t, diags.Errors())
		}
	})
}

func FuzzList(f *testing.F) {
	f.Add("192.0.2.0/24\n# comment\r\n 192.0.2.1-192.0.2.9 # range\nany\n")
	f.Add("\uFEFFexample.com\n192.0.2.1/24\nfe80::1%eth0\n::ffff:192.0.2.1\n010.0.0.1\n10/8\n")
	f.Add("\x00\xff\n[::1]:5060\n1.2.3.4-\n-\n/\n!\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, diags := parseList("l.txt", strings.NewReader(text))
		require.NoError(t, list.err)
		requireSound(t, diags, map[string]string{"l.txt": text})
		require.Equal(t, list.lines == 0 && len(diags) == 0, list.set.IsEmpty() && len(diags) == 0)
	})
}

// What is accepted as a source stands for something, which can be written
// again as sources; what is not has a remark.
func FuzzParseSource(f *testing.F) {
	for _, text := range []string{"192.0.2.1", "192.0.2.0/24", "any", "2001:db8::-2001:db8::9", "fe80::1%eth0", "10/8", "1.2.3.4-5"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := ParseSource(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			require.NotEmpty(t, err.(*Problem).Code)
			return
		}
		require.False(t, set.IsEmpty())
		for _, prefix := range set.Strings() {
			again, err := ParseSource(prefix)
			require.NoError(t, err)
			require.True(t, set.Covers(again))
			require.False(t, again.IsEmpty())
		}
	})
}

func FuzzParseFlow(f *testing.F) {
	f.Add("192.0.2.1:5060", "[2001:db8::1]:22/tcp", "eth0")
	f.Add("2001:db8::1", "443/udp", "")
	f.Fuzz(func(t *testing.T, from, to, in string) {
		flow, err := ParseFlow(from, to, in)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.True(t, flow.From.IsValid())
		require.NotZero(t, flow.ToPort)
		require.NotZero(t, flow.Protocol)
	})
}
