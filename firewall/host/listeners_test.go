package host

import (
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// listener is what there is of a socket of this process.
func listener(t *testing.T, protocol uint8, at net.Addr) []Listener {
	t.Helper()
	where, err := netip.ParseAddrPort(at.String())
	require.NoError(t, err)
	all, err := Listeners()
	require.NoError(t, err)
	var found []Listener
	for _, l := range all {
		if l.Protocol == protocol && l.At.Port() == where.Port() {
			found = append(found, l)
		}
	}
	return found
}

func TestListeners(t *testing.T) {
	for name, c := range map[string]struct {
		network, address string
		want             Listener
	}{
		"TCP on one address": {"tcp4", "127.0.0.1:0", Listener{Protocol: unix.IPPROTO_TCP, At: netip.MustParseAddrPort("127.0.0.1:0")}},
		"UDP on all of IPv4": {"udp4", "0.0.0.0:0", Listener{Protocol: unix.IPPROTO_UDP, At: netip.MustParseAddrPort("0.0.0.0:0")}},
		"IPv6 and IPv4":      {"tcp", "[::]:0", Listener{Protocol: unix.IPPROTO_TCP, At: netip.MustParseAddrPort("[::]:0"), Both: true}},
		"only IPv6":          {"udp6", "[::]:0", Listener{Protocol: unix.IPPROTO_UDP, At: netip.MustParseAddrPort("[::]:0")}},
		"one IPv6 address":   {"tcp6", "[::1]:0", Listener{Protocol: unix.IPPROTO_TCP, At: netip.MustParseAddrPort("[::1]:0")}},
	} {
		t.Run(name, func(t *testing.T) {
			var at net.Addr
			if c.want.Protocol == unix.IPPROTO_TCP {
				socket, err := net.Listen(c.network, c.address)
				require.NoError(t, err)
				defer socket.Close()
				at = socket.Addr()
			} else {
				socket, err := net.ListenPacket(c.network, c.address)
				require.NoError(t, err)
				defer socket.Close()
				at = socket.LocalAddr()
			}
			found := listener(t, c.want.Protocol, at)
			require.Len(t, found, 1)
			assert.Equal(t, os.Getpid(), found[0].PID)
			assert.NotEmpty(t, found[0].Process)
			assert.NotEmpty(t, found[0].User)
			assert.Equal(t, c.want.At.Addr(), found[0].At.Addr())
			assert.Equal(t, c.want.Both, found[0].Both)
			assert.Empty(t, found[0].Link)
		})
	}
}

func TestConnectedUDPDoesNotListen(t *testing.T) {
	c, err := net.Dial("udp4", "127.0.0.1:9")
	require.NoError(t, err)
	defer c.Close()
	assert.Empty(t, listener(t, unix.IPPROTO_UDP, c.LocalAddr()))
}

func TestASocketOfOneLink(t *testing.T) {
	only := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		_ = c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), "lo") })
		return err
	}}
	socket, err := only.Listen(t.Context(), "tcp4", "0.0.0.0:0")
	require.NoError(t, err)
	defer socket.Close()
	found := listener(t, unix.IPPROTO_TCP, socket.Addr())
	require.Len(t, found, 1)
	assert.Equal(t, "lo", found[0].Link)
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/ssh.service\n":                               "ssh.service",
		"0::/user.slice/user-1000.slice/session-3.scope\n":             "session-3.scope",
		"0::/user.slice/user@0.service/app.slice/x.service/y\n":        "x.service",
		"12:pids:/a.service\n1:name=systemd:/system.slice/b.service\n": "b.service",
		"0::/\n":   "",
		"nonsense": "",
		"":         "",
	} {
		assert.Equal(t, want, unitOf(text), text)
	}
}

// processFS is a folder like /proc with those processes, each of which has the
// sockets open.
func processFS(t *testing.T, sockets map[string][]string) string {
	t.Helper()
	proc := t.TempDir()
	for pid, inodes := range sockets {
		dir := filepath.Join(proc, pid)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "fd"), 0o700))
		for _, inode := range inodes {
			require.NoError(t, os.Symlink("socket:["+inode+"]", filepath.Join(dir, "fd", inode)))
		}
		require.NoError(t, os.Symlink("/dev/null", filepath.Join(dir, "fd", "0")))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "comm"), []byte("p"+pid+"\n"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "status"), []byte("Name:\tx\nUid:\t0\t4000000\t0\t0\n"), 0o600))
	}
	return proc
}

func TestWhoOwnsASocket(t *testing.T) {
	proc := processFS(t, map[string][]string{"1": {"77", "78"}, "300": {"77"}, "200": {"77"}})
	all, hidden := owners(os.DirFS(proc).(fs.ReadLinkFS))
	assert.Zero(t, hidden)
	assert.Equal(t, map[uint32]Owner{77: {200, "p200", "", "4000000"}, 78: {1, "p1", "", "4000000"}}, all)
	assert.Equal(t, "4000000", userName("4000000"))
}

func TestSocketsOfOtherNamespaces(t *testing.T) {
	proc := t.TempDir()
	for pid, ns := range map[string]string{"thread-self": "net:[1]", "10": "net:[1]", "20": "net:[2]", "21": "net:[2]"} {
		require.NoError(t, os.MkdirAll(filepath.Join(proc, pid, "ns"), 0o700))
		require.NoError(t, os.MkdirAll(filepath.Join(proc, pid, "net"), 0o700))
		require.NoError(t, os.Symlink(ns, filepath.Join(proc, pid, "ns", "net")))
		rows := "  sl  local_address rem_address   st\n   0: 0100007F:0277 00000000:0000 0A 0\n   1: 0100007F:0277 0100007F:0001 01 0\n"
		require.NoError(t, os.WriteFile(filepath.Join(proc, pid, "net", "tcp"), []byte(rows), 0o600))
	}
	assert.Equal(t, Elsewhere{Processes: 2, Namespaces: 1, Listening: 1}, elsewhere(os.DirFS(proc).(fs.ReadLinkFS)))
	assert.Equal(t, Elsewhere{}, elsewhere(os.DirFS(t.TempDir()).(fs.ReadLinkFS)))
}

func FuzzParseSocket(f *testing.F) {
	f.Add(make([]byte, diagAnswerSize))
	f.Add(append(make([]byte, diagAnswerSize), 5, 0, only6Attribute, 0, 1, 0, 0, 0))
	f.Add(append(make([]byte, diagAnswerSize), 5, 0, only6Attribute, 0, 1))
	f.Fuzz(func(t *testing.T, m []byte) {
		if s, ok := parseSocket(m, unix.IPPROTO_UDP); ok {
			assert.True(t, s.at.Addr().IsValid())
			assert.NotZero(t, s.at.Port())
		}
	})
}
