package yamlwalk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
)

func told(list diag.List) (text []string) {
	for _, d := range list {
		text = append(text, d.String())
	}
	return text
}

// The place of a syntax error is where the operator has to look, not where the
// parser gave up or where the surrounding mapping began.
func TestPlaceOfSyntaxErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb: 2\n c: 3\n":                           "3:3: a colon where no key can be",
		"a: 1\nb: [1,\n  2,\n  3]\nc: [4,\n  5\nd: 6\n": "6:3: a list that is not closed",
		"a: [1,\n  2\n  ]\nb: [3\nc: 4\n":               "4:5: a list that is not closed",
		"a: {b: 1\nc: 2\n":                              "1:8: a mapping that is not closed",
		"a: [1, 2]\nb: [3, 4,\n":                        "2:9: the file ends inside a list or a mapping",
		"a: {\n# none\n\n":                              "2:6: the file ends inside a list or a mapping",
		"a: [1, , 2]\n":                                 "1:8: a value is missing here",
		"a: [::1]\n":                                    "1:5: a value is missing here",
		"a: 1\nb: ]\n":                                  "2:4: a value is missing here",
		"a: ['1', '2', '3]\nb: 4\n":                     "1:15: a quoted text that is not closed",
		"a: \"1\"\nb: [\"2\", \"3]\nc: 4\n":             "2:10: a quoted text that is not closed",
		"a: 'it's'\n":                                   "1:8: neither a key nor the end of the mapping",
		"a: 'x\n  y'\nb: 'z\n":                          "3:4: a quoted text that is not closed",
		"a: @b\n":                                       "1:4: a character that no YAML value starts with",
		"a: `b`\n":                                      "1:4: a character that no YAML value starts with",
		"a: %b\n":                                       "1:4: a character that no YAML value starts with",
		"ä: ü\nb: \"ö\\ä\"\n":                           "2:7: an escape that YAML does not know",
		"a: b: c\n":                                     "1:5: a colon where no key can be",
		"a: 1\nb\n":                                     "2:1: a key without a colon",
		"a: 1\nb\nc: 2\n":                               "2:1: a key without a colon",
		"- a\nb: c\n":                                   "2:2: neither a list item nor the end of the list",
		"a: - b\n":                                      "1:4: a list item where none can be",
		"a:\n\tb: 1\n":                                  "2:1: a tab in the indentation",
		"a:\n  b: 1\n \tc: 1\n":                         "3:2: a tab in the indentation",
		"a: 1\r\nb: c: d\r\n":                           "2:5: a colon where no key can be",
		"\uFEFFa: b: c\n":                               "1:5: a colon where no key can be",
		"a: *b\n":                                       "1:4: an alias for which there is no anchor",
		"{\n\"a\": 1,\n\"b\": [1]\n\"c\": 2\n}\n":       "3:8: a mapping that is not closed",
		"a: 1\n...\nb: 2\n":                             "3:1: text after the end of the document",
	} {
		for _, strict := range []bool{true, false} {
			_, list := Read("f", []byte(text), strict)
			require.Len(t, list, 1, "%q: %v", text, told(list))
			d := list[0]
			assert.Equal(t, want, fmt.Sprintf("%d:%d: %s", d.Pos.Line, d.Pos.Column, d.Message), "%q", text)
		}
	}
}

