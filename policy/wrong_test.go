package policy

import (
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

var update = flag.Bool("update", false, "rewrite the expected remarks in testdata")

// openIn opens the files of a case; a file called secret.txt is not readable.
func openIn(files fstest.MapFS) func(string) (io.ReadCloser, error) {
	return func(path string) (io.ReadCloser, error) {
		if filepath.Base(path) == "secret.txt" {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
		}
		return files.Open(path)
	}
}

// remarks shows the diagnostics with the text that they are about underlined.
func remarks(list diag.List, files fstest.MapFS) string {
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintln(&b, d)
		lines := strings.Split(string(files[d.Pos.File].Data), "\n")
		if d.Pos.Column > 0 {
			fmt.Fprintf(&b, "    | %s\n", lines[d.Pos.Line-1])
			fmt.Fprintf(&b, "    | %s%s\n", strings.Repeat(" ", d.Pos.Column-1), strings.Repeat("^", max(1, d.Width)))
		}
		if d.Hint != "" {
			fmt.Fprintf(&b, "    hint: %s\n", d.Hint)
		}
	}
	return b.String()
}

// A book is a file of cases. "-- CASE/FILE --" begins a file of a case; the
// file "want" is what to expect. What comes before is for the reader.
type book struct {
	intro string
	files []bookFile
}

type bookFile struct{ name, text string }

func readBook(t *testing.T, path string) (b book) {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		name, begins := strings.CutPrefix(line, "-- ")
		switch {
		case begins:
			b.files = append(b.files, bookFile{name: strings.TrimSuffix(name, " --\n")})
		case len(b.files) == 0:
			b.intro += line
		default:
			b.files[len(b.files)-1].text += line
		}
	}
	return b
}

func (b book) String() string {
	text := b.intro
	for _, f := range b.files {
		text += "-- " + f.name + " --\n" + f.text
	}
	return text
}

// cases gives the names of the cases in their order, and each one's files.
func (b book) cases() (names []string, files map[string]fstest.MapFS) {
	files = map[string]fstest.MapFS{}
	for _, f := range b.files {
		name, file, _ := strings.Cut(f.name, "/")
		if files[name] == nil {
			files[name] = fstest.MapFS{}
			names = append(names, name)
		}
		files[name][file] = &fstest.MapFile{Data: []byte(f.text)}
	}
	return names, files
}

// want replaces what to expect of a case.
func (b *book) want(name, want string) {
	last := 0
	for i, f := range b.files {
		if f.name == name+"/want" {
			b.files[i].text = want
			return
		}
		if strings.HasPrefix(f.name, name+"/") {
			last = i + 1
		}
	}
	b.files = slices.Insert(b.files, last, bookFile{name + "/want", want})
}

// Every file of testdata/wrong holds policies with something wrong, and all
// that is to be said about each, in its place.
func TestWrongPolicies(t *testing.T) {
	paths, err := filepath.Glob("testdata/wrong/*.txt")
	require.NoError(t, err)
	seen, count := map[string]bool{}, 0
	for _, path := range paths {
		b := readBook(t, path)
		names, files := b.cases()
		for _, name := range names {
			count++
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txt")+"/"+name, func(t *testing.T) {
				_, list := Parse("p.yml", files[name]["p.yml"].Data, openIn(files[name]))
				require.NotEmpty(t, list)
				for _, d := range list {
					seen[d.Code] = true
				}
				got := remarks(list, files[name])
				if *update {
					b.want(name, got)
					return
				}
				require.Contains(t, files[name], "want")
				require.Equal(t, string(files[name]["want"].Data), got)
			})
		}
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
		}
	}
	require.Greater(t, count, 60)
	codesAreListed(t, seen)
}

// elsewhere are the codes whose cases hold bytes that such files can't hold,
// or are large.
var elsewhere = []string{"yaml-encoding", "yaml-size", "bad-list-line", "more-errors"}

func codesAreListed(t *testing.T, seen map[string]bool) {
	for _, code := range elsewhere {
		seen[code] = true
	}
	for _, row := range Codes {
		require.True(t, seen[row.Code], "no case shows the code %s", row.Code)
		delete(seen, row.Code)
	}
	require.Empty(t, seen, "codes that are not in Codes")
}
