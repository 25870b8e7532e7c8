package ruleset

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The source's /64 is that of an IPv6 packet, with zeros behind it.
func TestSourceNet(t *testing.T) {
	p := packet(17, "2001:db8:1:2:3:4:5:6", "2001:db8::1", 1, 2)
	net, has := IP6SaddrNet.Of(p)
	require.True(t, has)
	assert.Equal(t, netip.MustParseAddr("2001:db8:1:2::").AsSlice(), net)
	_, has = IP6SaddrNet.Of(packet(17, "192.0.2.1", "192.0.2.2", 1, 2))
	assert.False(t, has)
}

// A set that holds the network holds all of its addresses.
func TestEvaluateSourceNet(t *testing.T) {
	table := tableOf("base drop: ")
	s := Set{Name: "nets", Key: TypeIPv6Addr, Dynamic: true, Elements: single(TypeIPv6Addr, "2001:db8:1:2::")}
	table.Sets = append(table.Sets, s)
	table.Chains[0].Rules = []Rule{on(Match{Field: IP6SaddrNet, Operand: InSet("nets")}, Verdict{Kind: Accept})}
	for source, want := range map[string]bool{"2001:db8:1:2::": true, "2001:db8:1:2:ffff::1": true, "2001:db8:1:3::": false, "2001:db8:1:1:ffff::": false} {
		assert.Equal(t, want, table.Evaluate(HookInput, packet(17, source, "2001:db8::1", 1, 2)).Accept, source)
	}
}

// nft writes other comparisons of a masked address as prefixes: our text would
// not come back as it is.
func TestSourceNetIsOnlyLookedUp(t *testing.T) {
	value := value(TypeIPv6Addr, "2001:db8::")
	for _, o := range []Operand{Value(value), Range{value, value}, Prefix{value, 48}} {
		_, err := instructions(Match{Field: IP6SaddrNet, Operand: o})
		require.ErrorContains(t, err, "can only be looked up in sets")
	}
}

// An element's own time is read back, and one that no duration holds is foreign.
func TestUpdateForATime(t *testing.T) {
	table := tableOf("x: ")
	table.Name, table.Sets[0].Timeout = "t", true
	table.Chains[0].Rules = []Rule{on(Update{Set: "s", Field: IPSaddr, Timeout: 90 * time.Second, Limit: &Limit{Rate: 1, Unit: time.Second, Burst: 5}})}
	assert.Contains(t, table.Text(), "update @s { ip saddr timeout 1m30s limit rate 1/second }")
	messages, err := table.Encode()
	require.NoError(t, err)
	again, err := Decode(table.Family, table.Name, messages)
	require.NoError(t, err)
	assert.Equal(t, table.Chains[0].Rules[0].Statements, again.Chains[0].Rules[0].Statements)
}
