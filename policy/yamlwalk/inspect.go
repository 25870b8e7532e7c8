package yamlwalk

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// inspect refuses what is not safe to walk and, if strict, what our own
// language does without.
func (r *reader) inspect(root *yaml.Node) {
	if r.strict {
		if r.plain(root, 1); r.tooMuch {
			return
		}
	}
	m := measures{done: map[*yaml.Node]measure{}, limit: MaxNodes}
	if r.strict {
		m.limit = r.nodes + MaxAliased
	}
	if m.of(root, 1); m.what != nil {
		r.tooMuch = true
		r.reportNode(m.at, m.what.code, m.what.message, m.what.hint)
		return
	}
	if r.strict {
		r.expand(root)
	}
}

// plain counts the nodes that are written out, and reports tags and what is too
// deep.
func (r *reader) plain(n *yaml.Node, depth int) {
	r.nodes++
	if depth > MaxDepth {
		r.tooMuch = true
		r.reportNode(n, "yaml-depth", tooDeep(), "")
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		r.reportNode(n, "yaml-tag", fmt.Sprintf("tag %s: tags are not allowed here", n.Tag), "remove the tag")
	}
	for _, child := range n.Content {
		r.plain(child, depth+1)
	}
}

func tooDeep() string {
	return fmt.Sprintf("more than %d lists and mappings inside each other", MaxDepth)
}

// measure is what a walk that follows aliases meets below a node, itself
// included: how many nodes, and how many of them inside each other.
type measure struct{ nodes, height int }

// measures takes the measure of nodes without making that walk: what has an
// anchor is measured once.
type measures struct {
	done map[*yaml.Node]measure // the zero one: not finished, so an alias to it is a loop
	at   *yaml.Node             // where it is too much, if it is
	what *fault

	limit int // nodes of the whole walk
}

type fault struct{ code, message, hint string }

func (m *measures) of(n *yaml.Node, depth int) (sum measure) {
	if n.Kind == yaml.AliasNode {
		return m.alias(n, depth)
	}
	if depth > MaxDepth {
		return m.fail(n, "yaml-depth", tooDeep(), "")
	}
	if n.Anchor != "" {
		m.done[n] = measure{}
	}
	sum.nodes = 1
	for _, child := range n.Content {
		below := m.of(child, depth+1)
		if m.what != nil {
			return measure{}
		}
		sum.nodes += below.nodes
		sum.height = max(sum.height, below.height)
	}
	sum.height++
	if sum.nodes > m.limit {
		return m.fail(n, "yaml-alias", fmt.Sprintf("more than %d values once aliases are followed", m.limit), "name long lists less often, or keep them in list files")
	}
	if n.Anchor != "" {
		m.done[n] = sum
	}
	return sum
}

func (m *measures) alias(n *yaml.Node, depth int) measure {
	sum := m.done[n.Alias]
	switch {
	case sum.nodes == 0:
		return m.fail(n, "yaml-alias", fmt.Sprintf("alias *%s is part of what it stands for", n.Value), "write the value out")
	case depth-1+sum.height > MaxDepth:
		return m.fail(n, "yaml-depth", tooDeep(), "")
	}
	return sum
}

func (m *measures) fail(n *yaml.Node, code, message, hint string) measure {
	m.at, m.what = n, &fault{code, message, hint}
	return measure{}
}
