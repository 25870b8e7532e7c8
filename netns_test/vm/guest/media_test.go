package guest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pairs are calls within a family, and between the two.
var pairs = []struct{ name, from, to string }{
	{"IPv4", phoneA4, phoneB4},
	{"IPv6", phoneA6, phoneB6},
	{"IPv4 to IPv6", phoneA4, phoneB6},
	{"IPv6 to IPv4", phoneA6, phoneB4},
}

func TestTheKernelForwardsCalls(t *testing.T) {
	clean(t)
	assert.Contains(t, apply(t, 0, "").out, "The mediaproxy rule (RTPENGINE, table 0) was put in: rtpengine 10.5")
	start(t)
	before := inForce(t)
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			c := connect(t, p.from, p.to)
			assert.Equal(t, everything, c.converse(t))
			c.hangUp(t)
		})
	}
	const commands = 2 * 3 // offer, answer and delete come and are answered on this host, by UDP
	after := inForce(t)
	counted := after.taken("ip") + after.taken("ip6") - before.taken("ip") - before.taken("ip6")
	assert.Equal(t, len(pairs)*(2*firstWords+everything+commands), counted, "the rule counts all UDP that is accepted")
}

func TestNothingComesFromSourcesThatAreNotAllowed(t *testing.T) {
	clean(t)
	apply(t, 0, "")
	start(t)
	for _, p := range []struct{ name, from, to string }{{"IPv4", stranger4, phoneB4}, {"IPv6", stranger6, phoneB6}} {
		t.Run(p.name, func(t *testing.T) {
			c := dial(t, p.from, p.to)
			allowed := c.ends[1]
			c.monologue(t, 0)
			assert.Zero(t, allowed.heard.Load(), "before rtpengine has sent anything to the stranger")
			c.monologue(t, 1)
			c.otherWayOpen(t)
			kernel := inKernel(t)
			c.monologue(t, 0)
			assert.Zero(t, allowed.heard.Load(), "what rtpengine sent makes no reply of the stranger's packets")
			assert.Equal(t, kernel, inKernel(t))
			time.Sleep(1500 * time.Millisecond) // the daemon asks the kernel every second
			assert.EqualValues(t, sentence, c.total(t), "packets in the daemon's count: the allowed phone's")
			c.hangUp(t)
		})
	}
}

// The kernel has the streams by then, so only the order of the chains keeps the
// packets from the module.
func TestWhoIsDeniedDuringACallIsSilentAtOnce(t *testing.T) {
	for _, p := range []struct{ name, from, to string }{{"IPv4", phoneA4, phoneB6}, {"IPv6", phoneA6, phoneB4}} {
		t.Run(p.name, func(t *testing.T) {
			clean(t)
			apply(t, 0, "")
			start(t)
			c := connect(t, p.from, p.to)
			assert.Equal(t, everything, c.converse(t))
			apply(t, 0, "deny: ["+`"`+p.from+`"`+"]\n")
			inForce(t)
			heard, kernel := c.ends[1].heard.Load(), inKernel(t)
			c.monologue(t, 0)
			assert.Equal(t, heard, c.ends[1].heard.Load())
			assert.Equal(t, kernel, inKernel(t))
			c.monologue(t, 1)
			c.otherWayOpen(t)
			assert.Equal(t, kernel+sentence, inKernel(t))
			c.hangUp(t)
		})
	}
}

func TestALostRuleIsToldAndPutBack(t *testing.T) {
	clean(t)
	apply(t, 0, "")
	start(t)
	c := connect(t, phoneA4, phoneB4)
	assert.Equal(t, everything, c.converse(t))
	for _, row := range []struct {
		name, nft string
		drift     []string
	}{
		{"the ruleset is flushed", "flush ruleset",
			[]string{"the mediaproxy rule for IPv4 is missing", "the mediaproxy rule for IPv6 is missing"}},
		{"our chain is deleted", "flush chain ip filter ngcp-fw-mediaproxy; delete chain ip filter ngcp-fw-mediaproxy",
			[]string{"the mediaproxy rule for IPv4 is missing"}},
		{"our chain is flushed", "flush chain ip filter ngcp-fw-mediaproxy",
			[]string{"somebody else changed chain ngcp-fw-mediaproxy of table ip filter"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, "nft", row.nft)
			s := status(t, 1)
			assert.False(t, s.Mediaproxy.InForce)
			drift := strings.Join(s.Drift, "\n")
			for _, want := range row.drift {
				assert.Contains(t, drift, want)
			}
			assert.Zero(t, c.converse(t), "the call goes on in user space")
			assert.Contains(t, apply(t, 0, "").out, "was put in")
			inForce(t)
			assert.Equal(t, everything, c.converse(t), "the same call")
		})
	}
	c.hangUp(t)
	c = connect(t, phoneA4, phoneB4)
	assert.Equal(t, everything, c.converse(t), "a new call")
	c.hangUp(t)
}

