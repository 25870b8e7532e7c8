package ruleset

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDiffOfTheSameInAnotherGenerationIsEmpty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		table := genTable(r)
		other := table.Renumbered(rapid.Uint64().Draw(r, "generation"))
		for i := range other.Chains {
			for j := range other.Chains[i].Rules {
				other.Chains[i].Rules[j].Handle = 9
				other.Chains[i].Rules[j].Origin = "policy.yml:1:1"
			}
		}
		other.Counters = slices.Clone(other.Counters)
		for i := range other.Counters {
			other.Counters[i].Packets = 5
		}
		assert.Empty(r, Diff(table, other))
		assert.True(r, table.Equal(other))
	})
}

func TestDiffBackwardsIsTheOpposite(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := genTable(r), genTable(r)
		there, back := Diff(a, b), Diff(b, a)
		assert.Equal(r, tallyOf(there, Added, Removed), tallyOf(back, Removed, Added))
	})
}

// tallyOf counts changes; those of a whole chain or set count only for it.
func tallyOf(changes []Change, added, removed string) map[string]int {
	whole := map[string]bool{}
	for _, c := range changes {
		whole[c.Name] = whole[c.Name] || c.Kind != Changed && (c.Object == "chain" || c.Object == "set")
	}
	n := map[string]int{}
	for _, c := range changes {
		if (c.Object == "rule" || c.Object == "element") && whole[c.Name] {
			continue
		}
		switch c.Kind {
		case added:
			n["added "+c.Object+c.Name]++
		case removed:
			n["removed "+c.Object+c.Name]++
		case Changed:
			n["changed "+c.Object+c.Name]++
		}
	}
	return n
}

func TestOneRuleMoreIsOneChange(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		table := genTable(r)
		more := table.Renumbered(2)
		c := &more.Chains[rapid.IntRange(0, len(more.Chains)-1).Draw(r, "chain")]
		at := rapid.IntRange(0, len(c.Rules)).Draw(r, "at")
		rule := Rule{Statements: []Statement{Count{}, Verdict{Kind: Drop}}, Comment: "more"}
		c.Rules = slices.Insert(c.Rules, at, rule)
		want := Change{Object: "rule", Name: c.Name, Text: `counter drop comment "more"`}
		want.Kind = Added
		assert.Equal(r, []Change{want}, Diff(table, more))
		want.Kind = Removed
		assert.Equal(r, []Change{want}, Diff(more, table))
	})
}

// What is removed and added makes the new list of the old one.
func TestLinesThatAreKeptAreInBoth(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		lines := rapid.SliceOf(rapid.Map(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), func(s string) line { return line{s, s} }))
		was, is := lines.Draw(r, "was"), lines.Draw(r, "is")
		keptOld, keptNew := common(was, is)
		assert.Equal(r, kept(was, keptOld), kept(is, keptNew))
		if slices.Equal(was, is) {
			assert.NotContains(r, keptOld, false)
		}
	})
}

func kept(lines []line, marks []bool) (all []line) {
	for i, l := range lines {
		if marks[i] {
			all = append(all, l)
		}
	}
	return all
}

