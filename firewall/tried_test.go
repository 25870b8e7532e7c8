package firewall

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/store"
)

// try begins a trial that nobody watches.
func try(t *testing.T, f Firewall, text string) *Plan {
	t.Helper()
	unwatched := &Trial{For: time.Hour, Guard: func(store.Pending) error { return nil }}
	plan, err := f.Apply(model(t, text), operator, Options{Trial: unwatched, Lockout: true})
	require.NoError(t, err)
	return plan
}

// A boot in the midst of the first trials restores what was before them: nothing.
func TestRestoreOfTrialsAlone(t *testing.T) {
	f := inNamespace(t)
	for range 2 { // the second time, the history tells of the first
		try(t, f, office)
		try(t, f, everyone)
		reboot(t, f)
		r, err := f.Restore(operator)
		require.NoError(t, err)
		assert.True(t, r.Nothing)
		assert.False(t, r.Management)
		assert.Empty(t, nft(t, "list", "ruleset"))
		kept, err := f.store().Numbers()
		require.NoError(t, err)
		assert.Empty(t, kept)
	}
}

// Whatever leaves a doubt about that opens nothing.
func TestRestoreOfTrialsInDoubt(t *testing.T) {
	for name, doubt := range map[string]func(t *testing.T, f Firewall){
		"a snapshot is damaged": func(t *testing.T, f Firewall) { spoil(t, f, "generation-2.json") },
		"the history is lost": func(t *testing.T, f Firewall) {
			require.NoError(t, os.Remove(filepath.Join(f.StateDir, "history.jsonl")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := inNamespace(t)
			try(t, f, office)
			try(t, f, everyone)
			doubt(t, f)
			reboot(t, f)
			_, err := f.Restore(operator)
			require.NoError(t, err)
			assert.Contains(t, nft(t, "list", "ruleset"), "policy drop")
		})
	}
	t.Run("one was confirmed, and its snapshot is lost", func(t *testing.T) {
		f := inNamespace(t)
		apply(t, f, office)
		try(t, f, everyone)
		require.NoError(t, f.store().Drop(1))
		reboot(t, f)
		r, err := f.Restore(operator)
		require.NoError(t, err)
		assert.True(t, r.Management)
	})
}
