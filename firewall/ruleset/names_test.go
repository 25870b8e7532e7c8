package ruleset

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestScopedNames(t *testing.T) {
	assert.Equal(t, "input-43", Scoped("input", 43))
	for name, want := range map[string]string{
		"input-43": "input", "tcp-ports-1": "tcp-ports", "input": "", "input-": "", "-43": "", "input-043": "", "input-x": "", "input-+4": "",
		"input-99999999999999999999": "",
	} {
		base, generation, ok := unscoped(name)
		assert.Equal(t, want != "", ok, name)
		if ok {
			assert.Equal(t, want, base)
			assert.Equal(t, name, Scoped(base, generation))
		}
	}
}

func TestGenerationIsWhereTheBaseChainsJump(t *testing.T) {
	generation, ok := richTable().Generation()
	assert.True(t, ok)
	assert.EqualValues(t, 1, generation)
	for what, chains := range map[string]string{
		"no base chain":   "input-1: accept",
		"no jump":         "input drop: accept",
		"no generation":   "input drop: jump input-x",
		"two generations": "prerouting accept: jump prerouting-1 | input drop: jump input-2",
	} {
		_, ok := tableOf(chains).Generation()
		assert.False(t, ok, what)
	}
}

func TestRenumberedMovesTheGenerationAndNothingElse(t *testing.T) {
	moved := richTable().Renumbered(43)
	generation, ok := moved.Generation()
	assert.True(t, ok)
	assert.EqualValues(t, 43, generation)
	text := moved.Text()
	assert.NotContains(t, text, "-1 ")
	assert.Contains(t, text, "chain input {\n\t\ttype filter hook input priority filter - 10; policy drop;\n\t\tjump input-43 comment \"generation 43\"")
	assert.Contains(t, text, "set banned4 {")
	assert.Contains(t, text, "@from-peers4-43 ")
	assert.Contains(t, text, "vmap @protocols-43\n")
	assert.Contains(t, text, "udp : jump udp-43,")
	assert.Contains(t, text, "5060 : jump service-sip-43,")
	assert.Contains(t, text, "update @limit-sip4 { ")
}

func TestRenumberedThereAndBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		table := genTable(r)
		before := table.Text()
		back := table.Renumbered(rapid.Uint64().Draw(r, "generation")).Renumbered(1)
		assert.Equal(r, before, back.Text())
		assert.Equal(r, before, table.Text(), "the original is left alone")
	})
}

// The generations of live sets and base chains do not count, whatever their names.
func TestRenumberedKeepsWhatOutlivesGenerations(t *testing.T) {
	table := &Table{Family: FamilyInet,
		Sets: []Set{{Name: "live-7", Key: TypeIPv4Addr, Dynamic: true}},
		Chains: []Chain{{Name: "base-7", Base: &Base{Type: "filter"}, Rules: []Rule{
			on(Update{Set: "live-7", Field: IPSaddr}, Match{Field: IPDaddr, Operand: InSet("live-7")}, Verdict{Jump, "plain"})}},
			{Name: "plain"}}}
	assert.Equal(t, table.Text(), table.Renumbered(8).Text())
	names := []string{}
	for _, c := range table.Renumbered(8).Chains {
		names = append(names, c.Name)
	}
	assert.True(t, slices.Equal([]string{"base-7", "plain"}, names))
}