func TestDiffWords(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(*Table)
		want   []Change
	}{
		{"comment", func(t *Table) { t.Comment = "x" },
			[]Change{{Kind: Changed, Object: "table", Name: "rich", Text: `inet rich "written by a test" → inet rich "x"`}}},
		{"counter", func(t *Table) { t.Counters = t.Counters[1:] },
			[]Change{{Kind: Removed, Object: "counter", Name: "banned"}}},
		{"policy", func(t *Table) { t.Chains[1].Base = &Base{Type: "filter", Hook: HookInput} },
			[]Change{{Kind: Changed, Object: "chain", Name: "input", Text: "type filter hook input priority filter - 10; policy drop; → type filter hook input priority filter; policy accept;"}}},
		{"chain", func(t *Table) {
			t.Chains = append(t.Chains, Chain{Name: "new-1", Rules: []Rule{on(Verdict{Kind: Drop})}})
		},
			[]Change{{Kind: Added, Object: "chain", Name: "new-1"}, {Kind: Added, Object: "rule", Name: "new-1", Text: "drop"}}},
		{"set", func(t *Table) { t.Sets[3].Size = 12 },
			[]Change{{Kind: Changed, Object: "set", Name: "from-peers6-1", Text: "type ipv6_addr; flags interval → type ipv6_addr; size 12; flags interval"}}},
		{"live elements", func(t *Table) { t.Sets[0].Elements = addrs(TypeIPv4Addr, "192.0.2.1-192.0.2.1") }, nil},
		{"elements", func(t *Table) {
			t.Sets[2].Elements = addrs(TypeIPv4Addr, "0.0.0.0-0.255.255.255", "10.0.0.0-10.0.0.254", "192.0.2.1-192.0.2.5", "224.0.0.0-255.255.255.255")
		}, []Change{{Kind: Changed, Object: "element", Name: "from-peers4-1", Added: 1, Removed: 3, Text: "+10.0.0.0-10.0.0.254 -10.0.0.0/24 -10.0.1.0/29 -10.0.1.8"}}},
		{"many elements", func(t *Table) { t.Sets[2].Elements = Elements{} },
			[]Change{{Kind: Changed, Object: "element", Name: "from-peers4-1", Removed: 6, Text: "-0.0.0.0/8 -10.0.0.0/24 -10.0.1.0/29 -10.0.1.8 …"}}},
		{"verdict", func(t *Table) { t.Sets[6].Elements.verdicts[0].Kind = Drop },
			[]Change{{Kind: Changed, Object: "element", Name: "udp-ports-1", Added: 1, Removed: 1, Text: "+53 : drop -53 : accept"}}},
		{"foreign", func(t *Table) { t.Foreign = []Foreign{{Name: "flowtable"}} },
			[]Change{{Kind: Added, Object: "foreign", Name: "rich", Text: "<flowtable, 0 bytes>"}}},
		{"foreign statement", func(t *Table) { t.Chains[3].Rules = append(t.Chains[3].Rules, on(Foreign{Name: "target"})) },
			[]Change{{Kind: Added, Object: "rule", Name: "refuse-1", Text: "<target, 0 bytes>"}}},
	} {
		t.Run(c.what, func(t *testing.T) {
			table := richTable()
			c.change(table)
			assert.Equal(t, c.want, Diff(richTable(), table))
		})
	}
}

func TestDiffWithNoTable(t *testing.T) {
	table := foreignTable()
	added := Diff(nil, table)
	require.NotEmpty(t, added)
	assert.Equal(t, Change{Kind: Added, Object: "table", Name: "filter"}, added[0])
	assert.Equal(t, Change{Kind: Removed, Object: "table", Name: "filter"}, Diff(table, nil)[0])
	assert.Empty(t, Diff(nil, nil))
	assert.True(t, (*Table)(nil).Equal(nil))
	assert.False(t, table.Equal(nil))
}

func TestDiffSeesForeignBytes(t *testing.T) {
	other := foreignTable()
	other.Chains[0].Rules[0].Statements[2] = Foreign{Name: "target", Data: []byte(strings.Repeat("x", 40))}
	other.Sets[0].Raw = []byte("other bytes!")
	changes := Diff(foreignTable(), other)
	require.Len(t, changes, 3)
	assert.Equal(t, "set", changes[0].Object)
	assert.Equal(t, "rule", changes[1].Object)
}

// An older generation that is not deleted yet keeps its number.
func TestDiffOfLeftovers(t *testing.T) {
	left := tableOf("base drop: jump x-43 | x-42: accept | x-43: drop")
	clean := tableOf("base drop: jump x-44 | x-44: drop")
	assert.Equal(t, []Change{{Kind: Removed, Object: "chain", Name: "x-42"}}, Diff(left, clean))
}

func BenchmarkDiffOfAMillionElements(b *testing.B) {
	table := func(first uint64) *Table {
		e := NewElements(TypeIPv4Addr, true)
		for i := first; i < 1_000_000; i++ {
			e.Append(wire(4000*i, 4), wire(4000*i+7, 4))
		}
		return &Table{Family: FamilyInet, Sets: []Set{{Name: "s", Key: TypeIPv4Addr, Interval: true, Elements: e}}}
	}
	x, y := table(0), table(1)
	for b.Loop() {
		Diff(x, y)
	}
}

func TestContentsAreTheDifferenceToNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := genTable(t)
		all := Diff(nil, table)
		for i := range all {
			all[i].Text = ""
		}
		require.Equal(t, all, append(table.Contents(), all[len(table.Contents()):]...))
		for _, c := range all[len(table.Contents()):] {
			require.Equal(t, "foreign", c.Object)
		}
	})
}
