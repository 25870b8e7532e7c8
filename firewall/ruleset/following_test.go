package ruleset

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// every is n addresses with room between them, but for those gone.
func every(key *DataType, n int, gone ...int) Elements {
	e := NewElements(key, true)
	for i := range n {
		if a := append(make([]byte, key.Len-4), wire(uint64(1000+4*i), 4)...); !slices.Contains(gone, i) {
			e.Append(a, a)
		}
	}
	return e
}

// lists is a table that accepts from a and a6, and refuses from b.
func lists(change func(*Table)) *Table {
	find := func(field *Field, set string) Statement { return Match{Field: field, Operand: InSet(set)} }
	t := &Table{Family: FamilyInet, Name: "lists",
		Sets: []Set{
			{Name: "a-1", Key: TypeIPv4Addr, Interval: true, Elements: every(TypeIPv4Addr, 2000)},
			{Name: "b-1", Key: TypeIPv4Addr, Interval: true, Elements: every(TypeIPv4Addr, 3000)},
			{Name: "a6-1", Key: TypeIPv6Addr, Interval: true, Elements: every(TypeIPv6Addr, 2000)},
			{Name: "few-1", Key: TypeIPv4Addr, Interval: true, Elements: every(TypeIPv4Addr, 20)},
			{Name: "map-1", Key: TypePort, Map: true, Elements: verdicts(TypePort, "53", Verdict{Accept, ""})},
			{Name: "seen-1", Key: TypeIPv4Addr, Dynamic: true, Size: 9},
		},
		Chains: []Chain{
			{Name: "input", Base: &Base{Type: "filter", Hook: HookInput, Drop: true}, Rules: []Rule{on(Verdict{Jump, "input-1"})}},
			{Name: "output", Base: &Base{Type: "filter", Hook: HookOutput}, Rules: []Rule{on(Verdict{Jump, "output-1"})}},
			{Name: "input-1", Rules: []Rule{
				on(find(IPSaddr, "b-1"), Verdict{Goto, "refuse-1"}),
				on(find(IPSaddr, "a-1"), Verdict{Jump, "learn-1"}),
				on(find(IP6Saddr, "a6-1"), Verdict{Kind: Accept}),
				on(find(IPSaddr, "few-1"), Verdict{Kind: Accept}),
			}},
			{Name: "output-1", Rules: []Rule{on(Verdict{Kind: Accept})}},
			{Name: "refuse-1", Rules: []Rule{on(Log{Prefix: "x"}), on(Verdict{Kind: Drop})}},
			{Name: "learn-1", Rules: []Rule{on(Update{Set: "seen-1", Field: IPSaddr}), on(Verdict{Kind: Accept})}},
		},
	}
	change(t)
	return t
}

func setNamesOf(t *Table) (names []string) {
	for _, s := range t.Sets {
		names = append(names, s.Name)
	}
	return names
}

