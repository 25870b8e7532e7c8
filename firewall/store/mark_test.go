package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestMark(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadMark(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, RemoveMark(dir))

	for _, want := range []Mark{
		{Generation: 7, Ruleset: "9f", GenID: 1<<32 - 1, BootID: "b", NetNS: 1 << 40},
		{Generation: 1<<64 - 1, Differs: []string{"a", "b"}},
	} {
		require.NoError(t, want.Write(dir))
		got, err := ReadMark(dir)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	path := filepath.Join(dir, markName)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.Equal(t, []string{markName}, names(t, dir))

	for _, text := range []string{"", "{", `{"generation": -1}`, `{"genid": 4294967296}`, "\x00"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		m, err := ReadMark(dir)
		require.ErrorContains(t, err, path+" is damaged", text)
		assert.Zero(t, m)
	}
	require.NoError(t, RemoveMark(dir))
	assert.Empty(t, names(t, dir))
}

func TestMarkWithoutADirectoryIsNotWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	require.ErrorIs(t, Mark{}.Write(dir), fs.ErrNotExist)
	assert.NoDirExists(t, dir)
}

func TestMarkOnAReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t, "128k")
	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	require.ErrorIs(t, Mark{}.Write(dir), syscall.EROFS)
}

func TestDescribe(t *testing.T) {
	s := saved(t, 1)
	want, err := s.Load(1)
	require.NoError(t, err)
	meta, err := s.Describe(1)
	require.NoError(t, err)
	assert.Equal(t, want.Meta, meta)

	require.NoError(t, os.Remove(s.path(1, rulesetSuffix)))
	_, err = s.Describe(1)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(s.path(1, metaSuffix), []byte("{}"), 0o600))
	_, err = s.Describe(1)
	assert.ErrorContains(t, err, "is damaged: "+s.path(1, metaSuffix))
	_, err = s.Describe(2)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
