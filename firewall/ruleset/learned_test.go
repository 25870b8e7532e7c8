package ruleset

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// learning is a table whose packets leave their sources in a learned set.
func learning(generation uint64) *Table {
	of := func(name string) string { return Scoped(name, generation) }
	return &Table{Family: FamilyInet, Name: "t",
		Sets: []Set{
			{Name: "limit-a-1/second.5", Key: TypeIPv4Addr, Dynamic: true, Elements: NewElements(TypeIPv4Addr, false)},
			{Name: of("seen-a"), Key: TypeIPv4Addr, Dynamic: true, Timeout: true, Size: 8, Lifetime: time.Minute, Elements: NewElements(TypeIPv4Addr, false)},
		},
		Chains: []Chain{
			{Name: "input", Base: &Base{Type: "filter", Hook: HookInput}, Rules: []Rule{
				{Statements: []Statement{Verdict{Jump, of("input")}}, Comment: GenerationComment(generation)}}},
			{Name: of("input"), Rules: []Rule{{Statements: []Statement{
				needsIPv4, Update{Set: of("seen-a"), Field: IPSaddr}, Update{Set: "limit-a-1/second.5", Field: IPSaddr}}}}},
		}}
}

// needsIPv4 is what ip saddr needs.
var needsIPv4 = Match{Field: MetaNFProto, Operand: Value{byte(FamilyIPv4)}}

// A learned set belongs to its generation, though packets fill it: what it holds
// does not count, but its name does.
func TestLearnedSetsBelongToTheirGeneration(t *testing.T) {
	first, third := learning(1), learning(3)
	assert.Equal(t, third.Text(), first.Renumbered(3).Text())
	assert.Empty(t, Diff(first, third))
	first.Sets[1].Elements.Append([]byte{192, 0, 2, 1}, nil)
	assert.Empty(t, Diff(first, third), "what packets left there is no drift")
	assert.EqualValues(t, 3, third.Latest())
	left := learning(3)
	left.Sets = append(left.Sets, Set{Name: "seen-a-2", Key: TypeIPv4Addr, Dynamic: true})
	assert.NotEmpty(t, Diff(left, third), "a leftover is one")
}
