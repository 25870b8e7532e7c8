package ngcp

import (
	"slices"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/yamlwalk"
)

// node is a value and the file it is in.
type node struct {
	file string
	yaml *yaml.Node
}

func (n node) pos() diag.Pos { return yamlwalk.Pos(n.file, n.yaml) }

func (n node) width() int { return yamlwalk.Width(n.yaml) }

// entry is one key of a mapping and its value, aliases followed.
type entry struct{ key, value *yaml.Node }

// entries lists a mapping as loaders see it: its own keys in their order, the
// last of equal ones, then those that merge keys add.
func entries(n *yaml.Node) []entry {
	list := ownEntries(n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMergeKey(n.Content[i]) {
			list = addMissing(list, mergedEntries(n.Content[i+1]))
		}
	}
	return list
}

func ownEntries(n *yaml.Node) (list []entry) {
	index := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := yamlwalk.Deref(n.Content[i]), yamlwalk.Deref(n.Content[i+1])
		if key.Kind != yaml.ScalarNode || isMergeKey(key) {
			continue
		}
		if at, known := index[key.Value]; known {
			list[at] = entry{key, value}
			continue
		}
		index[key.Value] = len(list)
		list = append(list, entry{key, value})
	}
	return list
}

func isMergeKey(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!merge" }

// mergedEntries is what a merge key's value adds: a mapping, or several of
// which earlier ones come first.
func mergedEntries(value *yaml.Node) (list []entry) {
	value = yamlwalk.Deref(value)
	switch value.Kind {
	case yaml.MappingNode:
		return entries(value)
	case yaml.SequenceNode:
		for _, item := range value.Content {
			list = addMissing(list, mergedEntries(item))
		}
	}
	return list
}

func addMissing(list, more []entry) []entry {
	known := map[string]bool{}
	for _, e := range list {
		known[e.key.Value] = true
	}
	return append(list, slices.DeleteFunc(more, func(e entry) bool { return known[e.key.Value] })...)
}

// kindName says what a value is, for people.
func kindName(kind yaml.Kind) string {
	switch kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}
