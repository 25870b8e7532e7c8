package ruleset

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

// Change is one difference between two tables.
type Change struct {
	Kind    string `json:"kind"`              // added, removed or changed
	Object  string `json:"object"`            // table, counter, set, element, chain, rule or foreign
	Name    string `json:"name"`              // of the object; of a rule its chain, of an element its set
	Text    string `json:"text,omitempty"`    // the rule, what an object was and is, or the first few elements
	Added   int    `json:"added,omitempty"`   // elements
	Removed int    `json:"removed,omitempty"` // elements
}

// Kinds of Change.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Diff lists what makes is of was; nil is no table. What is of the moment does
// not count: handles, counter values, elements of live sets. Nor do
// generations: both tables are compared as if all of them were of the latest.
// All elements of one set are one change, which names the first few.
func Diff(was, is *Table) []Change {
	generation := max(was.Latest(), is.Latest())
	d := differ{old: was.inGeneration(generation), new: is.inGeneration(generation)}
	d.table(was != nil, is != nil)
	compare(&d, "counter", d.old.Counters, d.new.Counters, describeCounter, func(_, _ *Counter) {})
	compare(&d, "set", d.old.Sets, d.new.Sets, describeSet, d.elements)
	compare(&d, "chain", d.old.Chains, d.new.Chains, describeChain, d.rules)
	d.lines("foreign", d.new.Name, foreignLines(d.old.Foreign), foreignLines(d.new.Foreign))
	return d.changes
}

// Equal tells whether Diff finds nothing between the two; nil is no table.
func (t *Table) Equal(other *Table) bool { return len(Diff(t, other)) == 0 }

// scopedNames are the names of objects that belong to generations.
func (t *Table) scopedNames() (sets, chains []string) {
	for i := range t.Sets {
		if t.Sets[i].ofGeneration() {
			sets = append(sets, t.Sets[i].Name)
		}
	}
	for _, c := range t.Chains {
		if c.Base == nil {
			chains = append(chains, c.Name)
		}
	}
	return sets, chains
}

// Latest is the highest generation that any object belongs to, leftovers of a
// crash included; nil has none.
func (t *Table) Latest() (latest uint64) {
	if t == nil {
		return 0
	}
	sets, chains := t.scopedNames()
	for _, name := range slices.Concat(sets, chains) {
		_, generation, _ := unscoped(name)
		latest = max(latest, generation)
	}
	return latest
}

// inGeneration moves all objects to a generation, no earlier than any of
// theirs. Where there are several of one, only the settled one: the others keep
// their names.
func (t *Table) inGeneration(generation uint64) *Table {
	if t == nil {
		return &Table{}
	}
	sets, chains := t.settled()
	return t.renamed(settledTo(sets, generation), settledTo(chains, generation), GenerationComment(generation))
}

func settledTo(settled map[string]string, generation uint64) func(string) string {
	return func(name string) string {
		base, _, ok := unscoped(name)
		if !ok || settled[base] != name {
			return name
		}
		return Scoped(base, generation)
	}
}

// Contents is Diff of nothing and the table, without texts.
func (t *Table) Contents() []Change {
	list := []Change{{Kind: Added, Object: "table", Name: t.Name}}
	for _, c := range t.Counters {
		list = append(list, Change{Kind: Added, Object: "counter", Name: c.Name})
	}
	for i := range t.Sets {
		s := &t.Sets[i]
		list = append(list, Change{Kind: Added, Object: "set", Name: s.Name})
		if !s.Live() && s.Elements.Len() > 0 {
			list = append(list, Change{Kind: Changed, Object: "element", Name: s.Name, Added: s.Elements.Len()})
		}
	}
	for _, c := range t.Chains {
		list = append(list, Change{Kind: Added, Object: "chain", Name: c.Name})
		for range c.Rules {
			list = append(list, Change{Kind: Added, Object: "rule", Name: c.Name})
		}
	}
	return list
}

type differ struct {
	old, new *Table
	changes  []Change
}

func (d *differ) add(c Change) { d.changes = append(d.changes, c) }

