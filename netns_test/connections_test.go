package netns_test

import (
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// dialIn connects to the host from outside.
func dialIn(t *testing.T, h *lab.Host, network, from, to string) net.Conn {
	t.Helper()
	out, err := h.Outside("")
	require.NoError(t, err)
	conn, err := out.Dial(network, addrPortOf(from), addrPortOf(to))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// dialOut connects from the host to somewhere outside.
func dialOut(t *testing.T, h *lab.Host, network, from, to string) net.Conn {
	t.Helper()
	conn, err := h.Dial(network, addrPortOf(from), addrPortOf(to))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// quiet is how long to wait for what should not come; what does come takes less
// than a millisecond.
const quiet = 150 * time.Millisecond

// silent says something and makes sure that nothing comes back.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(quiet))
	_, err := conn.Write([]byte("anybody there?"))
	require.NoError(t, err)
	n, err := conn.Read(make([]byte, 100))
	assert.Zero(t, n)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// What the host asks is answered, whatever the policy lets in.
func TestAnswersToTheHost(t *testing.T) {
	s := enforce(t, "version: 1\nroles: {subscribers: {allow: [198.51.100.0/24]}}\n")
	out, err := s.Outside("")
	require.NoError(t, err)
	for _, server := range []string{"203.0.113.53:53", "[2001:db8:53::53]:53", "203.0.113.53:123", "203.0.113.53:4000"} {
		serveEcho(t, out, "udp", addrPortOf(server))
		serveEcho(t, out, "tcp", addrPortOf(server))
	}
	for _, row := range []struct{ network, from, to string }{
		{"udp", "192.0.2.10:41000", "203.0.113.53:53"},
		{"udp", "192.0.2.10:35000", "203.0.113.53:53"}, // from a port of media, whose allowlist is for others
		{"udp", "192.0.2.10:30000", "203.0.113.53:123"},
		{"udp", "192.0.2.10:40001", "203.0.113.53:4000"},
		{"udp", "[2001:db8:1::10]:40000", "[2001:db8:53::53]:53"},
		{"tcp", "192.0.2.10:0", "203.0.113.53:53"},
		{"tcp", "192.0.2.10:35000", "203.0.113.53:4000"},
		{"tcp", "[2001:db8:1::10]:22", "[2001:db8:53::53]:53"},
	} {
		t.Run(row.network+" "+row.from+" to "+row.to, func(t *testing.T) {
			exchange(t, dialOut(t, s.Host, row.network, row.from, row.to), "a question")
		})
	}
	s.check(row{"203.0.113.53:53 203.0.113.53:123 [2001:db8:53::53]:53", "35001/udp 41001/udp 40002/udp", "", dropped})
}

// With media for everybody, answers to ports of media come in as media.
func TestAnswersToTheHostAtOpenMediaPorts(t *testing.T) {
	s := enforce(t, everybody)
	out, err := s.Outside("")
	require.NoError(t, err)
	serveEcho(t, out, "udp", addrPortOf("203.0.113.53:53"))
	serveEcho(t, out, "udp", addrPortOf("203.0.113.53:4000"))
	exchange(t, dialOut(t, s.Host, "udp", "192.0.2.10:35000", "203.0.113.53:53"), "a question")
	exchange(t, dialOut(t, s.Host, "udp", "192.0.2.10:35001", "203.0.113.53:4000"), "a question")
}

// Media is not tracked, and its allowlist is asked about every packet: what the
// host sends first opens nothing.
func TestMediaIsNotTracked(t *testing.T) {
	const onlyCarriers = "version: 1\nroles: {subscribers: {allow: [100.64.0.0/16, '2001:db8:20::/48']}}\n"
	s := enforce(t, onlyCarriers)
	out, err := s.Outside("")
	require.NoError(t, err)
	serveEcho(t, s, "udp", addrPortOf("192.0.2.10:30002"))
	exchange(t, dialIn(t, s.Host, "udp", "100.64.0.5:7000", "192.0.2.10:30002"), "media")
	assert.Zero(t, tracked(t, s, 30002), "connections tracked")

	stranger := addrPortOf("203.0.113.9:7000")
	ears, err := out.ListenPacket("udp", stranger)
	require.NoError(t, err)
	defer ears.Close()
	_, err = dialOut(t, s.Host, "udp", "192.0.2.10:30004", stranger.String()).Write([]byte("the proxy speaks first"))
	require.NoError(t, err)
	ears.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, _, err = ears.ReadFrom(make([]byte, 100))
	require.NoError(t, err)
	s.check(row{"203.0.113.9:7000", "192.0.2.10:30004/udp", "", dropped})
	s.change(everybody)
	s.check(row{"203.0.113.9:7000", "192.0.2.10:30004/udp", "", accepted})
	assert.Zero(t, tracked(t, s, 30004), "connections tracked")
}

// tracked counts the connections to or from a port of the host.
func tracked(t *testing.T, s *site, port uint16) (n int) {
	t.Helper()
	flows, err := s.Connections()
	require.NoError(t, err)
	for _, f := range flows {
		if f.Forward.DstPort == port || f.Forward.SrcPort == port {
			n++
		}
	}
	return n
}

// Connections go on through changes that leave their sources in.
func TestConnectionsSurviveChanges(t *testing.T) {
	s := enforce(t, everybody)
	var open []net.Conn
	for at, from := range map[string]string{
		"192.0.2.10:443": "203.0.113.9:5000", "[2001:db8:1::10]:443": "[2001:db8:99::9]:5000",
		"192.0.2.10:22": "198.18.0.1:5000", "[2001:db8:1::10]:22": "[2001:db8:10::1]:5000",
	} {
		serveEcho(t, s, "tcp", addrPortOf(at))
		open = append(open, dialIn(t, s.Host, "tcp", from, at))
	}
	for _, policy := range []string{everybody + "services: {xcap: {enabled: false}}\n", everybody + "log: {rate: 1/second}\n", everybody} {
		s.change(policy)
		for _, conn := range open {
			exchange(t, conn, "still here")
		}
	}
}

// The first enforcement keeps the connections that are open, also those on which
// the host only receives.
func TestFirstEnforcementKeepsConnections(t *testing.T) {
	s := newSite(t, map[string]string{"policy.yml": everybody})
	serveEcho(t, s, "tcp", addrPortOf("192.0.2.10:22"))
	in := dialIn(t, s.Host, "tcp", "198.18.0.1:5000", "192.0.2.10:22")
	exchange(t, in, "hello")
	type pipe struct{ server, client net.Conn }
	var pipes []pipe
	for from, to := range map[string]string{"192.0.2.10:0": "203.0.113.80:80", "[2001:db8:1::10]:0": "[2001:db8:80::80]:80"} {
		server, client := pipeOut(t, s, from, to)
		pipes = append(pipes, pipe{server, client})
	}
	s.apply()
	exchange(t, in, "still here")
	for _, p := range pipes {
		_, err := p.server.Write([]byte("news"))
		require.NoError(t, err)
		p.client.SetReadDeadline(time.Now().Add(2 * time.Second))
		n, err := p.client.Read(make([]byte, 10))
		assert.NoError(t, err, "the host only receives on this connection")
		assert.Equal(t, len("news"), n)
	}
}

// A daemon that has asked by UDP gets its answer, though the firewall came between
// the two; nobody else gets in by that.
func TestFirstEnforcementKeepsConnectedUDP(t *testing.T) {
	s := newSite(t, map[string]string{"policy.yml": everybody})
	for from, to := range map[string]string{"192.0.2.10:41000": "203.0.113.80:1812", "[2001:db8:1::10]:41000": "[2001:db8:80::80]:1812"} {
		daemon, server := dialOut(t, s.Host, "udp", from, to), dialIn(t, s.Host, "udp", to, from)
		s.apply()
		_, err := server.Write([]byte("answer"))
		require.NoError(t, err)
		daemon.SetReadDeadline(time.Now().Add(2 * time.Second))
		_, err = daemon.Read(make([]byte, 10))
		assert.NoError(t, err, "the answer to %s", from)
		s.check(row{to, "41001/udp", "", dropped})
		require.NoError(t, s.Do(func() error { return exec.Command("nft", "delete", "table", "inet", "ngcp-fw").Run() }))
	}
}

// pipeOut is a connection from the host to a server outside: both ends.
func pipeOut(t *testing.T, s *site, from, at string) (server, client net.Conn) {
	t.Helper()
	out, err := s.Outside("")
	require.NoError(t, err)
	l, err := out.Listen("tcp", addrPortOf(at))
	require.NoError(t, err)
	defer l.Close()
	client = dialOut(t, s.Host, "tcp", from, at)
	server, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	return server, client
}

// deny refuses before everything, established connections too.
func TestDenyCutsConnections(t *testing.T) {
	s := enforce(t, everybody)
	serveEcho(t, s, "tcp", addrPortOf("192.0.2.10:443"))
	serveEcho(t, s, "tcp", addrPortOf("[2001:db8:1::10]:443"))
	serveEcho(t, s, "udp", addrPortOf("192.0.2.10:5060"))
	refused := []net.Conn{
		dialIn(t, s.Host, "tcp", "203.0.113.9:5000", "192.0.2.10:443"),
		dialIn(t, s.Host, "tcp", "[2001:db8:99::9]:5000", "[2001:db8:1::10]:443"),
		dialIn(t, s.Host, "udp", "203.0.113.9:5000", "192.0.2.10:5060"),
	}
	kept := dialIn(t, s.Host, "tcp", "203.0.113.10:5000", "192.0.2.10:443")
	for _, conn := range append(refused, kept) {
		exchange(t, conn, "hello")
	}
	s.change(everybody + "deny: [203.0.113.9, '2001:db8:99::/48']\n")
	for _, conn := range refused {
		silent(t, conn)
	}
	exchange(t, kept, "still here")
	s.check(
		row{world, subscriberPorts + " icmp igmp 35000/udp", "", dropped},
		row{"203.0.113.8 203.0.113.10 2001:db8:98::1", subscriberPorts, "", accepted},
	)
}

// Who has no access any more has no connections any more.
func TestLostAccessCutsConnections(t *testing.T) {
	s := enforce(t, everybody)
	serveEcho(t, s, "tcp", addrPortOf("192.0.2.10:1443"))
	serveEcho(t, s, "udp", addrPortOf("192.0.2.10:5060"))
	admin := dialIn(t, s.Host, "tcp", "198.18.0.1:5000", "192.0.2.10:1443")
	other := dialIn(t, s.Host, "tcp", "198.18.0.2:5000", "192.0.2.10:1443")
	phone := dialIn(t, s.Host, "udp", "203.0.113.9:5000", "192.0.2.10:5060")
	for _, conn := range []net.Conn{admin, other, phone} {
		exchange(t, conn, "hello")
	}
	s.change("version: 1\nroles: {administrators: {allow: [198.18.0.2]}, subscribers: {allow: [100.64.0.0/16]}}\n")
	silent(t, admin)
	silent(t, phone)
	exchange(t, other, "still here")
}

// Who is logged in by ssh and would be refused stops the policy, and nobody else.
func TestLockoutIsRefused(t *testing.T) {
	s := enforce(t, everybody)
	for _, at := range []string{"192.0.2.10:22", "[2001:db8:1::10]:22", "192.0.2.10:443"} {
		serveEcho(t, s, "tcp", addrPortOf(at))
	}
	dialIn(t, s.Host, "tcp", "203.0.113.9:5000", "192.0.2.10:443") // no session
	for from, at := range map[string]string{"198.18.0.1:5000": "192.0.2.10:22", "[2001:db8:10::1]:5000": "[2001:db8:1::10]:22"} {
		session := dialIn(t, s.Host, "tcp", from, at)
		exchange(t, session, "logged in")
		before := s.commits()
		s.write("policy.yml", strict)
		r := s.run("apply")
		assert.Equal(t, 4, r.Code, "%s%s", r.Stdout, r.Stderr)
		assert.Contains(t, r.Stderr, addrPortOf(from).Addr().String())
		assert.Equal(t, before, s.commits())
		exchange(t, session, "still here")

		s.apply("--allow-lockout")
		s.check(row{addrPortOf(from).Addr().String(), "22/tcp", "", dropped})
		session.Close()
		s.change(everybody)
	}
}

// A connection of the host's own that another table's tracking took up in the
// middle, the server's packet first, is the host's own all the same.
func TestConnectionTrackedFromTheMiddleGoesOn(t *testing.T) {
	s := newSite(t, map[string]string{"policy.yml": everybody})
	server, client := pipeOut(t, s, "192.0.2.10:0", "203.0.113.80:80")
	nft(t, s.Host, "table inet others {\n chain in {\n type filter hook input priority 0; ct state established,new accept\n }\n}")
	tell(t, server, client, "one")
	s.apply()
	tell(t, server, client, "two")
	s.change(everybody + "services: {xcap: {enabled: false}}\n")
	tell(t, server, client, "three")
}

// A service that is not open any more on the link that a flow comes by is lost
// access, too.
func TestLostLinkCutsConnections(t *testing.T) {
	s := enforce(t, everybody)
	serveEcho(t, s, "tcp", addrPortOf("192.0.2.10:5060"))
	phone := dialIn(t, s.Host, "tcp", "203.0.113.9:5000", "192.0.2.10:5060")
	exchange(t, phone, "hello")
	s.change(everybody + "services: {sip: {interfaces: [eth9]}}\n")
	silent(t, phone)
}

// Nobody has lost an access that no policy had given: the first enforcement
// leaves a connection in that it would not let in anew.
func TestFirstEnforcementCutsNobody(t *testing.T) {
	s := newSite(t, map[string]string{"policy.yml": everybody})
	serveEcho(t, s, "tcp", addrPortOf("192.0.2.10:9999"))
	in := dialIn(t, s.Host, "tcp", "203.0.113.9:5000", "192.0.2.10:9999")
	exchange(t, in, "hello")
	s.apply()
	exchange(t, in, "still here")
	s.check(row{"203.0.113.9", "9999/tcp", "", dropped})
}
