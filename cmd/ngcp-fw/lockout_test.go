package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespace moves the test for good to a thread with a network of its own.
func inNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("SKIPPED: no network namespace of our own: %v", err)
	}
}

// program runs the program here, and gives its exit code and what it says.
func program(args ...string) (code int, said string) {
	var out bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &out)
	return code, out.String()
}

// sshFrom203 has 203.0.113.9 logged in by ssh.
func sshFrom203(t *testing.T) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetUp(lo))
	for _, text := range []string{"203.0.113.9/32", "198.51.100.1/32"} {
		addr, err := netlink.ParseAddr(text)
		require.NoError(t, err)
		require.NoError(t, netlink.AddrAdd(lo, addr))
	}
	var fds [2]int
	for i := range fds {
		fds[i], err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		t.Cleanup(func() { _ = unix.Close(fds[i]) })
	}
	sshd := &unix.SockaddrInet4{Addr: [4]byte{198, 51, 100, 1}, Port: 22}
	require.NoError(t, unix.Bind(fds[0], sshd))
	require.NoError(t, unix.Listen(fds[0], 1))
	require.NoError(t, unix.Bind(fds[1], &unix.SockaddrInet4{Addr: [4]byte{203, 0, 113, 9}}))
	require.NoError(t, unix.Connect(fds[1], sshd))
}

func TestLockoutIsExitCodeFour(t *testing.T) {
	inNamespace(t)
	sshFrom203(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "policy.yml")
	require.NoError(t, os.WriteFile(path, []byte("version: 1\nroles: {administrators: {allow: [198.51.100.0/24]}}\n"), 0o600))
	global := []string{"-f", path, "--state-dir", filepath.Join(dir, "state"), "--run-dir", dir}
	code, said := program(append(global, "apply")...)
	assert.Equal(t, exitLockout, code)
	assert.Equal(t, `ngcp-fw: refused, nothing changed: you would be locked out
  203.0.113.9 is logged in by ssh, and the new policy lets in 198.51.100.0/24 only (policy.yml:2)
hint: add 203.0.113.9 to administrators, or insist with --allow-lockout --confirm 2m
`, strings.ReplaceAll(said, path+": ", ""))
	code, _ = program(append(global, "status")...)
	assert.Equal(t, exitNo, code)
	code, said = program(append(global, "apply", "--allow-lockout")...)
	assert.Equal(t, exitDone, code, said)
}

func TestInitPrefillsWhoIsLoggedIn(t *testing.T) {
	inNamespace(t)
	sshFrom203(t)
	code, said := program("init", "-f", "-")
	assert.Equal(t, exitDone, code)
	assert.Contains(t, said, `- {source: "203.0.113.9", comment: logged in by ssh when this file was written}`)
	path := filepath.Join(t.TempDir(), "policy.yml")
	require.NoError(t, os.WriteFile(path, []byte(said), 0o600))
	code, said = program("-f", path, "check", "--strict")
	t.Log(said)
	assert.Equal(t, exitDone, code)
}
