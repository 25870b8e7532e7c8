package firewall

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/host"
	"ngcp-fw/policy"
)

// reboot is what a boot leaves of a firewall: its state on disk.
func reboot(t *testing.T, f Firewall) {
	t.Helper()
	nft(t, "flush", "ruleset")
	require.NoError(t, os.RemoveAll(f.RunDir))
	numbers, err := f.store().Numbers()
	require.NoError(t, err)
	for _, n := range numbers {
		snapshot, err := f.store().Load(n)
		if err != nil {
			continue
		}
		snapshot.Meta.BootID = "earlier"
		require.NoError(t, f.store().Save(snapshot.Meta, snapshot.Content))
	}
}

func spoil(t *testing.T, f Firewall, name string) {
	t.Helper()
	path := filepath.Join(f.StateDir, name)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

func TestRestoreIsWhatWasApplied(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	apply(t, f, everyone)
	before := nft(t, "list", "ruleset")
	reboot(t, f)
	r, err := f.Restore(operator)
	require.NoError(t, err)
	assert.Empty(t, r.Why)
	assert.Equal(t, uint64(2), r.Generation)
	assert.Equal(t, before, nft(t, "list", "ruleset"))

	s := status(t, f)
	assert.True(t, s.Applied)
	assert.Empty(t, s.Drift)
	assert.Equal(t, uint64(2), s.Generation)
	assert.False(t, apply(t, f, everyone).Changed())

	r, err = f.Restore(operator)
	require.NoError(t, err)
	assert.False(t, r.Changed())
}

func TestRestoreOverSomethingElse(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	nft(t, "flush", "chain", "inet", "ngcp-fw", "input-1")
	r, err := f.Restore(operator)
	require.NoError(t, err)
	assert.True(t, r.Changed())
	assert.Empty(t, status(t, f).Drift)
	assert.False(t, apply(t, f, office).Changed())
}

func TestRestoreFallsBack(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	apply(t, f, everyone)
	spoil(t, f, "generation-2.ruleset")
	reboot(t, f)
	r, err := f.Restore(operator)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), r.Generation)
	require.Len(t, r.Why, 1)
	assert.Contains(t, r.Why[0], "generation-2.ruleset")
	assert.Empty(t, status(t, f).Drift)
}

func TestRestoreOfManagementOnly(t *testing.T) {
	for name, test := range map[string]struct {
		spoiled func(t *testing.T, f Firewall)
		sources []string
	}{
		"rulesets lost":   {func(t *testing.T, f Firewall) { spoil(t, f, "generation-1.ruleset") }, []string{"192.0.2.0/24"}},
		"all lost":        {func(t *testing.T, f Firewall) { require.NoError(t, os.RemoveAll(f.StateDir)) }, []string{"0.0.0.0/0", "::/0"}},
		"nothing of meta": {func(t *testing.T, f Firewall) { spoil(t, f, "generation-1.json") }, []string{"0.0.0.0/0", "::/0"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := inNamespace(t)
			apply(t, f, office)
			test.spoiled(t, f)
			reboot(t, f)
			r, err := f.Restore(operator)
			require.NoError(t, err)
			assert.True(t, r.Management)
			assert.NotEmpty(t, r.Why)
			assert.Equal(t, test.sources, r.Allows.Strings())
			text := nft(t, "list", "ruleset")
			assert.Contains(t, text, "policy drop")
			assert.NotContains(t, text, "5060")
			require.True(t, strings.Contains(text, "22 : goto"), text)
		})
	}
}

// What a restore knows of its model decides over flows as the policy did.
func TestAgainRefusesTheSameFlows(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	snapshot, err := f.store().Load(1)
	require.NoError(t, err)
	w, err := again(snapshot)
	require.NoError(t, err)
	was := refuses(model(t, office))
	for _, from := range []string{"192.0.2.7:1000", "203.0.113.9:1000"} {
		for _, to := range []string{"198.51.100.1:22", "198.51.100.1:5060"} {
			flow := host.Flow{From: netip.MustParseAddrPort(from), To: netip.MustParseAddrPort(to), Protocol: uint8(policy.TCP)}
			assert.Equal(t, was(flow), refuses(w.model)(flow), "%s → %s", from, to)
		}
	}
}

// A generation of which not even the description is left is missed, not forgotten.
func TestRestoreMissesWhatIsLost(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	apply(t, f, everyone)
	reboot(t, f)
	require.NoError(t, os.Remove(filepath.Join(f.StateDir, "generation-2.json")))
	r, err := f.Restore(operator)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), r.Generation)
	require.Len(t, r.Why, 1)
	assert.Contains(t, r.Why[0], "the snapshot of generation 2, which was the last one, is lost")
}

// Where the lock cannot be had, a boot puts the ruleset into force all the same.
func TestRestoreWithoutALock(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	reboot(t, f)
	require.NoError(t, os.WriteFile(f.RunDir, nil, 0o600)) // a file in the directory's place
	r, err := f.Restore(operator)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), r.Generation)
	require.Len(t, r.Why, 1)
	assert.Contains(t, r.Why[0], "for the lock")
	assert.Contains(t, nft(t, "list", "tables"), "ngcp-fw")
}

// A directory that others may write to is told; a generation that somebody else
// could have put there is none.
func TestRestoreTrustsOnlyRootsFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root gives files away")
	}
	f := inNamespace(t)
	apply(t, f, office)
	apply(t, f, everyone)
	reboot(t, f)
	require.NoError(t, os.Chmod(f.StateDir, 0o777))
	r, err := f.Restore(operator)
	require.NoError(t, err)
	assert.Equal(t, uint64(2), r.Generation)
	assert.Contains(t, strings.Join(r.Remarks, "\n"), "may be anybody's: others may write to state (mode 0777); take that away with chmod go-w")

	require.NoError(t, os.Chmod(f.StateDir, 0o700))
	reboot(t, f)
	require.NoError(t, os.Chown(filepath.Join(f.StateDir, "generation-2.json"), 4711, 4711))
	r, err = f.Restore(operator)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), r.Meta.Number)
	assert.Contains(t, strings.Join(r.Why, "\n"), "generation-2.json belongs to somebody else (user 4711)")
}
