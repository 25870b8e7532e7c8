package ruleset

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func namedTable(chains, sets []string) *Table {
	t := &Table{Family: FamilyInet, Name: "t", Chains: []Chain{{Name: "input", Base: &Base{}}}}
	for _, name := range chains {
		t.Chains = append(t.Chains, Chain{Name: name})
	}
	for _, name := range sets {
		t.Sets = append(t.Sets, Set{Name: name, Key: TypePort})
	}
	return t
}

func TestWithoutLeftovers(t *testing.T) {
	list := func(names ...string) []string { return names }
	for _, c := range []struct {
		about                    string
		chains, sets, kept, want []string
		left                     []uint64
	}{
		{"nothing is left", list("input-3", "ssh-3"), list("a-3"), nil, list("input-3", "ssh-3", "a-3"), nil},
		{"a later one was loaded", list("input-3", "input-4", "new-4"), list("a-3", "a-4"), nil, list("input-3", "a-3"), []uint64{4}},
		{"an earlier one was not taken away", list("input-3", "input-2", "old-2"), list("a-3"), nil, list("input-3", "a-3"), []uint64{2}},
		{"both", list("input-3", "input-2", "input-4"), nil, nil, list("input-3"), []uint64{2, 4}},
		{"sets alone were loaded", list("input-3"), list("a-3", "a-4", "b-4"), nil, list("input-3", "a-3"), []uint64{4}},
		{"a set is kept", list("input-3", "input-2"), list("a-2", "b-2"), list("a-2"), list("input-3", "a-2"), []uint64{2}},
		{"kept sets are no leftovers", list("input-3"), list("a-2", "a-3"), list("a-2"), list("input-3", "a-2", "a-3"), nil},
		{"others' names", list("input-3", "mine-7", "mine"), list("mine-1"), nil, list("input-3", "mine-7", "mine", "mine-1"), nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			rest, left := namedTable(c.chains, c.sets).WithoutLeftovers(3, namedTable(nil, c.kept))
			assert.Equal(t, c.left, left)
			assert.Equal(t, c.want, append(rest.chainNames(), rest.setNames()...))
			assert.Equal(t, "input", rest.Chains[0].Name)
		})
	}
}
