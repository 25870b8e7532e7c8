package kernel

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/ruleset"
)

func TestSurveySeesTheChainsAndRulesOfAll(t *testing.T) {
	inNamespace(t)
	nft(t, `table ip nat { chain POSTROUTING { type nat hook postrouting priority srcnat; }; }; table inet theirs { chain more { accept; }; }; table ip6 filter { chain INPUT { type filter hook input priority -5; policy drop; tcp dport 22 counter accept; }; };`)
	c := open(t)
	chains, rules, err := c.Survey(ruleset.FamilyIPv4, ruleset.FamilyIPv6, ruleset.FamilyInet)
	require.NoError(t, err)
	assert.Contains(t, chains, Chain{ruleset.FamilyIPv6, "filter", "INPUT", &ruleset.Base{Type: "filter", Hook: ruleset.HookInput, Priority: -5, Drop: true}})
	assert.Contains(t, chains, Chain{ruleset.FamilyInet, "theirs", "more", nil})
	assert.Contains(t, chains, Chain{ruleset.FamilyIPv4, "nat", "POSTROUTING", &ruleset.Base{Type: "nat", Hook: ruleset.HookPostrouting, Priority: 100}})
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Family == ruleset.FamilyIPv6 })
	require.GreaterOrEqual(t, i, 0)
	var names []string
	for _, e := range rules[i].Expressions {
		names = append(names, e.Name)
	}
	assert.Equal(t, []string{"meta", "cmp", "payload", "cmp", "counter", "immediate"}, names)
	assert.Equal(t, "INPUT", rules[i].Chain)
	none, _, err := c.Survey(ruleset.FamilyIPv6)
	require.NoError(t, err)
	assert.Len(t, none, 1, "only the families that were asked for")
}

func TestAFragmentIsOneChainOfATable(t *testing.T) {
	inNamespace(t)
	c := open(t)
	have, err := c.Fragment(ruleset.FamilyIPv4, "filter", "one")
	require.NoError(t, err)
	assert.Empty(t, have, "no table")
	nft(t, `table ip filter { chain two { accept; drop; }; };`)
	have, err = c.Fragment(ruleset.FamilyIPv4, "filter", "one")
	require.NoError(t, err)
	assert.Len(t, have, 1, "no chain")
	nft(t, `table ip filter { chain one { counter; }; };`)
	have, err = c.Fragment(ruleset.FamilyIPv4, "filter", "one")
	require.NoError(t, err)
	assert.Len(t, have, 3, "the table, the chain, its rule")
	rule, ok := DecodeRule(have[2])
	assert.True(t, ok)
	assert.Equal(t, "one", rule.Chain)
}

func TestACommitHoldsToItsGeneration(t *testing.T) {
	inNamespace(t)
	c := open(t)
	before, err := c.Generation()
	require.NoError(t, err)
	nft(t, "add table ip filter")
	gone := []ruleset.Message{(&ruleset.Table{Family: ruleset.FamilyIPv4, Name: "filter"}).DeleteTable()}
	require.True(t, errors.Is(c.Commit(before, gone), ErrChanged))
	assert.Contains(t, listRuleset(t), "table ip filter")
	require.NoError(t, c.Commit(before+1, gone))
	assert.Empty(t, listRuleset(t))
}
