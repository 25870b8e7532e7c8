package ansible_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// cutOff lets in by ssh who is elsewhere.
	cutOff = "version: 1\nroles:\n  administrators: {allow: [203.0.113.0/24]}\n"
	// noSIP refuses SIP from where Ansible runs.
	noSIP   = "version: 1\nroles:\n  administrators: {allow: [{file: lists/noc.txt}]}\n  subscribers: {allow: [203.0.113.0/24]}\n"
	invalid = "version: 1\nroles:\n  administrators: {allow: [198.51.100.7/24]}\n"
)

// The order matters: each step begins with what the one before has left.
func TestRole(t *testing.T) {
	needs(t)
	host := newHost(t)
	host.answerSIP(t)
	c := newControl(t, host)
	good, err := os.ReadFile("testdata/policy.yml")
	require.NoError(t, err)
	use := func(t *testing.T, policy string) string { return "ngcp_fw_policy=" + c.policy(t, policy) }

	t.Run("check, nothing installed", func(t *testing.T) {
		before := host.holds(t)
		p := c.play(t, "--check", "--diff", "-e", use(t, string(good)), "-e", "ngcp_fw_binary="+program)
		require.Zero(t, p.code, p.output)
		assert.Contains(t, p.output, "is not on this host yet")
		assert.Equal(t, before, host.holds(t))
	})
	require.Zero(t, host.run("cp", program, installed).Code)
	t.Run("check", func(t *testing.T) {
		before := host.holds(t)
		p := c.play(t, "--check", "--diff", "-e", use(t, string(good)))
		require.Zero(t, p.code, p.output)
		assert.Regexp(t, `!  ssh +22/tcp +198\.51\.100\.0/24`, p.output)
		assert.Positive(t, p.changed)
		assert.Equal(t, before, host.holds(t))
	})
	t.Run("first run", func(t *testing.T) {
		logins := host.logins()
		p := c.play(t, "-e", use(t, string(good)), "-e", "ngcp_fw_sip_address="+hostAddr)
		require.Zero(t, p.code, p.output)
		assert.Positive(t, p.changed)
		assert.True(t, host.inForce())
		assert.Contains(t, host.run(installed, "status", "-o", "json").Stdout, `"confirmed": true`)
		assert.Equal(t, logins+2, host.logins(), "confirmed by the connection that applied")
		assert.Less(t, p.took, time.Minute, "a task waits for who would go back after two minutes")
	})
	t.Run("second run", func(t *testing.T) {
		before := host.holds(t)
		p := c.play(t, "--diff", "-e", use(t, string(good)))
		require.Zero(t, p.code, p.output)
		assert.Zero(t, p.changed, p.output)
		assert.Equal(t, before, host.holds(t))
	})
	t.Run("invalid", func(t *testing.T) {
		before := host.holds(t)
		p := c.play(t, "-e", use(t, invalid))
		require.NotZero(t, p.code, p.output)
		assert.Contains(t, p.output, "policy.yml:3:")
		assert.Equal(t, before, host.holds(t))
	})
	t.Run("lock-out", func(t *testing.T) {
		before := host.holds(t)
		p := c.play(t, "-e", use(t, cutOff))
		require.NotZero(t, p.code, p.output)
		assert.Contains(t, p.output, `"rc": 4`)
		assert.Equal(t, before, host.holds(t))
		assert.True(t, host.inForce())
	})

	const trial, patience = "ngcp_fw_confirm=10s", "ngcp_fw_patience=4"
	cameBack := 0
	comesBack := func(t *testing.T, p played) {
		t.Helper()
		require.NotZero(t, p.code, p.output)
		require.Eventually(t, host.inForce, 15*time.Second, 100*time.Millisecond, "the old rules do not come back")
		assert.Contains(t, host.run(installed, "status", "-o", "json").Stdout, `"pending": null`)
		cameBack++
		assert.Equal(t, cameBack, strings.Count(host.run(installed, "history").Stdout, "nobody"))
	}
	t.Run("lock-out insisted on", func(t *testing.T) {
		comesBack(t, c.play(t, "-e", use(t, cutOff), "-e", "ngcp_fw_allow_lockout=true", "-e", trial, "-e", patience))
	})
	t.Run("SIP is not answered", func(t *testing.T) {
		p := c.play(t, "-e", use(t, noSIP), "-e", "ngcp_fw_sip_address="+hostAddr, "-e", trial, "-e", patience)
		assert.Contains(t, p.output, "no answer to SIP OPTIONS")
		comesBack(t, p)
	})
	t.Run("new connections fail", func(t *testing.T) {
		sabotage, err := filepath.Abs("testdata/sabotage.yml")
		require.NoError(t, err)
		p := c.play(t, sabotage, "-e", use(t, noSIP), "-e", trial, "-e", patience)
		assert.Contains(t, p.output, "timed out waiting for ping")
		comesBack(t, p)
	})
}