func TestStrictAndLenient(t *testing.T) {
	for _, c := range []struct {
		text            string
		strict, lenient []string
	}{
		{"a: 1\n", nil, nil},
		{"a: 1\n...\n", nil, nil},
		{"%YAML 1.1\n---\na: 1\n", nil, nil},
		{"", []string{"f:1: error: the file has no content [yaml-empty]"}, nil},
		{"---\n~\n", []string{"f:1: error: the file has no content [yaml-empty]"}, nil},
		{"a: B\xfcro\n", []string{"f:1:5: error: byte 0xfc is not UTF-8 [yaml-encoding]"}, nil},
		{"a: b\x7f\n", []string{"f:1:5: error: control character U+007F [yaml-encoding]"}, nil},
		{"a: b # a\rb: c\n", []string{"f:1:9: error: control character U+000D [yaml-encoding]"}, nil},
		{"a: b # a\u2028b: c\n", []string{"f:1:9: error: control character U+2028 [yaml-encoding]"}, nil},
		{"a: b # a\u0085b: c\n", []string{"f:1:9: error: control character U+0085 [yaml-encoding]"}, nil},
		{"a: b\x00\n", []string{"f:1:5: error: control character U+0000 [yaml-encoding]"}, []string{"f:1:5: error: control character U+0000 [yaml-encoding]"}},
		{"a: &x 1\nb: *x\n", nil, nil},
		{"a: !!str 1\n", []string{"f:1:4: error: tag !!str: tags are not allowed here [yaml-tag]"}, nil},
		{"<<: {a: 1}\n", nil, nil},
		{"<<: {a: 1, a: 2}\n", []string{"f:1:12: error: a is already given in line 1 [duplicate-key]"}, nil},
		{"<<: 1\n", []string{"f:1:1: error: the merge key << stands for something that is no mapping [yaml-alias]"}, nil},
		{"<<: [{a: 1}, b]\n", []string{"f:1:1: error: the merge key << stands for something that is no mapping [yaml-alias]"}, nil},
		{"<<: {a: 1}\n<<: {b: 1}\n", []string{"f:2:1: error: a merge key (<<) is already given in line 1 [yaml-alias]"}, nil},
		{"a: 1\n---\nb: 2\n", []string{"f:2:1: error: a second document starts here [yaml-documents]"}, []string{"f:2:1: error: a second document starts here [yaml-documents]"}},
		{"a: 1\n---\n", []string{"f:2:1: error: a second document starts here [yaml-documents]"}, []string{"f:2:1: error: a second document starts here [yaml-documents]"}},
		{"a: &x [*x]\n", []string{"f:1:8: error: alias *x is part of what it stands for [yaml-alias]"},
			[]string{"f:1:8: error: alias *x is part of what it stands for [yaml-alias]"}},
	} {
		_, list := Read("f", []byte(c.text), true)
		assert.Equal(t, c.strict, told(list), "%q", c.text)
		_, list = Read("f", []byte(c.text), false)
		assert.Equal(t, c.lenient, told(list), "%q", c.text)
	}
}

func TestBadBytesBecomeReplacementCharacters(t *testing.T) {
	root, list := Read("f", []byte("\uFEFFa: B\xfc\xferö\nb: x\x01y\nc: \xff"), false)
	require.Empty(t, list)
	require.Equal(t, "B\uFFFD\uFFFDrö", Get(root, "a").Value)
	require.Equal(t, "x\uFFFDy", Get(root, "b").Value)
	require.Equal(t, "\uFFFD", Get(root, "c").Value)
	require.Equal(t, diag.Pos{File: "f", Line: 3, Column: 4}, Pos("f", Get(root, "c")))
}

func TestManyBadBytesAreToldTenTimes(t *testing.T) {
	_, list := Read("f", []byte("a: "+strings.Repeat("\xff", 100_000)+"\n"), true)
	require.Len(t, list, maxTold)
}

func bomb(levels int) string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range levels {
		text += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	return text
}

func TestAliasBombs(t *testing.T) {
	root, list := Read("f", []byte(bomb(3)), false)
	require.Empty(t, list)
	require.NotNil(t, root)
	root, list = Read("f", []byte(bomb(60)), false)
	require.Nil(t, root)
	require.Len(t, list, 1)
	require.Contains(t, list[0].Message, "more than 1048576 values once aliases are followed")
	root, list = Read("f", []byte(bomb(60)), true)
	require.Nil(t, root)
	require.Len(t, list, 1)
	require.Contains(t, list[0].Message, "values once aliases are followed")
	require.NotEmpty(t, list[0].Hint)
}

func TestDepth(t *testing.T) {
	nested := func(n int) []byte {
		return []byte(strings.Repeat("[", n) + strings.Repeat("]", n))
	}
	for _, strict := range []bool{true, false} {
		root, list := Read("f", nested(MaxDepth), strict)
		require.Empty(t, list)
		require.NotNil(t, root)
		for _, n := range []int{MaxDepth + 1, 9_000, 100_000} {
			root, list = Read("f", nested(n), strict)
			require.Nil(t, root)
			require.Len(t, list, 1)
			require.Equal(t, "more than 64 lists and mappings inside each other", list[0].Message)
		}
	}
}

func TestDepthThroughAliases(t *testing.T) {
	text := "a0: &a0 []\n"
	for i := range 100 {
		text += fmt.Sprintf("a%d: &a%d [*a%d]\n", i+1, i+1, i)
	}
	root, list := Read("f", []byte(text), false)
	require.Nil(t, root)
	require.Equal(t, []string{"f:64:12: error: more than 64 lists and mappings inside each other [yaml-depth]"}, told(list))
}

