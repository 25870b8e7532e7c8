package yamlwalk

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// expand puts what they stand for in the place of the aliases and merge keys
// below a node. An anchor comes before its aliases and does not hold them, so
// what an alias stands for has been expanded before.
func (r *reader) expand(n *yaml.Node) {
	for i, child := range n.Content {
		if child.Kind == yaml.AliasNode {
			n.Content[i] = Deref(child)
		} else {
			r.expand(child)
		}
	}
	if n.Kind == yaml.MappingNode {
		r.merge(n)
	}
}

// merge replaces a mapping's merge key by the keys it brings in, those that the
// mapping has itself left out.
func (r *reader) merge(n *yaml.Node) {
	own := n.Content[:0:0]
	var key, value *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch k := n.Content[i]; {
		case k.Tag != "!!merge":
			own = append(own, k, n.Content[i+1])
		case key != nil:
			r.reportNode(k, "yaml-alias", fmt.Sprintf("a merge key (<<) is already given in line %d", key.Line), "merge a list: <<: [*ONE, *OTHER]")
		default:
			key, value = k, n.Content[i+1]
		}
	}
	if key != nil {
		n.Content = r.merged(own, key, value)
	}
}

// merged adds to a mapping's own keys and values those that a merge key's value
// has besides: a mapping, or a list of them, of which the first one that has a
// key holds.
func (r *reader) merged(own []*yaml.Node, key, value *yaml.Node) []*yaml.Node {
	sources := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		sources = value.Content
	}
	known := map[string]bool{}
	for i := 0; i < len(own); i += 2 {
		known[own[i].Value] = true
	}
	for _, source := range sources {
		if source.Kind != yaml.MappingNode {
			r.reportNode(key, "yaml-alias", "the merge key << stands for something that is no mapping", "write <<: *NAME of a mapping, or a list of such")
			return own
		}
		r.twice(source)
		for i := 0; i+1 < len(source.Content); i += 2 {
			if name := source.Content[i].Value; !known[name] {
				known[name] = true
				own = append(own, source.Content[i], source.Content[i+1])
			}
		}
	}
	return own
}

// twice reports keys that a mapping to be merged gives twice: the merge would
// hide all but the first.
func (r *reader) twice(n *yaml.Node) {
	if n.Anchor != "" {
		return // it is walked where it is written
	}
	lines := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if line := lines[key.Value]; line > 0 {
			r.reportNode(key, "duplicate-key", fmt.Sprintf("%s is already given in line %d", key.Value, line), "keep one of them")
		}
		lines[key.Value] = key.Line
	}
}
