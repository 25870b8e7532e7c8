package compile

import (
	"net/netip"
	"slices"
	"strings"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/addr"
)

// list is a set of addresses that is in the table, in one family.
type list struct {
	wish, name string
	addrs      addr.Set
}

// addresses names a set of the family's addresses; the same addresses wished
// for under the same name are one set in the kernel. It is always a set, never
// an address in a rule: so a changed allowlist is a change of elements.
func (b *builder) addresses(f *family, wish, comment string, s addr.Set) ruleset.InSet {
	wish += f.digit
	s = f.only(s)
	for _, l := range b.lists {
		if l.wish == wish && l.addrs.Equal(s) {
			return ruleset.InSet(l.name)
		}
	}
	name := b.scoped(b.setNames.take(wish))
	b.lists = append(b.lists, list{wish, name, s})
	b.table.Sets = append(b.table.Sets, ruleset.Set{
		Name: name, Comment: shorten(comment, commentMax),
		Key: f.saddr.Type, Interval: true, Elements: f.elements(s),
	})
	return ruleset.InSet(name)
}

// elements4 is the set's IPv4 ranges, in the set's own memory.
func elements4(s addr.Set) ruleset.Elements {
	return ruleset.SortedElements(ruleset.TypeIPv4Addr, true, s.Packed4())
}

// elements6 is the set's IPv6 ranges.
func elements6(s addr.Set) ruleset.Elements {
	return ruleset.SortedElements(ruleset.TypeIPv6Addr, true, s.Packed6())
}

// single makes a set of the addresses themselves.
func single(addrs []netip.Addr) addr.Set {
	var b addr.Builder
	for _, a := range addrs {
		b.AddRange(a, a)
	}
	return b.Set()
}

// onLinks matches the packets of these links: none where there are none to
// tell apart (nil).
func (b *builder) onLinks(f *ruleset.Field, links []string) []ruleset.Statement {
	switch len(links) {
	case 0:
		return nil
	case 1:
		return []ruleset.Statement{is(f, link(links[0]))}
	}
	return []ruleset.Statement{is(f, b.links(links))}
}

// links names the set of these interface names, sorted.
func (b *builder) links(links []string) ruleset.InSet {
	key := "links " + strings.Join(links, " ")
	if b.shared[key] == "" {
		e := ruleset.NewElements(ruleset.TypeIfname, false)
		for _, name := range links {
			e.Append(link(name), nil)
		}
		b.shared[key] = b.set("on-"+strings.Join(links, "."), ruleset.Set{Key: ruleset.TypeIfname, Elements: e})
	}
	return ruleset.InSet(b.shared[key])
}

// portSet names a set of the segments' ports.
func (b *builder) portSet(wish string, segments []segment) ruleset.InSet {
	e := ruleset.NewElements(ruleset.TypePort, true)
	for _, s := range segments {
		e.Append(port(s.from), port(s.to))
	}
	return ruleset.InSet(b.set(wish, ruleset.Set{Key: ruleset.TypePort, Interval: true, Elements: e}))
}

// set adds a set or map of this generation and gives its whole name.
func (b *builder) set(wish string, s ruleset.Set) string {
	s.Name = b.scoped(b.setNames.take(wish))
	b.table.Sets = append(b.table.Sets, s)
	return s.Name
}

// distinct sorts names and leaves each once.
func distinct(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }
