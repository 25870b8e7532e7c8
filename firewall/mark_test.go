package firewall

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/store"
)

func TestMarkSparesAllReading(t *testing.T) {
	t.Parallel()
	f := inNamespace(t)
	m := crowd(t, 10_500)
	_, err := f.Apply(m, operator, Options{})
	require.NoError(t, err)
	mark := filepath.Join(f.RunDir, "in-force.json")
	info, err := os.Stat(mark)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	// With the snapshot's content damaged, only the mark knows that all is well.
	damage(t, f, "generation-1.ruleset")
	assert.Empty(t, status(t, f).Drift)
	full, err := f.StatusInFull()
	require.NoError(t, err)
	assert.NotEmpty(t, full.Drift)

	for _, text := range []string{"", "{", "null", `{"generation": 1}`, `{"generation": 99}`} {
		require.NoError(t, os.WriteFile(mark, []byte(text), 0o600))
		assert.NotEmpty(t, status(t, f).Drift, text)
	}
	_, err = f.Apply(m, operator, Options{}) // keeps the snapshot anew
	require.NoError(t, err)
	s := status(t, f)
	assert.Empty(t, s.Drift)
	require.NoError(t, os.Remove(mark))
	assert.Len(t, status(t, f).Sampled, 1)
	assert.NoFileExists(t, mark, "samples are not all")
	_, err = f.StatusInFull()
	require.NoError(t, err)
	assert.FileExists(t, mark)
	assert.Empty(t, status(t, f).Sampled)
}

func TestMarkCannotBeKept(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	nftScript(t, "add table inet other")
	require.NoError(t, os.RemoveAll(f.RunDir))
	assert.Empty(t, status(t, f).Drift)
	assert.NoDirExists(t, f.RunDir)
	require.NoError(t, os.Mkdir(f.RunDir, 0o700))
	require.NoError(t, unix.Mount("tmpfs", f.RunDir, "tmpfs", unix.MS_RDONLY, ""))
	defer func() { assert.NoError(t, unix.Unmount(f.RunDir, unix.MNT_DETACH)) }()
	assert.Empty(t, status(t, f).Drift)
}

// A mark of another boot, namespace or state directory says nothing here.
func TestMarkOfElsewhere(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	mark, err := store.ReadMark(f.RunDir)
	require.NoError(t, err)
	nftScript(t, "add rule inet ngcp-fw input-1 accept")
	conn, err := kernel.Open()
	require.NoError(t, err)
	defer conn.Close()
	mark.GenID, err = conn.Generation()
	require.NoError(t, err)
	require.NoError(t, mark.Write(f.RunDir))
	require.Empty(t, status(t, f).Drift, "this one is believed")
	for _, change := range []func(*store.Mark){
		func(m *store.Mark) { m.GenID-- }, func(m *store.Mark) { m.BootID = "" }, func(m *store.Mark) { m.NetNS++ },
		func(m *store.Mark) { m.Ruleset = "" }, func(m *store.Mark) { m.Generation++ }, func(m *store.Mark) { m.Differs = []string{"a"} },
	} {
		other := mark
		change(&other)
		require.NoError(t, other.Write(f.RunDir))
		assert.Len(t, status(t, f).Drift, 1, "%+v", other)
	}
}
