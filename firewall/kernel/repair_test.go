package kernel

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/ruleset"
)

// What another hand does inside our table, all of it named mine.
func TestForeignChangesInsideOurTableAreRepaired(t *testing.T) {
	for _, change := range []string{
		"insert rule inet test input accept",
		"insert rule inet test input tcp dport { 1, 2 } accept",
		"add rule inet test input-1 tcp dport 1 accept",
		"add rule inet test input-1 tcp dport { 1, 2 } accept",
		"add rule inet test input-1 tcp dport vmap { 1 : accept, 2 : drop }",
		"add rule inet test input-1 tcp dport vmap { 1 : accept, 2 : goto service-1 }",
		"add rule inet test input-1 ip saddr . tcp dport { 192.0.2.1 . 2 } accept",
		"add rule inet test input-1 ct helper \"sip\"",
		"flush chain inet test input-1",
		"flush chain inet test input",
		"add chain inet test mine",
		"add chain inet test mine { comment \"mine\"; }",
		"add chain inet test mine { type filter hook input priority 5; policy drop; }",
		"add chain inet test mine { type filter hook input priority 5; }\nadd rule inet test mine jump input-1",
		"add chain inet test mine { type filter hook ingress device lo priority 0; }",
		"add chain inet test mine\nadd chain inet test mine2\nadd rule inet test mine jump mine2\nadd rule inet test mine goto input-1",
		"add set inet test mine { type ipv4_addr . inet_service; }",
		"add set inet test mine { typeof ip saddr; comment \"mine\"; }\nadd rule inet test input ip saddr @mine accept",
		"add set inet test mine { type ipv4_addr; flags dynamic; timeout 1m; size 10; }\nadd rule inet test input-1 add @mine { ip saddr limit rate 1/second } drop",
		"add map inet test mine { type mark : verdict; flags interval; }\nadd element inet test mine { 1-2 : goto input-1 }",
		"add map inet test mine { type ipv4_addr . inet_service : verdict; }\nadd chain inet test mine2\n" +
			"add element inet test mine { 192.0.2.1 . 5 : jump mine2, 192.0.2.1 . 6 : goto service-1 }\nadd rule inet test input ip saddr . tcp dport vmap @mine",
		"add map inet test mine { type ipv4_addr : counter; }\nadd element inet test mine { 192.0.2.1 : \"accepted\" }\nadd rule inet test input-1 counter name ip saddr map @mine",
		"add element inet test from-1 { 192.0.2.1 }",
		"add element inet test from-1 { 192.0.2.1 comment \"mine\" }",
		"add element inet test ports-1 { 99 : accept }",
		"delete element inet test ports-1 { 80 }",
		"add counter inet test mine\nadd rule inet test input-1 counter name mine",
		"add quota inet test mine { over 1 mbytes }\nadd rule inet test input-1 quota name mine drop",
		"add limit inet test mine rate 1/second\nadd rule inet test input limit name mine accept",
		"table inet test {\n ct helper mine {\n type \"ftp\" protocol tcp\n }\n chain input-1 {\n tcp dport 21 ct helper set \"mine\"\n }\n }",
		"chain inet test input { policy accept; }",
	} {
		t.Run(change, func(t *testing.T) {
			inNamespace(t)
			c := open(t)
			_, err := c.Apply(table(1, 3, 80))
			require.NoError(t, err)
			nft(t, "add element inet test banned4 { 203.0.113.77 timeout 1h }\n"+change+"\n")
			requireRepaired(t, c, false)
			require.Contains(t, listRuleset(t), "203.0.113.77", "bans survive the repair")
		})
	}
}

// What the kernel cannot undo by itself costs the whole table.
func TestForeignChangesOfTheTableItselfAreRepaired(t *testing.T) {
	for change, replaced := range map[string]bool{
		"add table inet test { flags dormant; }":                            true,
		"delete table inet test":                                            false,
		"delete table inet test\nadd table inet test { comment \"mine\"; }": true,
		"delete table inet test\nadd table inet test { comment \"a test\"; }\nadd set inet test banned4 { type mark; }":              true,
		"delete table inet test\nadd table inet test { comment \"a test\"; }\nadd chain inet test input":                             true,
		"flush chain inet test input\nflush chain inet test input-1\nflush chain inet test service-1\nadd chain inet test service-2": true,
	} {
		t.Run(change, func(t *testing.T) {
			inNamespace(t)
			c := open(t)
			_, err := c.Apply(table(1, 3, 80))
			require.NoError(t, err)
			nft(t, change+"\n")
			requireRepaired(t, c, replaced)
		})
	}
}

func requireRepaired(t *testing.T, c *Conn, replaced bool) {
	t.Helper()
	have, err := c.Read(family, name)
	require.NoError(t, err)
	require.NotEmpty(t, ruleset.Diff(have, table(1, 3, 80)), "the change is seen")
	want := table(2, 3, 80)
	result, err := c.Apply(want)
	require.NoError(t, err)
	require.Equal(t, replaced, result.Replaced)
	requireHolds(t, c, want)
	require.NotContains(t, listRuleset(t), "mine")
	require.NotContains(t, listRuleset(t), "-1 ")
}

func TestABaseChainMovesAndComesAndGoes(t *testing.T) {
	inNamespace(t)
	c := open(t)
	_, err := c.Apply(table(1, 3, 80))
	require.NoError(t, err)
	nft(t, "add element inet test banned4 { 203.0.113.77 timeout 1h }\n")
	for generation, change := range []func(*ruleset.Table){
		func(w *ruleset.Table) { w.Chains[0].Base.Priority = -20 },
		func(w *ruleset.Table) { w.Chains[0].Base.Hook = ruleset.HookForward },
		func(w *ruleset.Table) { w.Chains[0].Base.Drop = false },
		func(w *ruleset.Table) {
			w.Chains = append(w.Chains, ruleset.Chain{Name: "forward", Base: &ruleset.Base{Type: "filter", Hook: ruleset.HookForward, Drop: true}})
		},
		func(w *ruleset.Table) { w.Chains[0].Rules = append(w.Chains[0].Rules, w.Chains[0].Rules[0]) },
		func(*ruleset.Table) {},
	} {
		want := table(uint64(generation+2), 3, 80)
		change(want)
		result, err := c.Apply(want)
		require.NoError(t, err)
		require.False(t, result.Replaced)
		requireHolds(t, c, want)
		require.Contains(t, listRuleset(t), "203.0.113.77")
	}
}

func TestATableOfAnotherProgramsOwnIsLeftToIt(t *testing.T) {
	inNamespace(t)
	owner := open(t)
	const ownerFlag = 2 // NFT_TABLE_F_OWNER of linux/netfilter/nf_tables.h
	m := (&ruleset.Table{Family: family, Name: name}).EncodeTable()
	m.Body[len(m.Body)-1] = ownerFlag
	genid, err := owner.Generation()
	require.NoError(t, err)
	require.NoError(t, owner.wire.commit(genid, []ruleset.Message{m}))
	before := listRuleset(t)
	c := open(t)
	_, err = c.Apply(table(1, 3, 80))
	require.ErrorContains(t, err, "another program owns the table")
	_, err = c.Remove(family, name)
	require.ErrorContains(t, err, "another program owns the table")
	require.NotErrorIs(t, err, ErrPermission)
	require.Equal(t, before, listRuleset(t))
}
