package netns_test

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"ngcp-fw/netns_test/lab"
)

// nft loads a ruleset in the host.
func nft(t *testing.T, h *lab.Host, script string) {
	t.Helper()
	r := h.RunInput(script+"\n", "nft", "-f", "-")
	require.Zero(t, r.Code, r.Stderr)
}

// place is where sockets are: the host, or its outside.
type place interface {
	Listen(network string, at netip.AddrPort) (net.Listener, error)
	ListenPacket(network string, at netip.AddrPort) (net.PacketConn, error)
}

// serveEcho says back what it is told, until the test ends.
func serveEcho(t *testing.T, p place, network string, at netip.AddrPort) {
	t.Helper()
	if network == "udp" {
		conn, err := p.ListenPacket(network, at)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		go echoPackets(conn)
		return
	}
	l, err := p.Listen(network, at)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
}

func echoPackets(conn net.PacketConn) {
	data := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFrom(data)
		if err != nil {
			return
		}
		conn.WriteTo(data[:n], from)
	}
}

// checkEcho opens a connection and hears its own words.
func checkEcho(t *testing.T, dial func() (io.ReadWriteCloser, error)) {
	t.Helper()
	conn, err := dial()
	require.NoError(t, err)
	defer conn.Close()
	exchange(t, conn, "hello")
}

// exchange says something and waits until it comes back.
func exchange(t *testing.T, conn io.ReadWriter, words string) {
	t.Helper()
	if c, ok := conn.(net.Conn); ok {
		c.SetDeadline(time.Now().Add(5 * time.Second))
	}
	_, err := conn.Write([]byte(words))
	require.NoError(t, err)
	answer := make([]byte, len(words))
	_, err = io.ReadFull(conn, answer)
	require.NoError(t, err)
	assert.Equal(t, words, string(answer))
}

// routeBy sends networks out by a link.
func routeBy(h *lab.Host, link string, prefixes ...string) error {
	l, err := h.Netlink().LinkByName(link)
	if err != nil {
		return err
	}
	for _, text := range prefixes {
		dst, err := netlink.ParseIPNet(text)
		if err != nil {
			return err
		}
		router := lab.Router4
		if dst.IP.To4() == nil {
			router = lab.Router6
		}
		route := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: dst, Gw: router.AsSlice(), Flags: int(netlink.FLAG_ONLINK)}
		if err := h.Netlink().RouteAdd(route); err != nil {
			return err
		}
	}
	return nil
}

func enableForwarding(t *testing.T, h *lab.Host) {
	t.Helper()
	require.NoError(t, h.Sysctl("ipv4/ip_forward", "1"))
	require.NoError(t, h.Sysctl("ipv6/conf/all/forwarding", "1"))
}

// letLoopbackIn makes routing let packets from and to 127/8 in by a link, so that
// only the firewall decides on them.
func letLoopbackIn(t *testing.T, h *lab.Host, link string) {
	t.Helper()
	require.NoError(t, h.Sysctl("ipv4/conf/"+link+"/route_localnet", "1"))
	require.NoError(t, h.Sysctl("ipv4/conf/"+link+"/accept_local", "1"))
}