func TestFollowing(t *testing.T) {
	same := func(*Table) {}
	set := func(i, n int, gone ...int) func(*Table) {
		return func(t *Table) { t.Sets[i].Elements = every(t.Sets[i].Key, n, gone...) }
	}
	rule := func(statements ...Statement) func(*Table) {
		return func(t *Table) { t.Chains[2].Rules = append(t.Chains[2].Rules, on(statements...)) }
	}
	a := Match{Field: IPSaddr, Operand: InSet("a-1")}
	for _, c := range []struct {
		about       string
		was, change func(*Table) // both tables, and then the second
		anew        []string
	}{
		{"nothing changes", same, same, nil},
		{"another rule", same, rule(Verdict{Kind: Drop}), nil},
		{"a little", same, set(0, 2000, 7), nil},
		{"another type of address each", same, func(t *Table) { set(0, 2001)(t); set(2, 1999)(t) }, nil},
		{"refusing", same, set(1, 3000, 2999), nil},
		{"two sets of a type", same, func(t *Table) { set(0, 2001)(t); set(1, 2999)(t) }, []string{"a", "b"}},
		{"a rule besides", same, func(t *Table) { set(0, 2001)(t); rule(Verdict{Kind: Drop})(t) }, []string{"a"}},
		{"a small set besides", same, func(t *Table) { set(2, 2001)(t); set(3, 21)(t) }, []string{"a6", "few"}},
		{"a lot", same, set(0, 1700), []string{"a"}},
		{"another kind of set", same, func(t *Table) { t.Sets[0].Comment = "other" }, []string{"a"}},
		{"not in the set", rule(Match{Field: IPSaddr, Op: NotEqual, Operand: InSet("a-1")}, Verdict{Kind: Accept}), set(0, 2001), []string{"a"}},
		{"accepted and refused", rule(a, Verdict{Kind: Drop}), set(0, 2001), []string{"a"}},
		{"accepted twice", rule(Match{Field: IPDaddr, Operand: InSet("a-1")}, Verdict{Kind: Accept}), set(0, 2001), nil},
		{"counted", rule(a, Count{}), set(0, 2001), []string{"a"}},
		{"returning", rule(a, Verdict{Kind: Return}), set(0, 2001), []string{"a"}},
		{"looked up in a map", rule(a, VerdictMap{Field: THDport, Map: "map-1"}), set(0, 2001), []string{"a"}},
		{"foreign", rule(a, Foreign{Name: "x"}, Verdict{Kind: Accept}), set(0, 2001), []string{"a"}},
		{"a chain that lets packets pass", func(t *Table) {
			t.Chains[5].Rules[1].Statements = []Statement{Limit{Rate: 1}, Verdict{Kind: Accept}}
		}, set(0, 2001), []string{"a"}},
		{"a chain of both verdicts", func(t *Table) {
			t.Chains[5].Rules[0].Statements = []Statement{a, Verdict{Kind: Drop}}
		}, set(0, 2001), []string{"a"}},
		{"an endless chain", func(t *Table) {
			t.Chains[5].Rules[1].Statements = []Statement{Verdict{Goto, "learn-1"}}
		}, set(0, 2001), []string{"a"}},
		{"at two hooks", func(t *Table) {
			t.Chains[3].Rules = append(t.Chains[3].Rules, on(a, Verdict{Kind: Accept}))
		}, set(0, 2001), []string{"a"}},
	} {
		t.Run(c.about, func(t *testing.T) {
			current, target := lists(c.was).Renumbered(4), lists(c.was)
			current.InPlace = true
			c.change(target)
			next := target.Following(current, 7)
			want := []string{"a-4", "b-4", "a6-4", "few-4", "map-7", "seen-7"}
			for i, name := range want {
				if base, _, _ := unscoped(name); slices.Contains(c.anew, base) {
					want[i] = base + "-7"
				}
			}
			assert.Equal(t, want, setNamesOf(next))
			assert.Equal(t, target.Renumbered(7).Text(), next.Renumbered(7).Text())
			_, ok := Deltas(current, next)
			assert.True(t, ok)
			assert.Empty(t, Diff(target, next))
			assert.Equal(t, Diff(current, target.Renumbered(7)), Diff(current, next))
		})
	}
}

// Of several sets of one name the one that packets meet is the settled one,
// whatever its number.
func TestFollowingAfterAnInterruptedApply(t *testing.T) {
	current := lists(func(t *Table) {
		t.Sets = append(t.Sets,
			Set{Name: "a-2", Key: TypeIPv4Addr, Interval: true, Elements: every(TypeIPv4Addr, 2001)},
			Set{Name: "b-2", Key: TypeIPv4Addr, Interval: true, Elements: every(TypeIPv4Addr, 3000)})
		t.Chains = append(t.Chains, Chain{Name: "input-2", Rules: []Rule{on(Match{Field: IPSaddr, Operand: InSet("a-2")}, Verdict{Kind: Drop})}})
	})
	current.InPlace = true
	assert.EqualValues(t, 2, current.Latest())
	next := lists(func(*Table) {}).Following(current, 3)
	assert.Equal(t, []string{"a-1", "b-1", "a6-1", "few-1", "map-3", "seen-3"}, setNamesOf(next))
	assert.Equal(t, []Change{
		{Kind: Removed, Object: "set", Name: "a-2", Text: "type ipv4_addr; flags interval"},
		{Kind: Removed, Object: "set", Name: "b-2", Text: "type ipv4_addr; flags interval"},
		{Kind: Removed, Object: "chain", Name: "input-2"},
	}, Diff(current, next))
	next = lists(func(t *Table) { t.Sets[0].Elements = every(TypeIPv4Addr, 2001) }).Following(current, 3)
	assert.Equal(t, "a-3", next.Sets[0].Name, "leftovers stand in the way of a delta")
	assert.Equal(t, next.Text(), lists(func(t *Table) { t.Sets[0].Elements = every(TypeIPv4Addr, 2001) }).Following(nil, 3).Renumbered(3).
		renamed(func(name string) string {
			if base, _, ok := unscoped(name); ok && slices.Contains([]string{"b", "a6", "few"}, base) {
				return Scoped(base, 1)
			}
			return name
		}, func(name string) string { return name }, GenerationComment(3)).Text())
}

