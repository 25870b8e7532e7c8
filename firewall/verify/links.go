package verify

import (
	"fmt"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/exposure"
)

// linkIndex is the names of interfaces that somebody looks for; all others are
// one to everybody. The name's index stands for it on the axes of links.
type linkIndex []string

// The links that are always there: one that nobody names, that of a packet
// that has none, and loopback.
const (
	otherLink uint16 = iota
	noLink
	loopback
)

const loopbackName = "lo"

// linksOf collects the names that the ruleset and the model look for.
func linksOf(t *ruleset.Table, m *exposure.Model) *linkIndex {
	l := &linkIndex{"", "", loopbackName}
	for _, e := range m.Exposures {
		for _, name := range e.Interfaces {
			l.index(name)
		}
	}
	for i := range t.Sets {
		if s := &t.Sets[i]; s.Key == ruleset.TypeIfname {
			for j := range s.Elements.Len() {
				from, _, _ := s.Elements.At(j)
				l.index(linkName(from))
			}
		}
	}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			l.addRule(r)
		}
	}
	l.nameOther()
	return l
}

func (l *linkIndex) addRule(r ruleset.Rule) {
	for _, s := range r.Statements {
		m, ok := s.(ruleset.Match)
		if value, isValue := m.Operand.(ruleset.Value); ok && isValue && m.Field.Type == ruleset.TypeIfname {
			l.index(linkName(value))
		}
	}
}

// nameOther finds a name that nobody looks for.
func (l *linkIndex) nameOther() {
	name := "eth0"
	for n := 1; slices.Contains(*l, name); n++ {
		name = fmt.Sprintf("eth%d", n)
	}
	(*l)[otherLink] = name
}

// index is that of a name, which is added where it is new.
func (l *linkIndex) index(name string) uint16 {
	if name == "" {
		return noLink
	}
	i := slices.Index((*l)[loopback:], name)
	if i < 0 {
		*l = append(*l, name)
		i = len(*l) - 1 - int(loopback)
	}
	return uint16(i) + loopback
}

// all is every link a packet can have.
func (l *linkIndex) all() ranges { return upTo(len(*l)).subtract(only(noLink)) }
