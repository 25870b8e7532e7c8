package store

import (
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// smallDisk mounts a tmpfs that only this test's thread sees; the thread ends
// with the test, and the mount with the thread.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Skipf("NOT TESTED: no mount namespace of our own: %v", err)
	}
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

func TestFullDiskLeavesWhatWasThere(t *testing.T) {
	s := New(filepath.Join(smallDisk(t, "128k"), "state"))
	require.NoError(t, s.Writable())
	require.NoError(t, s.Save(sampleMeta(1), sampleContent))
	big := []ruleset.Message{{Body: make([]byte, 256<<10)}}
	_, _ = rand.Read(big[0].Body)

	for _, n := range []uint64{1, 2} {
		err := s.Save(sampleMeta(n), Content{Messages: big})
		require.ErrorIs(t, err, syscall.ENOSPC)
		assert.ErrorContains(t, err, "in "+s.dir+": the file system is full; make room")
	}
	assert.Equal(t, []string{"generation-1.json", "generation-1.ruleset"}, names(t, s.dir))
	_, err := s.Load(1)
	assert.NoError(t, err)

	require.Error(t, os.WriteFile(filepath.Join(s.dir, "ballast"), big[0].Body, 0o600))
	assert.EqualError(t, s.Writable(), "cannot keep generations in "+s.dir+": the file system is full; make room and try again")
	assert.Equal(t, []string{"ballast", "generation-1.json", "generation-1.ruleset"}, names(t, s.dir))
	require.NoError(t, s.Clear())
}

func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t, "128k")
	s := New(filepath.Join(dir, "state"))
	require.NoError(t, s.Save(sampleMeta(1), sampleContent))
	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	_, err := s.Load(1)
	require.NoError(t, err)
	_, lockErr := lock(filepath.Join(dir, "run"), 0)
	for _, err := range []error{s.Save(sampleMeta(2), Content{}), s.Writable(), s.Clear(), lockErr} {
		require.ErrorIs(t, err, syscall.EROFS)
		assert.ErrorContains(t, err, "the file system is read-only")
	}
}

func TestFullRunDirectoryStillLocks(t *testing.T) {
	dir := smallDisk(t, "16k")
	held, err := lock(dir, 0)
	require.NoError(t, err)
	require.NoError(t, held.Unlock())
	require.Error(t, os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 64<<10), 0o600))
	held, err = lock(dir, 0)
	require.NoError(t, err)
	_, err = lock(dir, 0)
	assert.EqualError(t, err, "another ngcp-fw is at work; it still was after 0s")
	require.NoError(t, held.Unlock())
}

func TestNoPermission(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can become somebody else")
	}
	s := saved(t, 1)
	runtime.LockOSThread() // for good: the thread is nobody's afterwards
	_, err := unix.SetfsuidRetUid(65534)
	require.NoError(t, err)
	_, loadErr := s.Load(1)
	_, listErr := s.Numbers()
	_, lockErr := lock(s.dir, 0)
	_, err = unix.SetfsuidRetUid(0)
	require.NoError(t, err)
	for _, err := range []error{loadErr, listErr, lockErr} {
		require.ErrorIs(t, err, syscall.EACCES)
		assert.ErrorContains(t, err, s.dir)
		assert.ErrorContains(t, err, "permission denied; run ngcp-fw as root")
	}
}

func TestFileInTheDirectorysPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		s := New(dir)
		_, listErr := s.Numbers()
		_, loadErr := s.Load(1)
		_, lockErr := Lock(dir)
		for _, err := range []error{s.Save(sampleMeta(1), Content{}), s.Writable(), s.Clear(), listErr, loadErr, lockErr} {
			require.ErrorIs(t, err, syscall.ENOTDIR)
			assert.ErrorContains(t, err, "a part of that path is not a directory")
		}
	}
}

func TestOtherErrorsKeepTheirText(t *testing.T) {
	odd := errors.New("odd")
	err := explain(odd, "cannot do %s", "it")
	assert.EqualError(t, err, "cannot do it: odd")
	assert.ErrorIs(t, err, odd)
	assert.Same(t, err, explain(err, "cannot do more"))
	assert.NoError(t, explain(nil, "cannot"))
}

const saverVariable = "STORE_TEST_SAVE_IN"

// TestSaver is the process that the next test kills.
func TestSaver(t *testing.T) {
	dir := os.Getenv(saverVariable)
	if dir == "" {
		t.Skip("runs as a child of TestKilledSaverLeavesWholeSnapshots")
	}
	s := New(dir)
	numbers, err := s.Numbers()
	require.NoError(t, err)
	next := uint64(1)
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	for ; ; next++ {
		require.NoError(t, s.Save(sampleMeta(next), sampleContent))
	}
}

func TestKilledSaverLeavesWholeSnapshots(t *testing.T) {
	s := saved(t, 1)
	for round := range 15 {
		saver := exec.Command(os.Args[0], "-test.run=^TestSaver$")
		saver.Env = append(os.Environ(), saverVariable+"="+s.dir)
		require.NoError(t, saver.Start())
		time.Sleep(time.Duration(40+7*round) * time.Millisecond)
		require.NoError(t, saver.Process.Kill())
		require.Error(t, saver.Wait())
		numbers, err := s.Numbers()
		require.NoError(t, err)
		require.NotEmpty(t, numbers)
		for _, n := range numbers {
			_, err := s.Load(n)
			require.NoError(t, err)
		}
	}
	numbers, _ := s.Numbers()
	assert.Greater(t, numbers[len(numbers)-1], uint64(1), "the savers got to save")
}