func TestFollowingOnAKernelThatCannotChangeSetsInPlace(t *testing.T) {
	next := lists(func(t *Table) { t.Sets[0].Elements = every(TypeIPv4Addr, 2001) }).Following(lists(func(*Table) {}), 3)
	assert.Equal(t, []string{"a-3", "b-1", "a6-1", "few-1", "map-3", "seen-3"}, setNamesOf(next))
}

func TestFollowingIsTheSameTable(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		current, target := genTable(r).Renumbered(3), genTable(r)
		current.InPlace = true
		before := target.Text()
		next := target.Following(current, 9)
		assert.Empty(r, Diff(target, next))
		assert.Equal(r, target.Renumbered(1).Text(), next.Renumbered(1).Text())
		assert.Equal(r, before, target.Text())
		deltas, ok := Deltas(current, next)
		assert.True(r, ok)
		assert.Empty(r, deltas, "small sets are made anew")
	})
}

// What a delta takes away and adds makes the new elements of the old ones.
func TestDeltaMakesOneOfTheOther(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(2*block, 8*block).Draw(r, "elements")
		gone := func(label string) []int {
			return rapid.SliceOfN(rapid.IntRange(0, n-1), 0, n/deltaShare/3).Draw(r, label)
		}
		was, is := &Set{Key: TypeIPv4Addr, Interval: true}, &Set{Key: TypeIPv4Addr, Interval: true}
		was.Elements, is.Elements = every(TypeIPv4Addr, n, gone("before")...), every(TypeIPv4Addr, n, gone("after")...)
		d, ok := newDelta(was, is)
		require.True(r, ok)
		rest := NewElements(TypeIPv4Addr, true)
		for i := range was.Elements.Len() {
			from, to, _ := was.Elements.At(i)
			if _, removed := d.Removed.Lookup(from); !removed {
				rest.Append(from, to)
			}
		}
		assert.Equal(r, was.Elements.Len()-rest.Len(), d.Removed.Len())
		for i := range d.Added.Len() {
			rest.Append(d.Added.keys[i*8:i*8+4], d.Added.keys[i*8+4:i*8+8])
		}
		require.NoError(r, rest.Sort())
		assert.True(r, rest.Equal(&is.Elements))
	})
}

// A delta of any size is messages that the kernel can read.
func TestDeltasAreSplit(t *testing.T) {
	was, is := &Set{Name: "s", Key: TypeIPv6Addr, Interval: true}, &Set{Name: "s", Key: TypeIPv6Addr, Interval: true}
	was.Elements, is.Elements = every(TypeIPv6Addr, 40_000), every(TypeIPv6Addr, 43_000, 2, 3)
	d, ok := newDelta(was, is)
	require.True(t, ok)
	messages := (&Table{Name: "t"}).EncodeDelta(d)
	require.Greater(t, len(messages), 5)
	for _, m := range messages {
		assert.Less(t, m.Size(), messageSize+200)
	}
}

// A table in which a set is looked for here and there: whichever of its look-ups
// see the old elements and which the new ones, a packet has the verdict of the
// old table or that of the new one, if the set is one that decides.
func TestSetsThatDecideAreSoundInTheMiddle(t *testing.T) {
	decided := 0
	rapid.Check(t, func(r *rapid.T) {
		table, uses := genUses(r)
		old, now := withUses(table, 0), withUses(table, 1<<uses-1)
		if !old.decides("old-1") || !now.decides("new-1") {
			return
		}
		if uses > 0 {
			decided++
		}
		for _, p := range genPackets {
			a, b := old.EvaluateInput(p).Accept, now.EvaluateInput(p).Accept
			for mixed := range 1 << uses {
				got := withUses(table, mixed).EvaluateInput(p).Accept
				if got != a && got != b {
					r.Fatalf("%v with look-ups %b: %v, but before and after it is %v\n%s", p, mixed, got, a, withUses(table, mixed).Text())
				}
			}
		}
	})
	assert.NotZero(t, decided)
}