func TestDepthBeyondTheParser(t *testing.T) {
	_, list := Read("f", []byte(strings.Repeat("[", 20_000)), true)
	require.Equal(t, []string{"f:1:10001: error: more than 64 lists and mappings inside each other [yaml-depth]"}, told(list))
}

func TestSize(t *testing.T) {
	_, list := Read("f", make([]byte, MaxSize+1), true)
	require.Equal(t, []string{"f:1: error: the file is larger than 32 MiB [yaml-size]"}, told(list))
}

func TestGet(t *testing.T) {
	root, list := Read("f", []byte(`
base: &base {port: 1, host: a}
more: &more {port: 2, path: p}
own: {<<: *base, port: 3}
both: {<<: [*base, *more]}
twice: {port: 4, port: 5}
alias: *base
null: {port: ~}
list: [port]
`), false)
	require.Empty(t, list)
	for _, c := range []struct{ of, key, want string }{
		{"base", "port", "1"}, {"own", "port", "3"}, {"own", "host", "a"}, {"both", "port", "1"},
		{"both", "path", "p"}, {"twice", "port", "5"}, {"alias", "port", "1"},
	} {
		n := Get(Get(root, c.of), c.key)
		require.NotNil(t, n, "%v", c)
		require.Equal(t, c.want, n.Value, "%v", c)
	}
	require.Nil(t, Get(Get(root, "base"), "none"))
	require.Nil(t, Get(Get(root, "list"), "port"))
	require.Nil(t, Get(nil, "port"))
	require.True(t, IsNull(Get(Get(root, "none"), "port")))
}

func TestMergeKeysThatAreNoMappings(t *testing.T) {
	root, list := Read("f", []byte("a: {<<: 1}\nb: {<<: [1, [2]]}\nc: {<<: }\n"), false)
	require.Empty(t, list)
	for _, key := range []string{"a", "b", "c"} {
		require.Nil(t, Get(Get(root, key), "x"))
	}
}

func TestWidth(t *testing.T) {
	root, _ := Read("f", []byte("[plain, \"double\", 'single', ü, [], ~]"), true)
	var widths []int
	for _, n := range root.Content {
		widths = append(widths, Width(n))
	}
	require.Equal(t, []int{5, 8, 8, 1, 0, 1}, widths)
	require.Zero(t, Width(nil))
	require.Equal(t, diag.Pos{File: "f"}, Pos("f", nil))
}

// NGCP's own files are YAML as the real world has it.
func TestRealFiles(t *testing.T) {
	paths, _ := filepath.Glob("../../../shared/fixtures/*/*.yml")
	if len(paths) == 0 {
		t.Skip("SKIPPED: the real files in ../shared/fixtures are not there")
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		root, list := Read(path, data, false)
		require.Empty(t, list, path)
		require.Equal(t, yaml.MappingNode, root.Kind)
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"a: [1, 2\nb: c\n", "a: \"x\n", "- a\n- {b: c}\n", "a: &x [*x]\n", "\uFEFFa: \xff\x00\n", "a:\n\t- b\n", "---\na\n---\n", bomb(3),
		"? [a]\n: b\n", "<<: [*a]\n", "a: |\n  b\n c\n", "%TAG ! x\n---\n!foo a\n", "a: 'b' 'c'\n", "{a: [::1], b: }\n",
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, strict bool) {
		root, list := Read("f", []byte(text), strict)
		lines := strings.Split(strings.TrimPrefix(text, "\uFEFF"), "\n")
		for _, d := range list {
			require.NotEmpty(t, d.Message)
			require.NotEmpty(t, d.Code)
			require.True(t, d.Pos.Line >= 1 && d.Pos.Line <= len(lines), "%v in %q", d, text)
			require.LessOrEqual(t, d.Pos.Column, utf8.RuneCountInString(lines[d.Pos.Line-1])+1, "%v in %q", d, text)
		}
		if root != nil {
			require.LessOrEqual(t, follow(root), MaxNodes)
			Get(root, "a")
		}
	})
}

// follow counts the nodes, aliases followed.
func follow(n *yaml.Node) int {
	total := 1
	for _, child := range Deref(n).Content {
		total += follow(child)
	}
	return total
}
