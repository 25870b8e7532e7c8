package mediaproxy

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
)

// iptablesView is what iptables' own programs show of the tables filter, less
// the time of day.
func iptablesView(t *testing.T) string {
	t.Helper()
	var lines []string
	for _, command := range []string{"iptables-nft-save", "ip6tables-nft-save"} {
		out, err := exec.Command(command, "-t", "filter").Output() // remarks go to stderr
		require.NoError(t, err)
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "")
}

// nftView is all that nft shows of them, with the kernel's numbers.
func nftView(t *testing.T) string {
	t.Helper()
	return run(t, "", "nft", "-a", "list", "table", "ip", "filter") + run(t, "", "nft", "-a", "list", "table", "ip6", "filter")
}

func TestTheTablesOfIptablesStayByteForByte(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	for _, command := range []string{"iptables-nft", "ip6tables-nft"} {
		run(t, "", command, "-P", "FORWARD", "DROP")
		run(t, "", command, "-N", "f2b-sshd")
		run(t, "", command, "-A", "f2b-sshd", "-j", "RETURN")
		run(t, "", command, "-I", "INPUT", "-p", "tcp", "-m", "multiport", "--dports", "22", "-j", "f2b-sshd")
		run(t, "", command, "-A", "INPUT", "-i", "lo", "-m", "comment", "--comment", "theirs", "-j", "ACCEPT")
	}
	sendUDP(t, "127.0.0.1:40000", 2)
	iptables, nft := iptablesView(t), nftView(t)
	require.Contains(t, iptables, "f2b-sshd")

	assert.Equal(t, 4, ensured(t, conn, rejected).Messages, "chain and rule, twice; the tables are not written to")
	assert.Equal(t, iptables, iptablesView(t), "iptables shows what it did")
	for _, line := range strings.Split(nft, "\n") {
		assert.Contains(t, nftView(t), line)
	}
	assert.Zero(t, ensured(t, conn, rejected).Messages)

	_, err := Remove(conn)
	require.NoError(t, err)
	assert.Equal(t, iptables, iptablesView(t))
	assert.Equal(t, nft, nftView(t))
}

func TestWhatIptablesDoesToItsTableIsMended(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	ensured(t, conn, rejected)
	run(t, "", "iptables-nft", "-A", "INPUT", "-j", "ACCEPT")
	run(t, "", "iptables-nft", "-F", "INPUT")
	assert.Zero(t, ensured(t, conn, rejected).Messages, "its chains are its own")
	run(t, "", "iptables-nft", "-F")
	assert.Equal(t, 4, ensured(t, conn, rejected).Messages, "without a chain's name it flushes whatever is in the table")
	run(t, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", "iptables-nft-restore", "--noflush")
	assert.Zero(t, ensured(t, conn, rejected).Messages)
	run(t, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", "iptables-nft-restore")
	require.NotContains(t, run(t, "", "nft", "list", "table", "ip", "filter"), Chain, "restore replaces the whole table")
	assert.Equal(t, 2, ensured(t, conn, rejected).Messages)
}

// TestNobodyWhoComesInMeanwhileIsLost has somebody put a chain into the table
// that we made, just when we take it away.
func TestNobodyWhoComesInMeanwhileIsLost(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	other, err := kernel.Open()
	require.NoError(t, err)
	defer other.Close()
	theirs := &ruleset.Table{Family: ruleset.FamilyIPv4, Name: FilterTable}
	enter := []ruleset.Message{theirs.EncodeTable(), theirs.EncodeChain(&ruleset.Chain{Name: "theirs"})}
	for range 100 {
		ensured(t, conn, rejected)
		entered := make(chan error)
		go func() { entered <- insist(other, enter) }()
		_, err := Remove(conn)
		require.NoError(t, err)
		require.NoError(t, <-entered)
		have, err := conn.Fragment(ruleset.FamilyIPv4, FilterTable, "theirs")
		require.NoError(t, err)
		require.True(t, hasChain(have), "their chain went with our table")
		require.NoError(t, insist(conn, []ruleset.Message{theirs.DeleteTable()}))
	}
}

// insist commits until nobody was in between.
func insist(conn *kernel.Conn, batch []ruleset.Message) error {
	for {
		id, err := conn.Generation()
		if err != nil {
			return err
		}
		if err := conn.Commit(id, batch); !errors.Is(err, kernel.ErrChanged) {
			return err
		}
	}
}

func TestModesThatAreNotOursTakeTheRuleAway(t *testing.T) {
	for _, mode := range []Mode{ModeOff, ModeDaemon} {
		conn := inNamespace(t)
		needStandIn(t, conn)
		ensured(t, conn, rejected)
		ensured(t, conn, Choice{Mode: mode, Why: "a test"})
		assert.Empty(t, listRuleset(t))
	}
}

func TestKeepChoosesAndEnsures(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	ensured(t, conn, rejected)
	empty := Host{Root: "testdata/empty", Run: notInstalled}
	choice, done, err := Keep(conn, empty, policy.Mediaproxy{Rule: "auto"})
	require.NoError(t, err)
	assert.Equal(t, Choice{Mode: ModeOff, Why: "there is no rtpengine on this host"}, choice)
	assert.Zero(t, done)
	assert.Empty(t, listRuleset(t), "ours went with the choice")

	choice, _, err = Keep(conn, Host{Root: "testdata/debian", Run: answers("Version: 10.5.3.5-1")}, policy.Mediaproxy{Rule: "auto"})
	assert.Equal(t, TargetRTPENGINE, choice.Target)
	if !slices.Contains((Host{}).loaded(), "xt_RTPENGINE") {
		assert.ErrorIs(t, err, ErrNoTarget)
	}

	choice, _, err = Keep(conn, Host{Run: func(...string) (string, error) { panic("off asks nobody") }}, policy.Mediaproxy{Rule: "off"})
	require.NoError(t, err)
	assert.Equal(t, ModeOff, choice.Mode)
}

// TestOnlyAcceptedMediaMeetsTheRule holds the order of the hooks: what the main
// table drops is not seen by the target.
func TestOnlyAcceptedMediaMeetsTheRule(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	ensured(t, conn, rejected) // registered first, which must not matter
	nft(t, mainTable)
	sendUDP(t, "127.0.0.1:30000", 3)
	sendUDP(t, "127.0.0.1:29999", 7)
	sendUDP(t, "[::1]:40000", 5)
	sendUDP(t, "[::1]:40001", 7)
	chains, rules := seen(t, conn)
	found := handlers(chains, rules)
	require.Len(t, found, 2)
	assert.Equal(t, []uint64{3, 5}, []uint64{found[0].Packets, found[1].Packets})
}

func TestOtherRefusalsAreNoMissingTarget(t *testing.T) {
	assert.NotErrorIs(t, refusal(&kernel.Error{Errno: unix.EINVAL}, TargetRTPENGINE), ErrNoTarget)
	assert.NoError(t, refusal(nil, TargetRTPENGINE))
}
