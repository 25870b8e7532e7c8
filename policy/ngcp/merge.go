package ngcp

import (
	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/yamlwalk"
)

// value is what the files together say of one option.
type value struct {
	kind  yaml.Kind // 0: missing or null
	last  node      // the newest word on it
	parts []node    // a mapping's layers, oldest first; a list's items; a single value's one node
}

// merge lays values over each other as ngcpcfg does, which uses Perl's
// Hash::Merge with the behaviour RIGHT_PRECEDENT: mappings merge key by key, a
// list goes behind a list or a single value, and everything else replaces what
// was there, null too.
func merge(layers []node) (v value) {
	for _, n := range layers {
		v = v.with(n)
	}
	return v
}

func (v value) with(n node) value {
	switch {
	case yamlwalk.IsNull(n.yaml):
		return value{}
	case n.yaml.Kind == yaml.MappingNode && v.kind == yaml.MappingNode:
		return value{v.kind, n, append(v.parts, n)}
	case n.yaml.Kind == yaml.SequenceNode && v.kind == yaml.MappingNode:
		return value{n.yaml.Kind, n, items(n)}
	case n.yaml.Kind == yaml.SequenceNode:
		return value{n.yaml.Kind, n, append(v.parts, items(n)...)}
	default:
		return value{n.yaml.Kind, n, []node{n}}
	}
}

func items(list node) []node {
	nodes := make([]node, len(list.yaml.Content))
	for i, item := range list.yaml.Content {
		nodes[i] = node{list.file, yamlwalk.Deref(item)}
	}
	return nodes
}

// child is the merged value of a mapping's key.
func (v value) child(key string) value {
	var layers []node
	for _, part := range v.parts {
		if child := yamlwalk.Get(part.yaml, key); child != nil {
			layers = append(layers, node{part.file, child})
		}
	}
	return merge(layers)
}

// keys are a mapping's keys in the order in which they are first met.
func (v value) keys() []string {
	var keys []string
	for _, part := range v.parts {
		for _, e := range entries(part.yaml) {
			keys = append(keys, e.key.Value)
		}
	}
	return unique(keys)
}
