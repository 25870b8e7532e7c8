package mediaproxy

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/lab"
)

// Without root, the tests run in a user namespace of their own.
func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// standIn is a target that kernels have without rtpengine's module, and that is
// its like in all that matters here: registered for IPv4 and IPv6, for tables
// called filter only, and with an info of one 32-bit number (enum
// ipt_reject_with of linux/netfilter_ipv4/ipt_REJECT.h, where 1 and 3 are valid
// for both families).
const standIn = "REJECT"

var rejected = Choice{Mode: ModeXtables, Target: standIn, Table: 3}

// inNamespace runs the rest of the test on a thread of its own in a fresh network
// namespace, which ends with the test.
func inNamespace(t *testing.T) *kernel.Conn {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread must not be used again
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("NOT TESTED: no network namespace of our own: %v", err)
	}
	conn, err := kernel.Open()
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// needStandIn skips where the kernel lacks nft_compat or the stand-in.
func needStandIn(t *testing.T, conn *kernel.Conn) {
	t.Helper()
	if _, err := Ensure(conn, Host{}, rejected); err != nil {
		t.Skipf("NOT TESTED: this kernel has no target %s for nf_tables: %v", standIn, err)
	}
	_, err := Remove(conn)
	require.NoError(t, err)
}

func run(t *testing.T, input string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

func nft(t *testing.T, script string) { t.Helper(); run(t, script, "nft", "-f", "-") }

func listRuleset(t *testing.T) string { t.Helper(); return run(t, "", "nft", "list", "ruleset") }

func genid(t *testing.T, conn *kernel.Conn) uint32 {
	t.Helper()
	id, err := conn.Generation()
	require.NoError(t, err)
	return id
}

func ensured(t *testing.T, conn *kernel.Conn, c Choice) Ensured {
	t.Helper()
	done, err := Ensure(conn, Host{Root: "testdata/empty"}, c)
	require.NoError(t, err)
	return done
}

func TestEnsurePutsTheRuleIntoBothFamilies(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	assert.Equal(t, 6, ensured(t, conn, rejected).Messages, "table, chain and rule, twice")
	text := listRuleset(t)
	for _, family := range []string{"ip", "ip6"} {
		assert.Contains(t, text, "table "+family+" filter {")
	}
	assert.Equal(t, 2, strings.Count(text, "chain ngcp-fw-mediaproxy {\n\t\ttype filter hook input priority filter + 10; policy accept;\n\t\tmeta l4proto udp counter packets 0 bytes 0 "))
	for _, f := range Families {
		have, err := conn.Fragment(f, FilterTable, Chain)
		require.NoError(t, err)
		assert.True(t, holds(have, table(f, standIn, 3)))
		assert.False(t, holds(have, table(f, standIn, 1)), "another table is another rule")
		assert.False(t, holds(have, table(f, "LOG", 3)))
	}
}

func TestEnsureLeavesAloneWhatIsThereAlready(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	ensured(t, conn, rejected)
	sendUDP(t, "127.0.0.1:40000", 3)
	sendUDP(t, "[::1]:40000", 5)
	before := genid(t, conn)
	assert.Zero(t, ensured(t, conn, rejected).Messages)
	assert.Equal(t, before, genid(t, conn), "nothing was sent")
	assert.Contains(t, listRuleset(t), "counter packets 3 ")
	assert.Contains(t, listRuleset(t), "counter packets 5 ")
}

// sendUDP sends datagrams over the loopback link.
func sendUDP(t *testing.T, to string, n int) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetUp(lo))
	address, err := net.ResolveUDPAddr("udp", to)
	require.NoError(t, err)
	for range n { // a socket each: the answer to one may be an error for the next
		c, err := net.DialUDP("udp", nil, address)
		require.NoError(t, err)
		_, err = c.Write([]byte("media"))
		require.NoError(t, err)
		c.Close()
	}
}