var genPackets = func() (all []Packet) {
	for _, src := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"} {
		for _, port := range []uint16{53, 80} {
			all = append(all, packet(17, src, "192.0.2.1", 1, port))
		}
	}
	return all
}()

// genUses is a table some of whose rules look for the set "use".
func genUses(r *rapid.T) (t *Table, uses int) {
	t = &Table{Family: FamilyInet, Name: "uses", Sets: []Set{
		{Name: "old-1", Key: TypeIPv4Addr, Interval: true, Elements: addrs(TypeIPv4Addr, "10.0.0.1-10.0.0.1", "10.0.0.3-10.0.0.3")},
		{Name: "new-1", Key: TypeIPv4Addr, Interval: true, Elements: addrs(TypeIPv4Addr, "10.0.0.2-10.0.0.2", "10.0.0.3-10.0.0.3")},
	}}
	use := rapid.SampledFrom([]Verdict{{Kind: Accept}, {Kind: Drop}, {Goto, "yes-1"}, {Jump, "no-1"}, {Goto, "some-1"}}).Draw(r, "of uses")
	other := rapid.SampledFrom([]Verdict{{Kind: Accept}, {Kind: Drop}, {Kind: Return}, {Goto, "yes-1"}, {Jump, "no-1"}, {Goto, "some-1"}})
	rules := func(label string, most int, verdict *rapid.Generator[Verdict]) (list []Rule) {
		for i := range rapid.IntRange(0, most).Draw(r, label) {
			var statements []Statement
			v := verdict.Draw(r, fmt.Sprint("verdict ", i))
			if rapid.Bool().Draw(r, "port") {
				statements = append(statements, Match{Field: THDport, Operand: Value(port16(53))})
			}
			if uses < 4 && rapid.Bool().Draw(r, "use") {
				uses++
				op := rapid.SampledFrom([]Op{Equal, Equal, Equal, Equal, NotEqual}).Draw(r, "op")
				statements = append(statements, Match{Field: IPSaddr, Op: op, Operand: InSet("use")})
				v = rapid.SampledFrom([]Verdict{use, use, use, use, v}).Draw(r, "of use")
			}
			switch rapid.IntRange(0, 5).Draw(r, "tracking") {
			case 0:
				statements = append(statements, NoTrack{})
			case 1:
				statements = append(statements, Match{Field: CTState, Operand: Bits(binary.BigEndian.AppendUint32(nil, uint32(StateUntracked)))}, v)
			default:
				statements = append(statements, v)
			}
			list = append(list, on(statements...))
		}
		return list
	}
	leaf := rapid.SampledFrom([]Verdict{{Kind: Accept}, {Kind: Drop}, {Kind: Return}})
	t.Chains = []Chain{
		{Name: "input", Base: &Base{Type: "filter", Hook: HookInput, Drop: rapid.Bool().Draw(r, "policy")}, Rules: []Rule{on(Verdict{Jump, "input-1"})}},
		{Name: "prerouting", Base: &Base{Type: "filter", Hook: HookPrerouting, Priority: -300}, Rules: rules("early", 2, leaf)},
		{Name: "input-1", Rules: rules("rules", 4, other)},
		{Name: "yes-1", Rules: []Rule{on(Verdict{Kind: Accept})}},
		{Name: "no-1", Rules: []Rule{on(Count{}), on(Verdict{Kind: Drop})}},
		{Name: "some-1", Rules: []Rule{on(Match{Field: THDport, Operand: Value(port16(53))}, leaf.Draw(r, "some"))}},
	}
	return t, uses
}

// withUses has the i-th rule that looks for the set look into the new one, where
// bit i of the number is 1.
func withUses(t *Table, number int) *Table {
	next := 0
	return t.renamed(func(name string) string {
		if name != "use" {
			return name
		}
		next++
		return []string{"old-1", "new-1"}[number>>(next-1)&1]
	}, func(name string) string { return name }, "")
}
