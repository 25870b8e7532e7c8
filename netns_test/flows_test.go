package netns_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// serve is a server's connection with its client; the server goes on listening.
func serve(t *testing.T, p place, at string, dial func() net.Conn) (server, client net.Conn) {
	t.Helper()
	l, err := p.Listen("tcp", addrPortOf(at))
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	client = dial()
	server, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	return server, client
}

// tell sends words one way, and only that way.
func tell(t *testing.T, from, to net.Conn, words string) {
	t.Helper()
	_, err := from.Write([]byte(words))
	require.NoError(t, err)
	heard := make([]byte, len(words))
	require.NoError(t, to.SetReadDeadline(time.Now().Add(2*time.Second)))
	_, err = to.Read(heard)
	require.NoError(t, err)
	assert.Equal(t, words, string(heard))
}

// A ban refuses the source's next packet, whatever is established.
func TestBanCutsConnections(t *testing.T) {
	s := enforce(t, everybody)
	serveEcho(t, s, "tcp", addrPortOf("192.0.2.10:443"))
	serveEcho(t, s, "tcp", addrPortOf("[2001:db8:1::10]:443"))
	serveEcho(t, s, "udp", addrPortOf("192.0.2.10:5060"))
	banned := []net.Conn{
		dialIn(t, s.Host, "tcp", "203.0.113.9:5000", "192.0.2.10:443"),
		dialIn(t, s.Host, "tcp", "[2001:db8:99::9]:5000", "[2001:db8:1::10]:443"),
		dialIn(t, s.Host, "udp", "203.0.113.9:5000", "192.0.2.10:5060"),
	}
	kept := dialIn(t, s.Host, "tcp", "203.0.113.10:5000", "192.0.2.10:443")
	for _, conn := range append(banned, kept) {
		exchange(t, conn, "hello")
	}
	nft(t, s.Host, "add element inet ngcp-fw banned4 { 203.0.113.9 timeout 1h }\nadd element inet ngcp-fw banned6 { 2001:db8:99::9 timeout 1h }")
	for _, conn := range banned {
		silent(t, conn)
	}
	exchange(t, kept, "still here")
	nft(t, s.Host, "delete element inet ngcp-fw banned4 { 203.0.113.9 }")
	checkFlows(t, s.Host, accepted, flow(t, world4, "443/tcp", ""))
}

// Connections that others' tables redirect to a port of this host are judged by
// the port where they arrive, also when a policy changes.
func TestRedirectedConnectionsSurviveChanges(t *testing.T) {
	s := newSite(t, map[string]string{"policy.yml": everybody})
	nft(t, s.Host, "table ip others {\n chain in {\n type nat hook prerouting priority dstnat;\n tcp dport 8443 redirect to :443\n }\n}")
	s.apply()
	server, client := serve(t, s, "192.0.2.10:443", func() net.Conn {
		return dialIn(t, s.Host, "tcp", "203.0.113.9:5000", "192.0.2.10:8443")
	})
	tell(t, server, client, "welcome")
	s.change(everybody + "services: {xcap: {enabled: false}}\n")
	tell(t, server, client, "still here")
}

// Connections that others' tables send through the host to somebody behind it are
// none of the input's business.
func TestForwardedConnectionsSurviveChanges(t *testing.T) {
	s := newSite(t, map[string]string{"policy.yml": everybody}, eth0, eth1)
	enableForwarding(t, s.Host)
	require.NoError(t, routeBy(s.Host, "eth1", "198.51.100.0/24"))
	nft(t, s.Host, "table ip others {\n chain in {\n type nat hook prerouting priority dstnat;\n tcp dport 8080 dnat to 198.51.100.77:80\n }\n}")
	s.apply()
	behind, err := s.Outside("eth1")
	require.NoError(t, err)
	server, client := serve(t, behind, "198.51.100.77:80", func() net.Conn {
		return dialIn(t, s.Host, "tcp", "192.0.2.200:5000", "192.0.2.10:8080")
	})
	tell(t, server, client, "welcome")
	s.change(everybody + "services: {xcap: {enabled: false}}\n")
	tell(t, server, client, "still here")
}

// The pair that the examples describe, seen from its first node.
func TestExamplePair(t *testing.T) {
	files := map[string]string{}
	for _, name := range []string{"policy.yml", "network.yml"} {
		text, err := os.ReadFile(filepath.Join("..", "examples", "pair", name))
		require.NoError(t, err)
		files[name] = string(text)
	}
	s := newSite(t, files,
		lab.Link{Name: "eth0", Addrs: []string{"192.0.2.11/24", "2001:db8:10::11/64"}},
		lab.Link{Name: "eth1", Addrs: []string{"10.255.0.1/29", "10.255.0.3/29"}},
		lab.Link{Name: "eth2", Addrs: []string{"203.0.113.11/24", "203.0.113.13/24", "2001:db8:20::11/64", "2001:db8:20::13/64"}})
	s.apply()
	const anywhere = "100.64.1.1 2001:db8:99::9"
	s.check(
		row{anywhere, "5060/udp 5060/tcp 5061/tcp 443/tcp 30000/udp 40000/udp", "eth2", accepted},
		row{anywhere, "29999/udp 40001/udp 22/tcp 1443/tcp 2443/tcp 3306/tcp 161/udp", "eth2", dropped},
		row{anywhere, "5060/udp 443/tcp 30000/udp 22/tcp", "eth0", dropped},
		row{"192.0.2.65 192.0.2.67 2001:db8:10::5", "22/tcp 1443/tcp 2443/tcp", "eth0", accepted},
		row{"192.0.2.66", "22/tcp 1443/tcp 2443/tcp", "eth0", dropped},
		row{"198.51.100.64 198.51.100.79 2001:db8:10:64::1", "161/udp", "eth0", accepted},
		row{"198.51.100.63 198.51.100.80 2001:db8:10:65::1", "161/udp", "eth0", dropped},
		row{"198.51.100.64 2001:db8:10:64::1", "161/udp", "eth2", dropped},
		row{"10.255.0.2", "3306/tcp 6379/tcp 694/udp vrrp 7/sctp 10.255.0.3:3306/tcp", "eth1", accepted},
		row{"10.255.0.2", "3306/tcp vrrp", "eth2", dropped},
		row{"10.255.0.4 10.255.0.6", "3306/tcp vrrp", "eth1", dropped},
	)
}
