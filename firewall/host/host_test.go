package host

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// freshNetwork moves the test into a network namespace of its own, with
// addresses that are no loopback addresses, though on the one link that every
// kernel has. The test keeps its thread for good, so that none else gets it.
func freshNetwork(t *testing.T, addresses ...string) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("NOT TESTED: no network namespace of our own: %v", err)
	}
	lo, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetUp(lo))
	for _, text := range addresses {
		addr, err := netlink.ParseAddr(text)
		require.NoError(t, err)
		addr.Flags = unix.IFA_F_NODAD
		require.NoError(t, netlink.AddrAdd(lo, addr))
		awaitLocal(t, addr.IP)
	}
}

// awaitLocal waits until an address is one of the host's: for IPv6, the kernel
// adds the route of a new address a moment later.
func awaitLocal(t *testing.T, ip net.IP) {
	t.Helper()
	for range 1000 {
		routes, err := netlink.RouteGet(ip)
		if err == nil && routes[0].Type == unix.RTN_LOCAL {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s does not become local", ip)
}

// listen opens a port on all addresses of both families, or on IPv4's alone.
// Plain system calls: they stay on the thread, and so in its namespace.
func listen(t *testing.T, family int, port int) {
	t.Helper()
	fd := socket(t, family)
	require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	var any unix.Sockaddr = &unix.SockaddrInet4{Port: port}
	if family == unix.AF_INET6 {
		require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0))
		any = &unix.SockaddrInet6{Port: port}
	}
	require.NoError(t, unix.Bind(fd, any))
	require.NoError(t, unix.Listen(fd, 16))
}

func connect(t *testing.T, from, to string, port int) (fd int) {
	t.Helper()
	family := unix.AF_INET
	if netip.MustParseAddr(to).Is6() {
		family = unix.AF_INET6
	}
	fd = socket(t, family)
	require.NoError(t, unix.Bind(fd, sockaddr(from, 0)))
	require.NoError(t, unix.Connect(fd, sockaddr(to, port)))
	return fd
}

func socket(t *testing.T, family int) int {
	t.Helper()
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func sockaddr(text string, port int) unix.Sockaddr {
	addr := netip.MustParseAddr(text)
	if addr.Is4() {
		return &unix.SockaddrInet4{Addr: addr.As4(), Port: port}
	}
	return &unix.SockaddrInet6{Addr: addr.As16(), Port: port}
}

func TestSSHPeers(t *testing.T) {
	freshNetwork(t, "192.0.2.1/24", "192.0.2.10/24", "192.0.2.9/24", "2001:db8::1/64", "2001:db8::99/64")
	listen(t, unix.AF_INET6, 22)
	listen(t, unix.AF_INET, 2222)
	listen(t, unix.AF_INET6, 5061)

	peers, err := SSHPeers([]uint16{22, 2222})
	require.NoError(t, err)
	assert.Empty(t, peers, "who listens is no peer")

	connect(t, "2001:db8::99", "2001:db8::1", 22)
	connect(t, "192.0.2.10", "192.0.2.1", 22) // arrives on the IPv6 socket
	connect(t, "192.0.2.10", "192.0.2.1", 22)
	connect(t, "192.0.2.9", "192.0.2.1", 2222)
	connect(t, "127.0.0.1", "127.0.0.1", 2222)
	connect(t, "127.0.0.1", "127.0.0.1", 22)
	connect(t, "::1", "::1", 22)
	connect(t, "2001:db8::1", "2001:db8::99", 5061)

	for _, test := range []struct {
		ports []uint16
		want  []string
	}{
		{[]uint16{22}, []string{"192.0.2.10", "2001:db8::99"}},
		{[]uint16{2222}, []string{"192.0.2.9"}},
		{[]uint16{2222, 22}, []string{"192.0.2.9", "192.0.2.10", "2001:db8::99"}},
		{[]uint16{5061}, []string{"2001:db8::1"}},
		{[]uint16{23}, nil},
		{nil, nil},
	} {
		peers, err := SSHPeers(test.ports)
		require.NoError(t, err)
		var got []string
		for _, p := range peers {
			got = append(got, p.String())
		}
		assert.Equal(t, test.want, got, "ports %v", test.ports)
	}
}

func TestSSHPeersWhoHaveLeft(t *testing.T) {
	freshNetwork(t, "192.0.2.1/24", "192.0.2.10/24")
	listen(t, unix.AF_INET, 22)
	fd := connect(t, "192.0.2.10", "192.0.2.1", 22)
	peers, err := SSHPeers([]uint16{22})
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.10")}, peers)
	require.NoError(t, unix.Shutdown(fd, unix.SHUT_WR)) // the listener's side is in CLOSE_WAIT now
	peers, err = SSHPeers([]uint16{22})
	require.NoError(t, err)
	assert.Empty(t, peers)
}

func TestPeerCountsOnlyEstablished(t *testing.T) {
	for state := range uint8(13) {
		s := &netlink.Socket{State: state, ID: netlink.SocketID{SourcePort: 22, Destination: net.ParseIP("192.0.2.1")}}
		session, ok := session(s, []uint16{22})
		assert.Equal(t, state == 1, ok, "state %d", state) // TCP_ESTABLISHED of net/tcp_states.h
		assert.Equal(t, ok, session.From.Is4())
	}
}

func TestNetNS(t *testing.T) {
	runtime.LockOSThread()
	before, err := NetNS()
	require.NoError(t, err)
	again, err := NetNS()
	require.NoError(t, err)
	assert.Equal(t, before, again)
	var stat syscall.Stat_t
	require.NoError(t, syscall.Stat(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()), &stat))
	assert.Equal(t, stat.Ino, before)

	freshNetwork(t)
	own, err := NetNS()
	require.NoError(t, err)
	assert.NotEqual(t, before, own)
}

func TestBootID(t *testing.T) {
	assert.Regexp(t, regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), BootID())
	assert.Equal(t, BootID(), BootID())
}

func TestHostname(t *testing.T) {
	name, err := Hostname()
	require.NoError(t, err)
	want, err := os.ReadFile("/proc/sys/kernel/hostname")
	require.NoError(t, err)
	assert.Equal(t, string(want), name+"\n")
}
