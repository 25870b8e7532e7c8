package ruleset

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestEncodeRefuses(t *testing.T) {
	rule := func(s ...Statement) func(*Table) {
		return func(t *Table) {
			t.Chains = []Chain{{Name: "c", Rules: []Rule{{Statements: s, Origin: "policy.yml:3:1"}}}}
		}
	}
	set := func(s Set) func(*Table) { return func(t *Table) { t.Sets = []Set{s} } }
	for _, c := range []struct {
		want string
		make func(*Table)
	}{
		{"has no name", func(t *Table) { t.Name = "" }},
		{"name of table", func(t *Table) { t.Name = strings.Repeat("x", 256) }},
		{"zero byte", func(t *Table) { t.Comment = "a\x00b" }},
		{"comment of table", func(t *Table) { t.Comment = strings.Repeat("x", 255) }},
		{"name of counter", func(t *Table) { t.Counters = []Counter{{Name: strings.Repeat("x", 256)}} }},
		{"a chain has no name", func(t *Table) { t.Chains = []Chain{{}} }},
		{"flowtable of table x is foreign", func(t *Table) { t.Foreign = []Foreign{{Name: "flowtable"}} }},
		{"set s of table x is foreign", set(Set{Name: "s", Key: TypePort, Raw: []byte{1}})},
		{"set s of table x is foreign", set(Set{Name: "s"})},
		{"comment of set", set(Set{Name: "s", Key: TypePort, Comment: strings.Repeat("x", 255)})},
		{"another kind of set", set(Set{Name: "s", Key: TypePort, Elements: single(TypeProto, "tcp")})},
		{"another kind of set", set(Set{Name: "s", Key: TypeIPv4Addr, Interval: true, Elements: single(TypeIPv4Addr, "192.0.2.1")})},
		{"1 elements and 0 verdicts", set(Set{Name: "s", Key: TypePort, Map: true, Elements: single(TypePort, "1")})},
		{"0 elements and 1 verdicts", set(Set{Name: "s", Key: TypePort, Elements: Elements{verdicts: make([]Verdict, 1)}})},
		{"rule 1 of chain c (policy.yml:3:1): th dport", rule(Match{Field: THDport, Operand: Value{1}})},
		{"th dport has no operand", rule(Match{Field: THDport, Operand: Range{From: []byte{1}, To: []byte{0, 1}}})},
		{"ct state has no operand", rule(Match{Field: CTState, Operand: Bits{1}})},
		{"ip saddr has no operand", rule(Match{Field: IPSaddr})},
		{"prefix of 33 bits", rule(Match{Field: IPSaddr, Operand: Prefix{make([]byte, 4), 33}})},
		{"its broken expression cannot be encoded", rule(Foreign{Name: "broken expression"})},
		{"at most 64 KiB", rule(Foreign{Name: "target", Data: make([]byte, 1<<16)})},
		{"its comment has 255 bytes", func(t *Table) {
			t.Chains = []Chain{{Name: "c", Rules: []Rule{{Comment: strings.Repeat("x", 255)}}}}
		}},
	} {
		table := &Table{Family: FamilyInet, Name: "x"}
		c.make(table)
		_, err := table.Encode()
		assert.ErrorContains(t, err, c.want)
	}
}

// What just fits comes back as it was.
func TestLongestNamesAndComments(t *testing.T) {
	name, comment := strings.Repeat("n", maxName), strings.Repeat("c", maxComment)
	table := &Table{
		Family: FamilyInet, Name: name, Comment: comment,
		Counters: []Counter{{Name: name}},
		Sets:     []Set{{Name: name, Comment: comment, Key: TypePort, Elements: single(TypePort, "1")}},
		Chains:   []Chain{{Name: name, Rules: []Rule{{Statements: []Statement{Verdict{Jump, name}}, Comment: comment}}}},
	}
	require.Equal(t, table, roundTrip(t, table))
}

// Where one message of elements ends and the next begins, none is lost or cut.
func TestElementsAtMessageBorders(t *testing.T) {
	for _, size := range []int{0, 1, 2, 409, 410, 818, 819, 1638, 1639, 3276, 3277, 65535} {
		e := NewElements(TypeIPv4Addr, true)
		for i := range size {
			e.Append([]byte{10, byte(i >> 8), byte(i), 0}, []byte{10, byte(i >> 8), byte(i), 9})
		}
		table := &Table{Family: FamilyInet, Name: "x", Sets: []Set{{Name: "s", Key: TypeIPv4Addr, Interval: true, Elements: e}}}
		messages := table.EncodeElements(&table.Sets[0])
		for i, m := range messages {
			require.Less(t, len(m.Body), 1<<16)
			if i < len(messages)-1 {
				require.GreaterOrEqual(t, len(m.Body), messageSize)
			}
			require.Equal(t, uint8(unix.NFT_MSG_NEWSETELEM), m.Type)
		}
		require.Equal(t, size == 0, len(messages) == 0)
		back := roundTrip(t, table)
		require.True(t, back.Equal(table), "%d elements", size)
		require.Equal(t, size, back.Sets[0].Elements.Len())
	}
}
