package netns_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ngcp-fw/netns_test/lab"
)

// strict is a policy that opens nothing at all.
const strict = "version: 1\nroles: {subscribers: {allow: []}}\n"

// What a host has to hear beside its services.
func TestMessagesForTheHost(t *testing.T) {
	s := enforce(t, strict)
	quote := make([]byte, 48)
	heard := func(want lab.Outcome, from string, kinds ...byte) {
		t.Helper()
		for _, kind := range kinds {
			checkFlows(t, s.Host, want, lab.Flow{From: addr(from), Proto: lab.ICMP, Type: kind, Payload: quote})
		}
	}
	heard(accepted, world4, 3, 8, 11, 12)
	heard(dropped, world4, 4, 5, 9, 10, 13, 15, 17)
	heard(accepted, world6, 1, 2, 3, 4, 128)
	heard(dropped, world6, 100, 127, 138, 139, 140, 144, 200, 255)
	heard(accepted, "fe80::1", 130, 131, 132, 133, 134, 135, 136, 143)
	s.check(
		row{world, subscriberPorts + " " + administratorPorts, "", dropped},
		row{"192.0.2.1", "224.0.0.1:0/igmp", "", accepted},
		row{"192.0.2.1", "igmp", "", dropped},
	)
}

func TestDHCPReplies(t *testing.T) {
	s := enforce(t, strict)
	s.check(
		row{"192.0.2.1:67 203.0.113.1:67", "68/udp 255.255.255.255:68/udp", "", accepted},
		row{"192.0.2.1:68 192.0.2.1:53", "68/udp 255.255.255.255:68/udp", "", dropped},
		row{"192.0.2.1:67", "67/udp 69/udp 68/tcp 255.255.255.255:67/udp", "", dropped},
		row{"[fe80::1]:547", "[fe80::2]:546/udp", "", accepted},
		row{"[fe80::1]:546", "[fe80::2]:546/udp", "", dropped},
		row{"[fe80::1]:547", "[fe80::2]:547/udp [fe80::2]:546/tcp", "", dropped},
		row{"[2001:db8:99::9]:547", "546/udp", "", dropped},
	)
}

// A ping is answered, of every size.
func TestPing(t *testing.T) {
	s := enforce(t, strict)
	out, err := s.Outside("")
	require.NoError(t, err)
	for at, from := range map[string]string{"192.0.2.10": world4, "2001:db8:1::10": world6} {
		for _, size := range []int{8, 4000} {
			require.NoError(t, ping(out, addr(from), addr(at), size))
		}
	}
}

// ping waits for the answer to an echo request.
func ping(out lab.Outside, from, to netip.Addr, size int) error {
	network, request := "ip4:icmp", byte(8)
	if to.Is6() {
		network, request = "ip6:ipv6-icmp", 128
	}
	conn, err := out.DialIP(network, from, to)
	if err != nil {
		return err
	}
	defer conn.Close()
	message := make([]byte, size)
	message[0] = request
	if to.Is4() { // of ICMPv6, the kernel does the checksum
		binary.BigEndian.PutUint16(message[2:], ^(uint16(request) << 8))
	}
	if _, err := conn.Write(message); err != nil {
		return err
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer := make([]byte, 60+size) // with IPv4's header while it is read
	for {
		n, _, err := conn.ReadFrom(answer)
		if err != nil || n == size && (answer[0] == 0 || answer[0] == 129) {
			return err
		}
	}
}

// More pings than anybody needs are not answered, and other things still are.
func TestPingFlood(t *testing.T) {
	s := enforce(t, everybody)
	flows := make([]lab.Flow, 1000)
	for i := range flows {
		flows[i] = lab.Flow{From: addr(world4), Proto: lab.ICMP}
	}
	outcomes, err := s.ProbeAll(flows)
	require.NoError(t, err)
	n := 0
	for _, o := range outcomes {
		if o == accepted {
			n++
		}
	}
	assert.Greater(t, n, 50)
	assert.Less(t, n, 500)
	s.check(row{world, subscriberPorts, "", accepted})
}

// Neighbours are found under the strictest policy, by ARP and by ICMPv6, in both
// directions.
func TestNeighboursAreFound(t *testing.T) {
	s := enforce(t, strict)
	out, err := s.Outside("")
	require.NoError(t, err)
	forget := func(p interface{ Do(func() error) error }) {
		require.NoError(t, p.Do(func() error { return forgetNeighbours("eth0") }))
	}
	for _, router := range []netip.Addr{lab.Router4, lab.Router6} {
		forget(s)
		from, to := addrPortOf("192.0.2.10:41000"), netip.AddrPortFrom(router, 4000)
		if router.Is6() {
			from, to = addrPortOf("[fe80::2%eth0]:41000"), netip.AddrPortFrom(router.WithZone("eth0"), 4000)
		}
		serveEcho(t, out, "udp", to)
		conn, err := s.Dial("udp", from, to)
		require.NoError(t, err)
		exchange(t, conn, "who has you?")
		conn.Close()
		state, err := neighbourState(s.Netlink(), "eth0", router)
		require.NoError(t, err)
		assert.NotZero(t, state&(netlink.NUD_REACHABLE|netlink.NUD_STALE|netlink.NUD_DELAY), "%s is in state %#x", router, state)
	}
	forget(out)
	require.NoError(t, ping(out, lab.Router6.WithZone("eth0"), lab.HostRouter6.WithZone("eth0"), 8))
	require.NoError(t, ping(out, addr(world6), addr("2001:db8:1::10"), 8))
}

// forgetNeighbours forgets every neighbour on a link of the thread's namespace.
func forgetNeighbours(link string) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	all, err := netlink.NeighList(l.Attrs().Index, unix.AF_UNSPEC)
	if err != nil {
		return err
	}
	for i := range all {
		if err := netlink.NeighDel(&all[i]); err != nil && all[i].State != netlink.NUD_NOARP {
			return err
		}
	}
	return nil
}

