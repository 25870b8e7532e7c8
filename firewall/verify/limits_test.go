package verify_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/verify"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// carrier is media for a list that is long enough to be learned.
func carrier() *exposure.Model {
	return &exposure.Model{Exposures: []exposure.Exposure{
		{Service: "rtp", Role: "peers", Ports: []policy.Ports{{Protocol: policy.UDP, From: 30000, To: 40000}}, Sources: scattered(0x0a000000, 100)},
		{Service: "ssh", Role: "any", Ports: []policy.Ports{{Protocol: policy.TCP, From: 22, To: 22}}, Sources: sources("any")},
	}}
}

// rule is the table's rule with that comment.
func rule(t *testing.T, table *ruleset.Table, chain, comment string) *ruleset.Rule {
	t.Helper()
	for i := range table.Chains {
		for j := range table.Chains[i].Rules {
			if r := &table.Chains[i].Rules[j]; table.Chains[i].Name == chain && r.Comment == comment {
				return r
			}
		}
	}
	t.Fatalf("no rule %q in %s", comment, chain)
	return nil
}

// What is not understood is never taken for equal; the chain and the rule are
// named.
func TestWhatIsNotUnderstood(t *testing.T) {
	foreign := ruleset.Foreign{Name: "numgen"}
	for want, change := range map[string]func(table *ruleset.Table){
		"chain service-ssh-1, rule 1: the expression numgen is not understood": func(table *ruleset.Table) {
			r := rule(t, table, "service-ssh-1", "ssh/any")
			r.Statements = append([]ruleset.Statement{foreign}, r.Statements...)
		},
		"set from-peers4-1 is of an unknown kind": func(table *ruleset.Table) {
			for i := range table.Sets {
				if table.Sets[i].Name == "from-peers4-1" {
					table.Sets[i].Raw = []byte{1}
				}
			}
		},
		"chain tcp-1: it has flags": func(table *ruleset.Table) { table.Foreign = []ruleset.Foreign{{Name: "chain tcp-1"}} },
		"there is no chain nowhere": func(table *ruleset.Table) {
			rule(t, table, "input-1", "rtp").Statements = []ruleset.Statement{ruleset.Verdict{Kind: ruleset.Jump, Chain: "nowhere"}}
		},
		"there is no set nowhere": func(table *ruleset.Table) {
			rule(t, table, "input-1", "connections").Statements = []ruleset.Statement{ruleset.VerdictMap{Field: ruleset.CTState, Map: "nowhere"}}
		},
		"the chains run in circles": func(table *ruleset.Table) {
			rule(t, table, "input-1", "icmp").Statements = []ruleset.Statement{ruleset.Verdict{Kind: ruleset.Jump, Chain: "input-1"}}
		},
		"of type route":          func(table *ruleset.Table) { table.Chains[0].Base.Type = "route" },
		"not of the family inet": func(table *ruleset.Table) { table.Family = ruleset.FamilyIPv4 },
		"asks for ip saddr of packets that may have none": func(table *ruleset.Table) {
			r := rule(t, table, "service-ssh-1", "ssh/any")
			any4 := ruleset.Match{Field: ruleset.IPSaddr, Operand: ruleset.Prefix{Addr: make([]byte, 4)}}
			r.Statements = append([]ruleset.Statement{any4}, r.Statements...)
		},
		"asks for th dport of packets that may have none": func(table *ruleset.Table) {
			r := rule(t, table, "input-1", "refused")
			port := ruleset.Match{Field: ruleset.THDport, Operand: ruleset.Range{From: []byte{0, 0}, To: []byte{255, 255}}}
			r.Statements = append([]ruleset.Statement{port}, r.Statements...)
		},
	} {
		t.Run(want, func(t *testing.T) {
			table := copyOf(compile.Compile(carrier(), 1))
			change(table)
			found, err := verify.Compare(table, carrier())
			require.Nil(t, found)
			require.ErrorContains(t, err, want)
		})
	}
}

// A fault elsewhere is found all the same.
func TestFaultBesidesWhatIsNotUnderstood(t *testing.T) {
	table := copyOf(compile.Compile(carrier(), 1))
	rule(t, table, "service-ssh-1", "ssh/any").Statements = []ruleset.Statement{ruleset.Foreign{Name: "numgen"}}
	rule(t, table, "input-1", "refused").Statements = []ruleset.Statement{ruleset.Verdict{Kind: ruleset.Accept}}
	found, err := verify.Compare(table, carrier())
	require.NoError(t, err)
	require.NotNil(t, found)
	assert.NotEqual(t, uint16(22), found.Flow.ToPort)
}

