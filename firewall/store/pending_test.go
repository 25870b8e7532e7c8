package store

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPreparedIsNoSnapshotUntilCommitted(t *testing.T) {
	s := New(t.TempDir())
	p, err := s.Prepare(sampleMeta(7), sampleContent)
	require.NoError(t, err)
	numbers, err := s.Numbers()
	require.NoError(t, err)
	assert.Empty(t, numbers)
	require.NoError(t, p.Commit())
	_, err = s.Load(7)
	require.NoError(t, err)
	p.Discard()
	_, err = s.Load(7)
	assert.NoError(t, err, "what is in place stays")
}

func TestDiscardLeavesNothing(t *testing.T) {
	s := New(t.TempDir())
	p, err := s.Prepare(sampleMeta(7), sampleContent)
	require.NoError(t, err)
	p.Discard()
	assert.Empty(t, names(t, s.dir))
}

func TestCommitSaysThatTheDirectoryIsGone(t *testing.T) {
	s := New(t.TempDir())
	p, err := s.Prepare(sampleMeta(7), sampleContent)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(s.dir))
	assert.ErrorContains(t, p.Commit(), "cannot keep generation 7 in "+s.dir)
}
