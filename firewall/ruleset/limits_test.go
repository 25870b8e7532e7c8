package ruleset_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/roads"
)

// TestTwoRoadsAtLimits takes tables to the kernel that are at the end of
// something: of addresses, messages, names.
func TestTwoRoadsAtLimits(t *testing.T) {
	both := roads.New(t)
	for name, sets := range map[string][]ruleset.Set{
		"edges":         edges(t),
		"1638 prefixes": {spread(1638)},
		"1639 prefixes": {spread(1639)},
		"long names":    {{Name: strings.Repeat("s", 128), Key: ruleset.TypePort, Comment: strings.Repeat("c", 127)}},
	} {
		t.Run(name, func(t *testing.T) { both.Same(t, tableOf(sets...)) })
	}
	t.Run("3000 rules", func(t *testing.T) {
		table := tableOf()
		table.Chains[0].Rules = manyRules(3000)
		both.Same(t, table)
	})
}

func tableOf(sets ...ruleset.Set) *ruleset.Table {
	return &ruleset.Table{Family: ruleset.FamilyInet, Name: "limits", Sets: sets, Chains: []ruleset.Chain{{Name: strings.Repeat("c", 128)}}}
}

// edges are sets that begin and end where their keys do.
func edges(t *testing.T) (sets []ruleset.Set) {
	for i, ranges := range []string{
		"", "0.0.0.0-0.0.0.0", "0.0.0.0-255.255.255.255", "255.255.255.255-255.255.255.255", "0.0.0.0-0.0.0.1 0.0.0.2-0.0.0.3",
		"128.0.0.0-255.255.255.255", "0.0.0.0-127.255.255.255", "255.255.255.254-255.255.255.254", "0.0.0.1-255.255.255.254",
		"192.0.2.0-192.0.2.255 192.0.3.0-192.0.3.0 192.0.3.1-192.0.3.9",
	} {
		sets = append(sets, setOf(t, fmt.Sprintf("v4-%d", i), ruleset.TypeIPv4Addr, ranges))
	}
	const last = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
	for i, ranges := range []string{"::-::", "::-" + last, last + "-" + last, "fe80::-" + last, "::-::1 ::2-::3"} {
		sets = append(sets, setOf(t, fmt.Sprintf("v6-%d", i), ruleset.TypeIPv6Addr, ranges))
	}
	for i, ranges := range []string{"0-0", "0-65535", "65535-65535", "1-65534", "30000-40000 40001-65535", "0-1 3-3"} {
		sets = append(sets, setOf(t, fmt.Sprintf("port-%d", i), ruleset.TypePort, ranges))
	}
	for _, s := range sets {
		sets = append(sets, mapOf(s))
	}
	return append(sets, ruleset.Set{Name: "empty", Key: ruleset.TypeIfname}, ruleset.Set{Name: "empty-map", Key: ruleset.TypePort, Map: true, Interval: true})
}

// mapOf is a verdict map with the keys of a set.
func mapOf(s ruleset.Set) ruleset.Set {
	e := ruleset.NewElements(s.Key, s.Interval)
	for i := range s.Elements.Len() {
		from, to, _ := s.Elements.At(i)
		e.AppendVerdict(from, to, ruleset.Verdict{Kind: ruleset.Drop})
	}
	return ruleset.Set{Name: s.Name + "-map", Key: s.Key, Interval: s.Interval, Map: true, Elements: e}
}

func setOf(t *testing.T, name string, key *ruleset.DataType, ranges string) ruleset.Set {
	e := ruleset.NewElements(key, true)
	for _, r := range strings.Fields(ranges) {
		first, last, _ := strings.Cut(r, "-")
		from, err := key.Parse(first)
		require.NoError(t, err)
		to, err := key.Parse(last)
		require.NoError(t, err)
		e.Append(from, to)
	}
	return ruleset.Set{Name: name, Key: key, Interval: true, Elements: e}
}

// spread is a set of that many /30.
func spread(size int) ruleset.Set {
	e := ruleset.NewElements(ruleset.TypeIPv4Addr, true)
	for i := range size {
		first := uint32(10<<24 + 8*i)
		e.Append(binary.BigEndian.AppendUint32(nil, first), binary.BigEndian.AppendUint32(nil, first+3))
	}
	return ruleset.Set{Name: "spread", Key: ruleset.TypeIPv4Addr, Interval: true, Elements: e}
}

func manyRules(n int) (rules []ruleset.Rule) {
	for i := range n {
		port := ruleset.Value(binary.BigEndian.AppendUint16(nil, uint16(i)))
		rules = append(rules, ruleset.Rule{
			Statements: []ruleset.Statement{ruleset.Match{Field: ruleset.THDport, Operand: port}, ruleset.Verdict{Kind: ruleset.Accept}},
			Comment:    fmt.Sprint("rule ", i),
		})
	}
	return rules
}
