package yamlwalk

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// inspect refuses what is not safe to walk and, if strict, what our own
// language does without.
func (r *reader) inspect(root *yaml.Node) {
	if r.strict {
		r.plain(root, 1)
		return
	}
	size := sizes{done: map[*yaml.Node]int{}}
	if size.of(root, 1); size.fault != "" {
		r.tooMuch = true
		r.reportNode(size.at, size.code, size.fault, "")
	}
}

// plain reports anchors, aliases, merge keys and tags, each at its place.
func (r *reader) plain(n *yaml.Node, depth int) {
	if depth > MaxDepth {
		r.tooMuch = true
		r.reportNode(n, "yaml-depth", tooDeep(), "")
		return
	}
	switch {
	case n.Kind == yaml.AliasNode:
		r.tooMuch = true
		if r.aliases++; r.aliases <= maxTold {
			r.reportNode(n, "yaml-alias", fmt.Sprintf("alias *%s: aliases are not allowed here", n.Value), "write the value out")
		}
		return
	case n.Anchor != "":
		r.reportNode(n, "yaml-alias", fmt.Sprintf("anchor &%s: anchors are not allowed here", n.Anchor), "remove the anchor")
	case n.Tag == "!!merge":
		r.reportNode(n, "yaml-alias", "merge keys (<<) are not allowed here", "write the values out")
	case n.Style&yaml.TaggedStyle != 0:
		r.reportNode(n, "yaml-tag", fmt.Sprintf("tag %s: tags are not allowed here", n.Tag), "remove the tag")
	}
	for _, child := range n.Content {
		r.plain(child, depth+1)
	}
}

func tooDeep() string {
	return fmt.Sprintf("more than %d lists and mappings inside each other", MaxDepth)
}

// sizes counts the nodes below a node as a walk that follows aliases meets
// them, without making that walk: every anchor is counted once.
type sizes struct {
	done  map[*yaml.Node]int // -1: not finished, so an alias to it is a loop
	fault string
	code  string
	at    *yaml.Node
}

func (s *sizes) of(n *yaml.Node, depth int) int {
	if n.Kind == yaml.AliasNode {
		return s.alias(n, depth)
	}
	if depth > MaxDepth {
		return s.fail(n, "yaml-depth", tooDeep())
	}
	if n.Anchor != "" {
		s.done[n] = -1
	}
	total := 1
	for _, child := range n.Content {
		total += s.of(child, depth+1)
		if s.fault != "" {
			return 0
		}
	}
	if total > MaxNodes {
		return s.fail(n, "yaml-alias", fmt.Sprintf("more than %d values once aliases are followed", MaxNodes))
	}
	if n.Anchor != "" {
		s.done[n] = total
	}
	return total
}

func (s *sizes) alias(n *yaml.Node, depth int) int {
	size, known := s.done[n.Alias]
	if !known || size < 0 {
		return s.fail(n, "yaml-alias", fmt.Sprintf("alias *%s is part of what it stands for", n.Value))
	}
	return size
}

func (s *sizes) fail(n *yaml.Node, code, fault string) int {
	s.at, s.code, s.fault = n, code, fault
	return 0
}