func (d *differ) table(was, is bool) {
	summary := func(t *Table) string { return fmt.Sprintf("%s %s %s", t.Family, t.Name, quoted(t.Comment)) }
	switch before, after := summary(d.old), summary(d.new); {
	case !was && is:
		d.add(Change{Kind: Added, Object: "table", Name: d.new.Name})
	case was && !is:
		d.add(Change{Kind: Removed, Object: "table", Name: d.old.Name})
	case was && before != after:
		d.add(Change{Kind: Changed, Object: "table", Name: d.new.Name, Text: before + " → " + after})
	}
}

// compare pairs objects by name: those gone, then those changed and new, each in
// its table's order. Inside compares what a pair contains; a new object is
// paired with an empty one, and one gone takes with it what it contains.
func compare[T any](d *differ, object string, was, is []T, describe func(*T) (name, summary string), inside func(was, is *T)) {
	before, after := byName(was, describe), byName(is, describe)
	for i := range was {
		if name, summary := describe(&was[i]); after[name] == nil {
			d.add(Change{Kind: Removed, Object: object, Name: name, Text: summary})
		}
	}
	for i := range is {
		name, summary := describe(&is[i])
		old := before[name]
		if old == nil {
			d.add(Change{Kind: Added, Object: object, Name: name, Text: summary})
			old = new(T)
		} else if _, s := describe(old); s != summary {
			d.add(Change{Kind: Changed, Object: object, Name: name, Text: s + " → " + summary})
		}
		inside(old, &is[i])
	}
}

func byName[T any](all []T, describe func(*T) (name, summary string)) map[string]*T {
	named := map[string]*T{}
	for i := range all {
		name, _ := describe(&all[i])
		named[name] = &all[i]
	}
	return named
}

func describeCounter(c *Counter) (name, summary string) { return c.Name, "" }

func describeSet(s *Set) (name, summary string) {
	lines := s.header()
	if s.Raw != nil {
		lines = append(lines, fmt.Sprintf("foreign: %d bytes, CRC %08x", len(s.Raw), crc32.ChecksumIEEE(s.Raw)))
	}
	return s.Name, strings.Join(lines, "; ")
}

func describeChain(c *Chain) (name, summary string) {
	if c.Base != nil {
		summary = c.Base.String()
	}
	return c.Name, summary
}

func (d *differ) rules(was, is *Chain) {
	if slices.EqualFunc(was.Rules, is.Rules, d.sameRule) {
		return // which is much quicker to find than their texts
	}
	d.lines("rule", is.Name, d.old.ruleLines(was), d.new.ruleLines(is))
}

// sameRule reports whether two rules have the same program, and nothing in them
// that a program does not tell.
func (d *differ) sameRule(was, is Rule) bool {
	isForeign := func(s Statement) bool { _, foreign := s.(Foreign); return foreign }
	if was.Comment != is.Comment || slices.ContainsFunc(was.Statements, isForeign) || slices.ContainsFunc(is.Statements, isForeign) {
		return false
	}
	before, err := d.old.expressions(&was)
	after, failed := d.new.expressions(&is)
	return err == nil && failed == nil && bytes.Equal(before, after)
}

func (t *Table) ruleLines(c *Chain) []line {
	lines := make([]line, len(c.Rules))
	for i := range c.Rules {
		lines[i] = t.ruleLine(&c.Rules[i])
	}
	return lines
}

// ruleLine is compared by the rule's program, too: two programs can have one
// text, as those of a name with and without its closing zero.
func (t *Table) ruleLine(r *Rule) line {
	l := line{text: t.RuleText(r)}
	program, _ := t.expressions(r) // nothing, where a foreign part cannot be encoded: that comes below
	l.key = l.text + string(program)
	for _, s := range r.Statements {
		if f, ok := s.(Foreign); ok {
			l.key += foreignLine(f).key
		}
	}
	return l
}

func foreignLine(f Foreign) line {
	return line{key: fmt.Sprintf("\x00%s %x", f.Name, f.Data), text: f.String()}
}

func foreignLines(all []Foreign) []line {
	lines := make([]line, len(all))
	for i, f := range all {
		lines[i] = foreignLine(f)
	}
	return lines
}
