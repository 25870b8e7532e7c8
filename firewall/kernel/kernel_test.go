package kernel

import (
	"encoding/binary"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/lab"
)

// Without root, the tests run in a user namespace of their own.
func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// inNamespace runs the rest of the test on a thread of its own in a fresh
// network namespace; the thread, and with it the namespace, ends with the test.
func inNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread must not be used again
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("NOT TESTED: no network namespace of our own: %v", err)
	}
}

// nft runs nft in the thread's namespace.
func nft(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

func listRuleset(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

func open(t *testing.T) *Conn {
	t.Helper()
	c, err := Open()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

const (
	family = ruleset.FamilyInet
	name   = "test"
)

// table is a small firewall of a generation with some ports open and an
// allowlist of the size.
func table(generation uint64, allowed int, ports ...uint16) *ruleset.Table {
	scoped := func(name string) string { return ruleset.Scoped(name, generation) }
	e := ruleset.NewElements(ruleset.TypePort, false)
	for _, p := range ports {
		e.AppendVerdict(binary.BigEndian.AppendUint16(nil, p), nil, ruleset.Verdict{Kind: ruleset.Jump, Chain: scoped("service")})
	}
	from := ruleset.NewElements(ruleset.TypeIPv4Addr, true)
	for i := range allowed {
		first := uint32(10<<24 + i*4)
		from.Append(binary.BigEndian.AppendUint32(nil, first), binary.BigEndian.AppendUint32(nil, first+1))
	}
	ipv4 := ruleset.Match{Field: ruleset.MetaNFProto, Operand: ruleset.Value{byte(ruleset.FamilyIPv4)}}
	return &ruleset.Table{
		Family: family, Name: name, Comment: "a test",
		Counters: []ruleset.Counter{{Name: "accepted"}},
		Sets: []ruleset.Set{
			{Name: "banned4", Key: ruleset.TypeIPv4Addr, Interval: true, Timeout: true},
			{Name: scoped("from"), Key: ruleset.TypeIPv4Addr, Interval: true, Elements: from},
			{Name: scoped("ports"), Key: ruleset.TypePort, Map: true, Elements: e},
		},
		Chains: []ruleset.Chain{
			{Name: "input", Base: &ruleset.Base{Type: "filter", Hook: ruleset.HookInput, Priority: -10, Drop: true}, Rules: []ruleset.Rule{
				{Statements: []ruleset.Statement{ruleset.Verdict{Kind: ruleset.Jump, Chain: scoped("input")}}, Comment: ruleset.GenerationComment(generation)}}},
			{Name: scoped("service"), Rules: []ruleset.Rule{{Comment: "service/role", Origin: "policy.yml:3:1", Statements: []ruleset.Statement{
				ipv4, ruleset.Match{Field: ruleset.IPSaddr, Operand: ruleset.InSet(scoped("from"))},
				ruleset.Count{Name: "accepted"}, ruleset.Verdict{Kind: ruleset.Accept}}}}},
			{Name: scoped("input"), Rules: []ruleset.Rule{
				{Statements: []ruleset.Statement{ruleset.Match{Field: ruleset.THDport, Operand: ruleset.Value{0, 22}}, ruleset.Verdict{Kind: ruleset.Accept}}},
				{Statements: []ruleset.Statement{ruleset.VerdictMap{Field: ruleset.THDport, Map: scoped("ports")}}}}},
		},
	}
}

func requireHolds(t *testing.T, c *Conn, want *ruleset.Table) {
	t.Helper()
	have, err := c.Read(family, name)
	require.NoError(t, err)
	require.Empty(t, ruleset.Diff(have, want))
}

func TestApplyReadRemove(t *testing.T) {
	inNamespace(t)
	c := open(t)
	have, err := c.Read(family, name)
	require.NoError(t, err)
	require.Nil(t, have)
	for generation, ports := range [][]uint16{{53}, {53, 80}, {80}} {
		want := table(uint64(generation+1), 3*generation, ports...)
		result, err := c.Apply(want)
		require.NoError(t, err)
		require.NotZero(t, result.Messages)
		require.False(t, result.Replaced)
		requireHolds(t, c, want)
		result, err = c.Apply(want)
		require.NoError(t, err)
		require.Zero(t, result.Messages, "an unchanged table sends nothing")
	}
	removed, err := c.Remove(family, name)
	require.NoError(t, err)
	require.True(t, removed)
	require.Empty(t, listRuleset(t))
	removed, err = c.Remove(family, name)
	require.NoError(t, err)
	require.False(t, removed)
}

func TestOtherTablesStayAsTheyAre(t *testing.T) {
	inNamespace(t)
	nft(t, "table ip filter {\n chain INPUT {\n type filter hook input priority filter; policy accept;\n tcp dport 80 counter accept\n }\n }\ntable inet test2 {\n set s {\n type ipv4_addr\n }\n }\n")
	before := listRuleset(t)
	c := open(t)
	for generation := range uint64(3) {
		_, err := c.Apply(table(generation+1, 5, uint16(80+generation)))
		require.NoError(t, err)
	}
	_, err := c.Remove(family, name)
	require.NoError(t, err)
	require.Equal(t, before, listRuleset(t))
}

func TestBansAndCountersSurvive(t *testing.T) {
	inNamespace(t)
	c := open(t)
	_, err := c.Apply(table(1, 1, 80))
	require.NoError(t, err)
	nft(t, "add element inet test banned4 { 192.0.2.1 timeout 1h, 198.51.100.0/24 }\n")
	_, err = c.Apply(table(2, 2, 81))
	require.NoError(t, err)
	require.Contains(t, listRuleset(t), "198.51.100.0/24")
	require.Contains(t, listRuleset(t), "192.0.2.1 timeout 1h")
}
