package yamlwalk

import (
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
)

// Pos is the place of a node of the file.
func Pos(file string, n *yaml.Node) diag.Pos {
	if n == nil {
		return diag.Pos{File: file}
	}
	return diag.Pos{File: file, Line: n.Line, Column: n.Column}
}

// Width is the number of characters a one-line scalar takes in the file, its
// quotes included; 0 for everything else.
func Width(n *yaml.Node) int {
	if n == nil || n.Kind != yaml.ScalarNode || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0 {
		return 0
	}
	width := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		width += 2
	}
	return width
}

// Deref is the node an alias stands for, and any other node itself.
func Deref(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// IsNull reports whether nothing is there: no node, ~, null, or no text.
func IsNull(n *yaml.Node) bool {
	n = Deref(n)
	return n == nil || n.Kind == 0 || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// Get is the value of a key of a mapping, aliases and merge keys followed; nil
// if n is no mapping or has no such key. Of equal keys the last one holds, as
// with the loaders NGCP uses; a key of its own comes before a merged one.
func Get(n *yaml.Node, key string) *yaml.Node {
	n = Deref(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var own, merged *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch k := Deref(n.Content[i]); {
		case k.Tag == "!!merge":
			if v := getMerged(n.Content[i+1], key); merged == nil {
				merged = v
			}
		case k.Kind == yaml.ScalarNode && k.Value == key:
			own = n.Content[i+1]
		}
	}
	if own != nil {
		return Deref(own)
	}
	return merged
}

// getMerged looks the key up in a merge key's value: a mapping, or a list of
// mappings of which the first one that has the key holds.
func getMerged(value *yaml.Node, key string) *yaml.Node {
	value = Deref(value)
	if value.Kind != yaml.SequenceNode {
		return Get(value, key)
	}
	for _, item := range value.Content {
		if v := Get(item, key); v != nil {
			return v
		}
	}
	return nil
}
