package hitless

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/lab"
	"ngcp-fw/policy/exposure"
)

const depth = 6 // ten jumps each: 100,000 evaluations, some 9 ms

// slow puts rules before all others that only take time.
func slow(t *ruleset.Table, n uint64) {
	name := func(d int) string { return fmt.Sprintf("slow%d-%d", d, n) }
	jump := func(to string) ruleset.Rule {
		return ruleset.Rule{Statements: []ruleset.Statement{ruleset.Verdict{Kind: ruleset.Jump, Chain: to}}}
	}
	for i := range t.Chains {
		if c := &t.Chains[i]; c.Name == ruleset.Scoped("input", n) {
			c.Rules = append([]ruleset.Rule{jump(name(0))}, c.Rules...)
		}
	}
	for d := range depth {
		c := ruleset.Chain{Name: name(d), Rules: []ruleset.Rule{{Statements: []ruleset.Statement{ruleset.Verdict{Kind: ruleset.Return}}}}}
		if d < depth-1 {
			c.Rules = nil
			for range 10 {
				c.Rules = append(c.Rules, jump(name(d+1)))
			}
		}
		t.Chains = append(t.Chains, c)
	}
}

// A packet that is held up between the base chain and the rules that decide
// still finds these, though the generations are swapped and the old one is taken
// away meanwhile.
func TestPacketsUnderWayKeepTheirChains(t *testing.T) {
	h := lab.New(t, Link)
	models, err := Variants(10)[2].Models()
	require.NoError(t, err)
	var k *kernel.Conn
	c := &Changes{Host: h, Models: models, By: func(m *exposure.Model, nth int) (err error) {
		if k == nil {
			if k, err = kernel.Open(); err != nil {
				return err
			}
		}
		table := compile.Compile(m, uint64(nth)+1)
		slow(table, uint64(nth)+1)
		_, err = k.Apply(table)
		return err
	}}
	require.NoError(t, c.Make(2, time.Minute))
	n, err := UnderFlood(h, 0, func() error { return c.Make(200, 4*time.Second) })
	require.NoError(t, err)
	assert.Zerof(t, n.Lost, "of %d", n.Allowed)
}