// What is learned at one port opens no other.
func TestLearnedSourcesAreHeldAgainstThePolicy(t *testing.T) {
	table := copyOf(compile.Compile(carrier(), 1))
	learned := rule(t, table, "input-1", "rtp learned")
	for i, s := range learned.Statements {
		if m, ok := s.(ruleset.Match); ok && m.Field == ruleset.THDport {
			m.Operand = ruleset.Range{From: []byte{0, 0}, To: []byte{255, 255}}
			learned.Statements[i] = m
		}
	}
	found, err := verify.Compare(table, carrier())
	require.NoError(t, err)
	require.NotNil(t, found)
	assert.Equal(t, "seen-rtp4-1", found.Held)
	assert.Equal(t, netip.MustParseAddr("10.0.0.0"), found.Flow.From)
	assert.False(t, found.Plain())
	requireDiffers(t, table, carrier(), found, "learned")
}

// A ban that is not asked about is a difference of banned sources alone.
func TestForgottenBan(t *testing.T) {
	table := copyOf(compile.Compile(carrier(), 1))
	table.Chains[1].Rules = nil // the base chain of input accepts nothing: see below
	found, err := verify.Compare(table, carrier())
	require.NoError(t, err)
	require.True(t, found.Plain() && found.Policy && !found.Kernel)

	table = copyOf(compile.Compile(carrier(), 1))
	for i := range table.Chains {
		c := &table.Chains[i]
		for j := len(c.Rules) - 1; j >= 0; j-- {
			if c.Rules[j].Comment == "banned" && c.Name == "input-1" {
				c.Rules = append(c.Rules[:j:j], c.Rules[j+1:]...)
			}
		}
	}
	found, err = verify.Compare(table, carrier())
	require.NoError(t, err)
	require.NotNil(t, found)
	assert.True(t, found.Banned == "banned" && found.Kernel)
	requireDiffers(t, table, carrier(), found, "banned")
}

// Nor may CrowdSec's bans be forgotten, or be asked of where the policy has none.
func TestForgottenCrowdSec(t *testing.T) {
	without, with := carrier(), carrier()
	with.CrowdSec = true
	for _, m := range []*exposure.Model{without, with} {
		found, err := verify.Compare(compile.Compile(m, 1), m)
		require.NoError(t, err)
		require.Nil(t, found)
	}
	found, err := verify.Compare(compile.Compile(without, 1), with)
	require.NoError(t, err)
	require.NotNil(t, found)
	assert.True(t, found.Banned == "crowdsec" && found.Kernel)
	found, err = verify.Compare(compile.Compile(with, 1), without)
	require.NoError(t, err)
	require.NotNil(t, found)
	assert.True(t, found.Banned == "crowdsec" && found.Policy)
}

// Nor may a ban by a limit be forgotten, or be asked of where no limit bans.
func TestForgottenOffenders(t *testing.T) {
	banning := carrier()
	banning.Services = []exposure.Service{{Name: "ssh", Limit: &exposure.Limit{
		Rate: policy.Rate{Count: 10, Unit: time.Minute}, Burst: 20, BanFor: time.Minute}}}
	mild := carrier()
	mild.Services = []exposure.Service{{Name: "ssh", Limit: &exposure.Limit{Rate: policy.Rate{Count: 10, Unit: time.Minute}, Burst: 20}}}
	for name, c := range map[string]struct{ inForce, policy *exposure.Model }{
		"forgotten": {mild, banning}, "too much": {banning, mild},
	} {
		t.Run(name, func(t *testing.T) {
			table := compile.Compile(c.inForce, 1)
			found, err := verify.Compare(table, c.inForce)
			require.NoError(t, err)
			require.Nil(t, found)
			found, err = verify.Compare(table, c.policy)
			require.NoError(t, err)
			require.NotNil(t, found)
			assert.Equal(t, "offenders", found.Banned)
			assert.False(t, found.Plain())
		})
	}
}

// Nothing in force is no policy.
func TestNoTable(t *testing.T) {
	found, err := verify.Compare(&ruleset.Table{Family: ruleset.FamilyInet}, carrier())
	require.NoError(t, err)
	require.NotNil(t, found)
	assert.True(t, found.Kernel && found.Plain())
}
