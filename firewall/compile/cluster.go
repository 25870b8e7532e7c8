package compile

import (
	"fmt"
	"slices"
	"strings"

	"ngcp-fw/firewall/ruleset"
)

// cluster accepts every protocol and port from the sources of exposures without
// ports: the other hosts of a cluster, on its internal links. One verdict map
// leads from the link to its chain; on other links it costs one look-up. What
// the chain does not accept comes back, since services may be open there, too.
func (b *builder) cluster() (rules []ruleset.Rule) {
	everywhere, onLink := b.clusterLinks()
	rules = b.accepts(b.exposures(everywhere), true, b.accepted)
	if len(onLink) == 0 {
		return rules
	}
	e := ruleset.NewElements(ruleset.TypeIfname, false)
	for _, name := range keys(onLink) {
		e.AppendVerdict(link(name), nil, jump(b.clusterChain(name, onLink)))
	}
	verdicts := b.set("cluster", ruleset.Set{Key: ruleset.TypeIfname, Map: true, Elements: e})
	return append(rules, rule("cluster", "", lookup(ruleset.MetaIifname, verdicts)))
}

// clusterLinks finds the exposures without ports: those of every link, and
// those of each link that has some.
func (b *builder) clusterLinks() (everywhere []int, onLink map[string][]int) {
	onLink = map[string][]int{}
	for i, e := range b.model.Exposures {
		switch {
		case e.Ports != nil:
		case e.Interfaces == nil:
			everywhere = append(everywhere, i)
		default:
			for _, name := range e.Interfaces {
				onLink[name] = append(onLink[name], i)
			}
		}
	}
	return everywhere, onLink
}

// clusterChain is the chain of a link; links with the same exposures share one.
func (b *builder) clusterChain(name string, onLink map[string][]int) string {
	exposures := onLink[name]
	key := fmt.Sprint("cluster ", exposures)
	if b.shared[key] == "" {
		var alike []string
		for _, other := range keys(onLink) {
			if slices.Equal(onLink[other], exposures) {
				alike = append(alike, other)
			}
		}
		b.shared[key] = b.chain("cluster-"+strings.Join(alike, "."), b.accepts(b.exposures(exposures), true, b.accepted)...)
	}
	return b.shared[key]
}

func keys(m map[string][]int) []string {
	list := make([]string, 0, len(m))
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