func TestTheRuleOutlivesTheDaemon(t *testing.T) {
	clean(t)
	apply(t, 0, "")
	d := start(t)
	lost := connect(t, phoneA4, phoneB4)
	assert.Equal(t, everything, lost.converse(t))
	d.stop(t)
	s := status(t, 0)
	assert.True(t, s.Mediaproxy.InForce)
	assert.Equal(t, []string{"no rtpengine runs here"}, s.Mediaproxy.Findings)
	start(t)
	before := inForce(t)
	assert.Greater(t, before.taken("ip"), everything, "of the lost call")
	c := connect(t, phoneA4, phoneB4)
	assert.Equal(t, everything, c.converse(t))
	assert.Greater(t, inForce(t).taken("ip"), before.taken("ip")+everything, "it is the same rule, with its count")
	c.hangUp(t)
}

func TestAppliesCostNoPacketOfACall(t *testing.T) {
	clean(t)
	policies := []string{"", "  friends: {allow: [203.0.113.0/24]}\nservices: {ssh: {roles: [administrators, friends]}}\n"}
	apply(t, 0, policies[0])
	start(t)
	c := connect(t, phoneA4, phoneB6)
	before, generation := inKernel(t), status(t, 0).Generation
	stop := c.keepTalking(t)
	defer stop()
	for i := range 20 {
		apply(t, 0, policies[(i+1)%2])
	}
	stop()
	c.complete(t)
	kernel := inKernel(t) - before
	sent := int(c.ends[0].sent.Load())
	t.Logf("%d packets a phone, %d forwarded by the kernel", sent, kernel)
	assert.Greater(t, sent, everything)
	assert.Equal(t, 2*(sent-firstWords), kernel)
	assert.Equal(t, generation+20, inForce(t).Generation)
	c.hangUp(t)
}

func TestWhateverComesBackKeepsTheRule(t *testing.T) {
	clean(t)
	run(t, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", "9999", "-j", "ACCEPT")
	others := func() string { return run(t, "sh", "-c", "iptables-save -t filter | grep -v '^#'") }
	before := others()
	apply(t, 0, "")
	start(t)
	c := connect(t, phoneA4, phoneB4)
	assert.Equal(t, everything, c.converse(t))
	apply(t, 0, "deny: [203.0.113.66]\n")
	fw(t, 0, "rollback")
	assert.Equal(t, everything, c.converse(t), "after a rollback")
	file := filepath.Join(t.TempDir(), "policy.yml")
	require.NoError(t, os.WriteFile(file, []byte(policyText+"mediaproxy: {rule: off}\ndeny: [203.0.113.67]\n"), 0o600))
	fw(t, 0, "apply", "-f", file, "--confirm", "1s")
	assert.False(t, status(t, 0).Mediaproxy.InForce)
	require.Eventually(t, func() bool { return status(t, 0).Confirmed }, 10*time.Second, 100*time.Millisecond)
	assert.Equal(t, everything, c.converse(t), "after a trial that nobody confirmed")
	run(t, "nft", "delete", "chain", "ip", "filter", "ngcp-fw-mediaproxy")
	fw(t, 0, "restore")
	assert.Equal(t, everything, c.converse(t), "after a restore")
	inForce(t)
	assert.Equal(t, before, others())
	c.hangUp(t)
}

func TestRemoveTakesOurChainAndNothingElse(t *testing.T) {
	clean(t)
	run(t, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", "9999", "-j", "ACCEPT")
	run(t, "ip6tables", "-A", "INPUT", "-p", "tcp", "--dport", "9999", "-j", "REJECT")
	others := func() string { return run(t, "nft", "--stateless", "list", "ruleset") }
	before := others()
	apply(t, 0, "")
	start(t)
	c := connect(t, phoneA4, phoneB4)
	assert.Equal(t, everything, c.converse(t))
	assert.NotEqual(t, before, others())
	fw(t, 0, "remove")
	assert.Equal(t, before, others())
	assert.Zero(t, c.converse(t), "the call goes on in user space")
	c.hangUp(t)
}

// A rule of the init script, as of mr3.7 to mr11.5, at the priority of iptables.
func TestARuleOfOthersComesAfterOurVerdict(t *testing.T) {
	clean(t)
	for _, iptables := range []string{"iptables", "ip6tables"} {
		run(t, iptables, "-A", "INPUT", "-p", "udp", "-j", "RTPENGINE", "--id", "0")
	}
	apply(t, 0, "mediaproxy: {rule: daemon}\n")
	start(t)
	s := status(t, 0)
	assert.Equal(t, "daemon", s.Mediaproxy.Mode)
	assert.True(t, s.Mediaproxy.InForce)
	c := connect(t, phoneA4, phoneB6)
	assert.Equal(t, everything, c.converse(t))
	c.hangUp(t)
	c = dial(t, stranger4, phoneB6)
	c.monologue(t, 1)
	kernel := inKernel(t)
	c.monologue(t, 0)
	require.Equal(t, kernel, inKernel(t))
	assert.Zero(t, c.ends[1].heard.Load())
	c.hangUp(t)
}
