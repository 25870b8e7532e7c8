package firewall

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/firewall/store"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// inNamespace moves the test for good to a thread with network and mounts of
// its own.
func inNamespace(t *testing.T) Firewall {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		t.Skipf("SKIPPED: no namespaces of our own: %v", err)
	}
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	dir := t.TempDir()
	return Firewall{StateDir: filepath.Join(dir, "state"), RunDir: filepath.Join(dir, "run")}
}

func model(t *testing.T, text string) *exposure.Model {
	t.Helper()
	p, diags := policy.Parse("policy.yml", []byte(text), nil)
	require.Zero(t, diags.Errors(), "%v", diags)
	m, diags := exposure.Resolve(exposure.Inputs{Policy: p, Now: time.Now()})
	require.Zero(t, diags.Errors(), "%v", diags)
	return m
}

func nft(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("nft", args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

const (
	office   = "version: 1\nroles: {administrators: {allow: [192.0.2.0/24]}}\n"
	everyone = "version: 1\nroles: {administrators: {allow: [any]}}\n"
)

var operator = Author{Who: "root", Policy: "policy.yml", Digest: [32]byte{0x9f}}

func apply(t *testing.T, f Firewall, text string) *Plan {
	t.Helper()
	plan, err := f.Apply(model(t, text), operator, Options{})
	require.NoError(t, err)
	return plan
}

func TestPlanApplyStatusRemove(t *testing.T) {
	f := inNamespace(t)
	s, err := f.Status()
	require.NoError(t, err)
	assert.Equal(t, &Status{Media: s.Media}, s)
	assert.Equal(t, mediaproxy.ModeOff, s.Media.Mode)

	plan, err := f.Plan(model(t, office))
	require.NoError(t, err)
	assert.True(t, plan.Changed())
	assert.True(t, plan.Known)
	assert.Empty(t, plan.Exposure.Lost)
	assert.NotEmpty(t, plan.Exposure.Gained)
	assert.Empty(t, nft(t, "list", "ruleset"), "a plan changes nothing")
	assert.NoDirExists(t, f.StateDir)

	assert.Equal(t, uint64(1), apply(t, f, office).Generation)
	s, err = f.Status()
	require.NoError(t, err)
	assert.True(t, s.Applied)
	assert.Equal(t, uint64(1), s.Generation)
	assert.Empty(t, s.Drift)
	assert.Equal(t, "root", s.Snapshot.Who)
	assert.Equal(t, "policy.yml", s.Snapshot.Policy)
	assert.True(t, strings.HasPrefix(s.Snapshot.Digest, "9f00"))

	removed, err := f.Remove()
	require.NoError(t, err)
	assert.True(t, removed)
	assert.Empty(t, nft(t, "list", "ruleset"))
	assert.NoFileExists(t, filepath.Join(f.RunDir, "in-force.json"))
	s, err = f.Status()
	require.NoError(t, err)
	assert.Equal(t, &Status{Media: s.Media}, s)
	assert.Equal(t, mediaproxy.ModeOff, s.Media.Mode)
	removed, err = f.Remove()
	require.NoError(t, err)
	assert.False(t, removed)
}

func TestUnchangedSendsNothing(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	conn, err := kernel.Open()
	require.NoError(t, err)
	defer conn.Close()
	before, err := conn.Generation()
	require.NoError(t, err)
	plan := apply(t, f, office)
	assert.False(t, plan.Changed())
	assert.Equal(t, uint64(1), plan.Generation)
	after, err := conn.Generation()
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

// The rule is no part of the table: what was asked for is known, and restored, all
// the same.
func TestOnlyTheMediaproxyRuleIsAskedForOtherwise(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	for _, setting := range []string{"off", "daemon", "auto"} {
		plan := apply(t, f, office+"mediaproxy: {rule: "+setting+"}\n")
		assert.False(t, plan.Changed())
		s, err := f.Status()
		require.NoError(t, err)
		assert.Equal(t, setting, s.Snapshot.Mediaproxy.Rule)
		assert.Equal(t, uint64(1), s.Snapshot.Number)
		assert.Empty(t, s.Drift)
	}
}

func TestChangeKeepsOtherTables(t *testing.T) {
	f := inNamespace(t)
	nft(t, "add table ip docker; add chain ip docker user { type filter hook input priority 5; }; add rule ip docker user tcp dport 3306 accept")
	foreign := nft(t, "list", "table", "ip", "docker")
	apply(t, f, office)
	nft(t, "add", "element", "inet", "ngcp-fw", "banned4", "{ 203.0.113.66 timeout 1h }")
	plan := apply(t, f, everyone)
	assert.Equal(t, uint64(2), plan.Generation)
	assert.False(t, plan.Replaced)
	assert.Empty(t, plan.Exposure.Lost)
	assert.NotEmpty(t, plan.Exposure.Gained)
	assert.Contains(t, nft(t, "list", "set", "inet", "ngcp-fw", "banned4"), "203.0.113.66")
	assert.Equal(t, foreign, nft(t, "list", "table", "ip", "docker"))
	_, err := f.Remove()
	require.NoError(t, err)
	assert.Equal(t, foreign, nft(t, "list", "ruleset"))
}

func TestDriftIsSeenAndMended(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	nft(t, "add", "rule", "inet", "ngcp-fw", "input-1", "tcp", "dport", "3306", "accept")
	s, err := f.Status()
	require.NoError(t, err)
	require.Len(t, s.Drift, 1)
	assert.Equal(t, "rule added to input-1 by somebody else: tcp dport 3306 accept", s.Drift[0])
	assert.True(t, apply(t, f, office).Changed())
	s, err = f.Status()
	require.NoError(t, err)
	assert.Empty(t, s.Drift)
}

func TestTableTakenAwayByOthersIsDrift(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	nft(t, "flush", "ruleset")
	s, err := f.Status()
	require.NoError(t, err)
	assert.False(t, s.Applied)
	assert.Equal(t, []string{"table inet ngcp-fw is gone: somebody else removed it"}, s.Drift)
	assert.Equal(t, uint64(2), apply(t, f, office).Generation)
}

func TestLostSnapshotIsKeptAnew(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	require.NoError(t, os.RemoveAll(f.StateDir))
	s, err := f.Status()
	require.NoError(t, err)
	assert.True(t, s.Applied)
	require.NotEmpty(t, s.Drift)
	plan := apply(t, f, office)
	assert.False(t, plan.Changed())
	assert.False(t, plan.Known)
	s, err = f.Status()
	require.NoError(t, err)
	assert.Empty(t, s.Drift)
}

func TestDiskThatCannotKeepRefusesEverything(t *testing.T) {
	f := inNamespace(t)
	disk := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"))
	defer func() { assert.NoError(t, unix.Unmount(disk, unix.MNT_DETACH)) }()
	f.StateDir = filepath.Join(disk, "state")
	apply(t, f, office)
	before := nft(t, "list", "ruleset")

	_ = os.WriteFile(filepath.Join(disk, "ballast"), make([]byte, 128<<10), 0o600)
	_, err := f.Apply(model(t, everyone), operator, Options{})
	assert.ErrorContains(t, err, "full")
	assert.Equal(t, before, nft(t, "list", "ruleset"))

	require.NoError(t, os.Remove(filepath.Join(disk, "ballast")))
	require.NoError(t, unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	_, err = f.Apply(model(t, everyone), operator, Options{})
	assert.ErrorContains(t, err, "read-only")
	assert.Equal(t, before, nft(t, "list", "ruleset"))
	assert.False(t, apply(t, f, office).Changed(), "what is in force needs no disk")
}

func TestSecondWriterIsToldWhoHoldsTheLock(t *testing.T) {
	f := inNamespace(t)
	held, err := store.Lock(f.RunDir)
	require.NoError(t, err)
	defer held.Unlock()
	_, err = f.Apply(model(t, office), operator, Options{})
	assert.ErrorContains(t, err, "is at work")
	assert.Empty(t, nft(t, "list", "ruleset"))
}

func TestForeignTableOfOurNameIsReplaced(t *testing.T) {
	f := inNamespace(t)
	nft(t, "add table inet ngcp-fw; add chain inet ngcp-fw input { type filter hook input priority 0; }; add rule inet ngcp-fw input tcp dport 22 drop")
	plan := apply(t, f, office)
	assert.True(t, plan.Replaced)
	assert.False(t, plan.Known)
	s, err := f.Status()
	require.NoError(t, err)
	assert.Empty(t, s.Drift)
}
