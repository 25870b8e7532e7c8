package guest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithoutTheModuleTheFirewallIsInForce(t *testing.T) {
	clean(t)
	forbid(t)
	for _, row := range []struct {
		rule      string
		code      int
		complains string
	}{
		{"auto", 0, "the mediaproxy rule is not in force: this kernel has no target RTPENGINE"},
		{"xtables", 3, "the ruleset is in force, but not the mediaproxy rule: this kernel has no target RTPENGINE"},
		{"daemon", 0, ""},
		{"off", 0, ""},
	} {
		t.Run(row.rule, func(t *testing.T) {
			fw(t, 0, "remove")
			complaint := apply(t, row.code, "mediaproxy: {rule: "+row.rule+"}\n").err
			assert.Contains(t, complaint, row.complains)
			if row.complains == "" {
				assert.Empty(t, complaint)
			}
			run(t, "nft", "list", "table", "inet", "ngcp-fw")
		})
	}
	start(t)
	apply(t, 0, "")
	c := connect(t, phoneA4, phoneB4)
	assert.Zero(t, c.converse(t), "a call in user space")
	c.hangUp(t)
	s := status(t, 1)
	assert.True(t, s.Applied)
	assert.False(t, s.Mediaproxy.InForce)
	assert.Len(t, s.Drift, 2)
}

func TestTheRuleBeforeTheDaemon(t *testing.T) {
	clean(t)
	noModule(t)
	apply(t, 0, "mediaproxy: {rule: xtables}\n")
	require.FileExists(t, "/proc/rtpengine/control", "the rule loads the module")
	start(t)
	inForce(t)
	c := connect(t, phoneA4, phoneB4)
	assert.Equal(t, everything, c.converse(t))
	c.hangUp(t)
}

func TestTheDaemonBeforeTheRule(t *testing.T) {
	clean(t)
	run(t, "modprobe", "xt_RTPENGINE")
	start(t)
	c := connect(t, phoneA4, phoneB4)
	assert.Zero(t, c.converse(t), "no rule, nor a firewall")
	apply(t, 0, "")
	findings := status(t, 0).Mediaproxy.Findings
	if assert.Len(t, findings, 1) {
		assert.Contains(t, findings[0], "which has forwarded no packet")
	}
	assert.Equal(t, everything, c.converse(t), "the same call")
	inForce(t)
	c.hangUp(t)
}

// The daemon looks for the module only when it starts.
func TestTheDaemonBeforeTheModule(t *testing.T) {
	clean(t)
	noModule(t)
	d := start(t)
	apply(t, 0, "")
	s := status(t, 0)
	assert.True(t, s.Mediaproxy.InForce)
	if assert.Len(t, s.Mediaproxy.Findings, 1) {
		assert.Contains(t, s.Mediaproxy.Findings[0], "has not opened its table 0 in the kernel")
	}
	c := connect(t, phoneA4, phoneB4)
	assert.Zero(t, c.converse(t), "in user space")
	c.hangUp(t)
	d.stop(t)
	start(t)
	inForce(t)
	c = connect(t, phoneA4, phoneB4)
	assert.Equal(t, everything, c.converse(t))
	c.hangUp(t)
}

func TestTheSettingDecidesWhoKeepsTheRule(t *testing.T) {
	clean(t)
	start(t)
	apply(t, 0, "mediaproxy: {rule: xtables}\n")
	assert.Equal(t, "xtables", inForce(t).Mediaproxy.Rule)
	apply(t, 0, "mediaproxy: {rule: off}\n")
	s := status(t, 0)
	assert.Equal(t, "off", s.Mediaproxy.Mode)
	assert.Empty(t, s.Mediaproxy.Rules, "ours is taken away")
	assert.Contains(t, apply(t, 3, "mediaproxy: {rule: daemon}\n").err,
		"did not put it back", "rtpengine 10.5 cannot keep a rule")
	s = status(t, 1)
	assert.Equal(t, "daemon", s.Mediaproxy.Mode)
	assert.False(t, s.Mediaproxy.InForce)
	apply(t, 0, "mediaproxy: {rule: auto, table: 7}\n")
	assert.Equal(t, "xtables", inForce(t).Mediaproxy.Mode, "the running daemon's table, not the policy's")
	apply(t, 0, "mediaproxy: {rule: xtables, table: 7}\n")
	findings := status(t, 0).Mediaproxy.Findings
	require.NotEmpty(t, findings)
	assert.Contains(t, findings[0], "no rtpengine here uses that table: set mediaproxy.table to the daemon's (0)")
}
