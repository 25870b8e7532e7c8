package yamlwalk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// written is a tree without aliases as text.
func written(n *yaml.Node) string {
	var parts []string
	for _, child := range n.Content {
		parts = append(parts, written(child))
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value
	case yaml.SequenceNode:
		return "[" + strings.Join(parts, " ") + "]"
	case yaml.MappingNode:
		return "{" + strings.Join(parts, " ") + "}"
	}
	return fmt.Sprintf("?%d", n.Kind)
}

func TestExpand(t *testing.T) {
	for text, want := range map[string]string{
		"a: &x 1\nb: *x":                                      "{a 1 b 1}",
		"a: &x [1, 2]\nb: [*x, *x, 3]":                        "{a [1 2] b [[1 2] [1 2] 3]}",
		"a: &x [1]\nb: &y [*x]\nc: *y":                        "{a [1] b [[1]] c [[1]]}",
		"a: &x 1\n*x : 2":                                     "{a 1 1 2}",
		"a: &x {p: 1, q: 2}\nb: {<<: *x}":                     "{a {p 1 q 2} b {p 1 q 2}}",
		"a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x, r: 4}":         "{a {p 1 q 2} b {q 3 r 4 p 1}}",
		"a: &x {p: 1}\nb: &y {p: 2, q: 3}\nc: {<<: [*x, *y]}": "{a {p 1} b {p 2 q 3} c {p 1 q 3}}",
		"a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}":     "{a {p 1} b {q 2 p 1} c {q 2 p 1}}",
		"a: &x {p: [&y 1]}\nb: {<<: *x}\nc: *y":               "{a {p [1]} b {p [1]} c 1}",
		"a: {<<: {p: 1}, q: 2}":                               "{a {q 2 p 1}}",
		"a: {<<: []}":                                         "{a {}}",
		"a: {'<<': 1}":                                        "{a {<< 1}}",
		"a: &x 1\nb: *x\nc: &x 2\nd: *x":                      "{a 1 b 1 c 2 d 2}",
	} {
		root, list := Read("f", []byte(text+"\n"), true)
		require.Empty(t, list, text)
		require.Equal(t, want, written(root), text)
	}
}

// An alias adds what it stands for: so much is allowed, and no more.
func TestAliasedValuesAreCounted(t *testing.T) {
	text := func(items, aliases int) []byte {
		return []byte("a: &a [" + strings.Repeat("x, ", items) + "]\nb: [" + strings.Repeat("*a, ", aliases) + "]\n")
	}
	_, list := Read("f", text(MaxAliased-2, 1), true)
	require.Empty(t, list)
	_, list = Read("f", text(1<<10-1, 1<<6), true)
	require.Empty(t, list)
	root, list := Read("f", text(1<<10-1, 1<<6+1), true)
	require.Len(t, list, 1)
	require.Nil(t, root)
	require.Equal(t, "yaml-alias", list[0].Code)
	_, list = Read("f", text(1<<18, 0), true)
	require.Empty(t, list, "what is written out is not counted")
}

// Whatever the text: what is given can be walked to its end, holds no alias and
// no merge key, and is not much larger than the text.
func FuzzExpand(f *testing.F) {
	f.Add("a: &x [1, *x]\n")
	f.Add("a: &x {<<: *x}\n")
	f.Add("a: &x {p: 1}\nb: {<<: [*x, {q: *x}], *x : 2}\n")
	f.Add(bomb(7))
	f.Add("&a a: &b {<<: {<<: &c {d: *a}}}\ne: [*b, *c]\n")
	f.Fuzz(func(t *testing.T, text string) {
		root, list := Read("f", []byte(text), true)
		if root == nil {
			require.NotEmpty(t, list)
			return
		}
		count := 0
		var walk func(n *yaml.Node, depth int)
		walk = func(n *yaml.Node, depth int) {
			count++
			require.NotEqual(t, yaml.AliasNode, n.Kind)
			require.NotEqual(t, "!!merge", n.Tag)
			require.LessOrEqual(t, depth, MaxDepth)
			for _, child := range n.Content {
				walk(child, depth+1)
			}
		}
		walk(root, 1)
		require.LessOrEqual(t, count, 2*len(text)+2+MaxAliased)
	})
}
