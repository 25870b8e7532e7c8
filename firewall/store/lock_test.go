package store

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const holderVariable = "STORE_TEST_HOLD"

// TestHolder is the other process of the next tests: it holds the lock until
// it is killed.
func TestHolder(t *testing.T) {
	dir := os.Getenv(holderVariable)
	if dir == "" {
		t.Skip("runs as a child of TestLockOfAnotherProcess")
	}
	_, err := Lock(dir)
	require.NoError(t, err)
	fmt.Println("held")
	time.Sleep(time.Minute)
}

func startHolder(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHolder$")
	cmd.Env = append(os.Environ(), holderVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", line)
	return cmd
}

func TestLockOfAnotherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	holder := startHolder(t, dir)
	start := time.Now()
	_, err := lock(dir, 300*time.Millisecond)
	assert.EqualError(t, err, fmt.Sprintf("another ngcp-fw (pid %d: %s -test.run=^TestHolder$) is at work; it still was after 300ms",
		holder.Process.Pid, filepath.Base(os.Args[0])))
	assert.GreaterOrEqual(t, time.Since(start), 300*time.Millisecond)

	time.AfterFunc(100*time.Millisecond, func() { _ = holder.Process.Kill() })
	held, err := Lock(dir)
	require.NoError(t, err, "a killed holder holds no longer")
	text, err := os.ReadFile(filepath.Join(dir, "lock"))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(text), fmt.Sprintf("pid %d: ", os.Getpid())), "%q", text)
	require.NoError(t, held.Unlock())
}

func TestLockIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "deep")
	held, err := Lock(dir)
	require.NoError(t, err)
	defer held.Unlock()
	for name, mode := range map[string]os.FileMode{"": 0o700, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), name)
	}
}

func TestLockIsNotInherited(t *testing.T) {
	dir := t.TempDir()
	held, err := Lock(dir)
	require.NoError(t, err)
	child := exec.Command("sleep", "60")
	require.NoError(t, child.Start())
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	require.NoError(t, held.Unlock())
	held, err = lock(dir, 0)
	require.NoError(t, err)
	require.NoError(t, held.Unlock())
}

func TestLockNotFollowingLinks(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	require.NoError(t, os.WriteFile(precious, []byte("text"), 0o600))
	require.NoError(t, os.Symlink(precious, filepath.Join(dir, "lock")))
	_, err := lock(dir, 0)
	require.ErrorIs(t, err, syscall.ELOOP)
	assert.ErrorContains(t, err, "symbolic link")
	text, err := os.ReadFile(precious)
	require.NoError(t, err)
	assert.Equal(t, "text", string(text))
}

func TestHoldersNameIsHarmless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	for text, want := range map[string]string{
		"": "", " \n": "", "pid 1: x\n": " (pid 1: x)", "a\x1b[31mb\xff": " (a [31mb)",
		strings.Repeat("x", 5000): " (" + strings.Repeat("x", holderSize) + ")",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		f, err := os.Open(path)
		require.NoError(t, err)
		assert.Equal(t, want, readHolder(f))
		require.NoError(t, f.Close())
	}
}

// Many writers, one file: never two at a time.
func TestOneWriterAtATime(t *testing.T) {
	dir := t.TempDir()
	var inside sync.Mutex
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 10 {
				held, err := Lock(dir)
				if !assert.NoError(t, err) {
					return
				}
				assert.True(t, inside.TryLock(), "two hold the lock")
				time.Sleep(time.Millisecond)
				inside.Unlock()
				assert.NoError(t, held.Unlock())
			}
		})
	}
	writers.Wait()
}

func TestLockOnARemovedFileDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	held, err := Lock(dir)
	require.NoError(t, err)
	path := filepath.Join(dir, "lock")
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	assert.True(t, inPlace(f, path))
	require.NoError(t, os.Remove(path))
	assert.False(t, inPlace(f, path))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	assert.False(t, inPlace(f, path))
	require.NoError(t, held.Unlock())
}
