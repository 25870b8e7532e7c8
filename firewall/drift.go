package firewall

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// drift says in what the kernel differs from the snapshot, and in which sets it
// holds other elements.
func (n *inForce) drift() (lines, differs []string) {
	asleep := dormant(n.Table)
	if asleep {
		lines = append(lines, "the table is dormant: somebody else switched all its rules off")
	}
	rest, left := n.Table.WithoutLeftovers(n.generation, n.applied)
	for _, g := range left {
		lines = append(lines, interrupted(g, n.generation))
	}
	unread := map[string]bool{}
	for _, s := range n.Sampled {
		if s.Fault != "" {
			unread[s.Name] = true
			lines = append(lines, fmt.Sprintf("set %s changed by somebody else: %s", s.Name, s.Fault))
		}
	}
	changes := ruleset.Diff(n.applied, rest)
	for i := range changes {
		changes[i].Name = nameIn(rest, changes[i])
	}
	changes = slices.DeleteFunc(changes, func(c ruleset.Change) bool {
		return unread[c.Name] || c.Object == "foreign" && asleep && strings.HasPrefix(c.Text, "<table,")
	})
	for _, c := range changes {
		if c.Object == "element" {
			differs = append(differs, c.Name)
		}
	}
	return append(lines, inWords(changes)...), differs
}

// nameIn is the name that a changed set has in the table: a difference speaks of
// it as if it were of the latest generation.
func nameIn(t *ruleset.Table, c ruleset.Change) string {
	for i := range t.Sets {
		if s := &t.Sets[i]; (c.Object == "set" || c.Object == "element") && ruleset.BaseName(s.Name) == ruleset.BaseName(c.Name) {
			return s.Name
		}
	}
	return c.Name
}

// interrupted is about parts of a generation beside the one in force.
func interrupted(left, generation uint64) string {
	if left > generation {
		return fmt.Sprintf("an apply was interrupted: parts of generation %d are loaded, but not in force; the next apply cleans up", left)
	}
	return fmt.Sprintf("an apply was interrupted after generation %d came into force: parts of generation %d are left, but not in force; the next apply cleans up", generation, left)
}

const tableDormant = 1 // NFT_TABLE_F_DORMANT of linux/netfilter/nf_tables.h

// dormant reports whether the kernel passes the table over.
func dormant(t *ruleset.Table) bool {
	for _, f := range t.Foreign {
		for kind, data := range kernel.Attributes(f.Data) {
			if f.Name == "table" && kind == unix.NFTA_TABLE_FLAGS && len(data) == 4 && binary.BigEndian.Uint32(data)&tableDormant != 0 {
				return true
			}
		}
	}
	return false
}

// inWords is a line a change; a rule that is gone here and new there has moved.
func inWords(changes []ruleset.Change) (lines []string) {
	moved := moves(changes)
	arrived, left := maps.Clone(moved), maps.Clone(moved)
	for _, c := range changes {
		rule := place{c.Name, c.Text}
		switch {
		case c.Object == "rule" && c.Kind == ruleset.Removed && left[rule] > 0:
			left[rule]--
		case c.Object == "rule" && c.Kind == ruleset.Added && arrived[rule] > 0:
			arrived[rule]--
			lines = append(lines, fmt.Sprintf("rule moved in %s by somebody else: %s", c.Name, c.Text))
		default:
			lines = append(lines, changeInWords(c))
		}
	}
	return lines
}

// place is a rule's chain and text.
type place struct{ chain, text string }

// moves counts the rules that are removed and added in the same chain.
func moves(changes []ruleset.Change) map[place]int {
	added, removed := map[place]int{}, map[place]int{}
	for _, c := range changes {
		switch {
		case c.Object == "rule" && c.Kind == ruleset.Added:
			added[place{c.Name, c.Text}]++
		case c.Object == "rule" && c.Kind == ruleset.Removed:
			removed[place{c.Name, c.Text}]++
		}
	}
	for rule, n := range removed {
		removed[rule] = min(n, added[rule])
	}
	return removed
}

func changeInWords(c ruleset.Change) string {
	line := ""
	switch {
	case c.Object == "foreign":
		return fmt.Sprintf("%s %s by somebody else", c.Text, c.Kind)
	case c.Object == "element":
		line = fmt.Sprintf("elements of set %s changed by somebody else, %d added and %d removed", c.Name, c.Added, c.Removed)
	case c.Object == "rule" && c.Kind == ruleset.Added:
		line = fmt.Sprintf("rule added to %s by somebody else", c.Name)
	case c.Object == "rule" && c.Kind == ruleset.Removed:
		line = fmt.Sprintf("rule removed from %s by somebody else", c.Name)
	default:
		line = fmt.Sprintf("%s %s %s by somebody else", c.Object, c.Name, c.Kind)
	}
	if c.Text == "" {
		return line
	}
	return line + ": " + c.Text
}