func TestEnsureMendsAChainThatOthersChanged(t *testing.T) {
	for name, script := range map[string]string{
		"another policy":      `chain ip filter ngcp-fw-mediaproxy { policy drop; }`,
		"a rule before":       `insert rule ip filter ngcp-fw-mediaproxy drop`,
		"a rule behind":       `add rule ip6 filter ngcp-fw-mediaproxy accept`,
		"no rules":            `flush chain ip filter ngcp-fw-mediaproxy`,
		"no chain":            `delete chain ip6 filter ngcp-fw-mediaproxy`,
		"no table":            `delete table ip filter`,
		"nothing at all":      `flush ruleset`,
		"another priority":    `delete chain ip filter ngcp-fw-mediaproxy; add chain ip filter ngcp-fw-mediaproxy { type filter hook input priority -20; }`,
		"not a base chain":    `delete chain ip filter ngcp-fw-mediaproxy; add chain ip filter ngcp-fw-mediaproxy; add rule ip filter ngcp-fw-mediaproxy counter`,
		"another hook":        `delete chain ip filter ngcp-fw-mediaproxy; add chain ip filter ngcp-fw-mediaproxy { type filter hook output priority 10; }`,
		"a comment of theirs": `flush chain ip filter ngcp-fw-mediaproxy; add rule ip filter ngcp-fw-mediaproxy meta l4proto udp counter comment "theirs"`,
	} {
		t.Run(name, func(t *testing.T) {
			conn := inNamespace(t)
			needStandIn(t, conn)
			ensured(t, conn, rejected)
			whole := listRuleset(t)
			nft(t, script)
			require.NotEqual(t, whole, listRuleset(t))
			assert.NotZero(t, ensured(t, conn, rejected).Messages)
			assert.ElementsMatch(t, strings.Split(whole, "\n"), strings.Split(listRuleset(t), "\n"))
			assert.Zero(t, ensured(t, conn, rejected).Messages)
		})
	}
}

func TestANewTableNumberReplacesTheRule(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	ensured(t, conn, rejected)
	other := rejected
	other.Table = 1
	assert.NotZero(t, ensured(t, conn, other).Messages)
	assert.Equal(t, 2, strings.Count(listRuleset(t), "rtpengine's table 1"))
	assert.NotContains(t, listRuleset(t), "rtpengine's table 3")
}

func TestAMissingTargetIsSaidInWordsAndCostsNothing(t *testing.T) {
	conn := inNamespace(t)
	nft(t, `table inet ngcp-fw { chain input { type filter hook input priority filter - 10; policy drop; }; }`)
	before := listRuleset(t)
	_, err := Ensure(conn, Host{Root: "testdata/empty"}, Choice{Mode: ModeXtables, Target: "NOSUCH"})
	require.ErrorIs(t, err, ErrNoTarget)
	assert.Contains(t, err.Error(), "this kernel has no target NOSUCH for nf_tables")
	assert.Contains(t, err.Error(), "hint: install rtpengine-kernel-dkms")
	assert.NotContains(t, err.Error(), "no such file")
	assert.Equal(t, before, listRuleset(t))
}

func TestATableOfAnotherOwnerIsSaidInWords(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	owner, err := kernel.Open()
	require.NoError(t, err)
	defer owner.Close()
	const owned = 2 // NFT_TABLE_F_OWNER of linux/netfilter/nf_tables.h
	create := (&ruleset.Table{Family: ruleset.FamilyIPv4, Name: FilterTable}).EncodeTable()
	create.Body[len(create.Body)-1] = owned
	require.NoError(t, owner.Commit(genid(t, owner), []ruleset.Message{create}))
	_, err = Ensure(conn, Host{Root: "testdata/empty"}, rejected)
	require.ErrorContains(t, err, "another program owns the table")
	assert.Contains(t, listRuleset(t), "table ip6 filter {", "the other family has its rule all the same")
}

func TestRemoveLeavesNothingOfOurs(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	ensured(t, conn, rejected)
	removed, err := Remove(conn)
	require.NoError(t, err)
	assert.True(t, removed)
	assert.Empty(t, listRuleset(t), "tables that were not there before are gone")
	before := genid(t, conn)
	removed, err = Remove(conn)
	require.NoError(t, err)
	assert.False(t, removed)
	assert.Equal(t, before, genid(t, conn))
}

func TestATableThatOthersUseStays(t *testing.T) {
	for name, script := range map[string]string{
		"made by them, empty":  ``,
		"a chain came in":      `add chain ip filter theirs`,
		"a set came in":        `add set ip filter theirs { type ipv4_addr; }`,
		"a counter came in":    `add counter ip filter theirs`,
		"a base chain came in": `add chain ip filter INPUT { type filter hook input priority 0; policy drop; }`,
	} {
		t.Run(name, func(t *testing.T) {
			conn := inNamespace(t)
			needStandIn(t, conn)
			if script == "" {
				nft(t, "add table ip filter\nadd table ip6 filter\n")
			}
			ensured(t, conn, rejected)
			nft(t, script)
			_, err := Remove(conn)
			require.NoError(t, err)
			assert.Contains(t, listRuleset(t), "table ip filter {")
			assert.NotContains(t, listRuleset(t), Chain)
			if script != "" {
				assert.Contains(t, listRuleset(t), strings.Fields(script)[4])
			}
		})
	}
}