func neighbourState(handle *netlink.Handle, link string, a netip.Addr) (int, error) {
	l, err := handle.LinkByName(link)
	if err != nil {
		return 0, err
	}
	all, err := handle.NeighList(l.Attrs().Index, unix.AF_UNSPEC)
	if err != nil {
		return 0, err
	}
	for _, n := range all {
		if n.IP.Equal(net.IP(a.AsSlice())) {
			return n.State, nil
		}
	}
	return 0, nil
}

// A router's word that a packet was too big reaches its sender: for tracked flows
// and for media, which is not tracked.
func TestPathMTU(t *testing.T) {
	s := enforce(t, everybody)
	for _, row := range []struct{ from, to, router string }{
		{"192.0.2.10:5060", "203.0.113.9:7000", "198.51.100.1"},
		{"192.0.2.10:30000", "203.0.113.10:7000", "198.51.100.1"},
		{"[2001:db8:1::10]:5060", "[2001:db8:99::9]:7000", "2001:db8:7::1"},
		{"[2001:db8:1::10]:30000", "[2001:db8:99::a]:7000", "2001:db8:7::1"},
	} {
		t.Run(row.from, func(t *testing.T) {
			from, to := addrPortOf(row.from), addrPortOf(row.to)
			conn := dialOut(t, s.Host, "udp", row.from, row.to)
			_, err := conn.Write(make([]byte, 1400))
			require.NoError(t, err)
			assert.Equal(t, 1500, pathMTU(t, conn, to.Addr()))
			checkFlows(t, s.Host, accepted, tooBig(addr(row.router), from, to, 1300))
			assert.Equal(t, 1300, pathMTU(t, conn, to.Addr()))
		})
	}
}

// tooBig is the message that a UDP packet of this host is too big for a network
// behind the router (RFC 1191 section 4, RFC 4443 section 3.2).
func tooBig(router netip.Addr, from, to netip.AddrPort, mtu uint16) lab.Flow {
	body := binary.BigEndian.AppendUint32(nil, uint32(mtu))
	body = append(body, lab.UDPPacket(from, to, make([]byte, 64))...)
	if router.Is6() {
		return lab.Flow{From: router, To: from.Addr(), Proto: lab.ICMP, Type: 2, Payload: body}
	}
	return lab.Flow{From: router, To: from.Addr(), Proto: lab.ICMP, Type: 3, Code: 4, Payload: body}
}

// pathMTU is what the kernel thinks fits on a socket's path (ip(7), IP_MTU).
func pathMTU(t *testing.T, conn net.Conn, to netip.Addr) (mtu int) {
	t.Helper()
	raw, err := conn.(*net.UDPConn).SyscallConn()
	require.NoError(t, err)
	level, option := unix.SOL_IP, unix.IP_MTU
	if to.Is6() {
		level, option = unix.SOL_IPV6, unix.IPV6_MTU
	}
	require.NoError(t, raw.Control(func(fd uintptr) { mtu, err = unix.GetsockoptInt(int(fd), level, option) }))
	require.NoError(t, err)
	return mtu
}

// Loopback is for the host itself: everything there, nothing of it from a link.
func TestLoopback(t *testing.T) {
	s := enforce(t, everybody)
	letLoopbackIn(t, s.Host, "eth0")
	s.check(
		row{"127.0.0.1 127.1.2.3 127.255.255.255", "5060/udp 443/tcp 30000/udp icmp", "", dropped},
		row{world4, "127.0.0.1:5060/udp 127.0.0.1:443/tcp 127.0.0.1:30000/udp", "", dropped},
		row{world6 + " ::1", "[::1]:5060/udp [::1]:443/tcp", "", dropped},
		row{"::1", "5060/udp 30000/udp", "", dropped},
		row{world4, "5060/udp", "", accepted},
	)
	for _, at := range []string{"127.0.0.1:3306", "127.0.0.5:35000", "[::1]:6379", "192.0.2.10:3306"} {
		for _, network := range []string{"tcp", "udp"} {
			serveEcho(t, s, network, addrPortOf(at))
			conn, err := s.Dial(network, netip.AddrPort{}, addrPortOf(at))
			require.NoError(t, err)
			exchange(t, conn, "to myself")
			conn.Close()
		}
	}
}
