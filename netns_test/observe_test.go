package netns_test

import (
	"encoding/json"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type observed struct {
	On      bool
	Refused []wouldRefuse
}

type wouldRefuse struct {
	Service, Reason string
	Packets, Bytes  int
	Sources         []string
}

func (s *site) observed() observed {
	s.t.Helper()
	r := s.run("status", "-o", "json")
	require.Zero(s.t, r.Code, r.Stdout+r.Stderr)
	var doc struct{ Observe observed }
	require.NoError(s.t, json.Unmarshal([]byte(r.Stdout), &doc))
	return doc.Observe
}

// Observing counts what was sent, by service, and notes who sent it, from the
// moment on at which the generation came into force.
func TestObserveTellsWhoWouldBeRefused(t *testing.T) {
	s := enforce(t, logging)
	assert.Equal(t, observed{Refused: []wouldRefuse{}}, s.observed())
	for _, flows := range manyRefusals(t) {
		_, err := s.ProbeAll(flows)
		require.NoError(t, err)
	}
	s.change(logging + "observe: true\n")
	assert.Equal(t, observed{On: true, Refused: []wouldRefuse{}}, s.observed(), "what was dropped before does not count")
	assert.Contains(t, s.run("status").Stdout, "Nothing would have been refused so far")
	const size, larger = payload + udpHeader + ipv4Header, payload + udpHeader + ipv6Header
	checkFlows(t, s.Host, accepted, repeat(t, "203.0.113.9", "161/udp", 3)...)
	checkFlows(t, s.Host, accepted, repeat(t, "203.0.113.10", "161/udp", 2)...)
	checkFlows(t, s.Host, accepted, repeat(t, "2001:db8:99::9", "161/udp", 4)...)
	checkFlows(t, s.Host, accepted, repeat(t, "192.0.2.7", "161/udp", 9)...)
	checkFlows(t, s.Host, accepted, repeat(t, "198.51.100.66", "30000/udp", 6)...)
	checkFlows(t, s.Host, accepted, repeat(t, "203.0.113.11", "9999/udp", 7)...)
	checkFlows(t, s.Host, accepted, repeat(t, "203.0.113.12", "5060/udp", 5)...) // two of them within the limit
	shared := wouldRefuse{"snmp", "refused", 9, 5*size + 4*larger, []string{"203.0.113.9", "203.0.113.10", "2001:db8:99::9"}}
	alike := shared
	alike.Service = "ntp"
	want := []wouldRefuse{
		{"", "denied", 6, 6 * size, []string{}},
		{"sip", "limited", 3, 3 * size, []string{"203.0.113.12"}},
		{"", "refused", 7, 7 * size, []string{"203.0.113.11"}},
		alike, shared,
	}
	assert.Equal(t, observed{On: true, Refused: want}, s.observed())
	assert.Contains(t, s.run("status").Stdout, "snmp")
	verified := s.run("verify")
	assert.Zero(t, verified.Code, verified.Stdout+verified.Stderr)
	metrics := s.scrape()
	assert.Equal(t, []float64{1, 0}, []float64{metrics["observe"], metrics["enforced"]})
	s.change(logging)
	assert.NotContains(t, s.listing("ruleset"), "seen-")
}

// Taking observe away keeps the connections that are open, of those who are refused
// from now on, too; their next ones are refused. The next change cuts what it
// refuses, as every change does.
func TestEnforcingKeepsConnections(t *testing.T) {
	const office = "version: 1\nroles: {administrators: {allow: [192.0.2.0/24]}}\n"
	s := enforce(t, office+"observe: true\n")
	for _, at := range []string{"192.0.2.10:443", "192.0.2.10:1443", "[2001:db8:1::10]:1443"} {
		serveEcho(t, s, "tcp", addrPortOf(at))
	}
	serveEcho(t, s, "udp", addrPortOf("192.0.2.10:5060"))
	serveEcho(t, s, "udp", addrPortOf("192.0.2.10:9999"))
	meant := []net.Conn{
		dialIn(t, s.Host, "tcp", "203.0.113.9:5000", "192.0.2.10:443"),
		dialIn(t, s.Host, "udp", "203.0.113.9:5000", "192.0.2.10:5060"),
	}
	refused := []net.Conn{
		dialIn(t, s.Host, "tcp", "203.0.113.9:5001", "192.0.2.10:1443"),
		dialIn(t, s.Host, "tcp", "[2001:db8:99::9]:5001", "[2001:db8:1::10]:1443"),
		dialIn(t, s.Host, "udp", "203.0.113.9:5001", "192.0.2.10:9999"),
	}
	for round, policy := range []string{office + "observe: true\nlog: {rate: 1/hour}\n", office} {
		for _, conn := range append(refused, meant...) {
			exchange(t, conn, "hello")
		}
		s.change(policy)
		for _, conn := range append(refused, meant...) {
			exchange(t, conn, "still here")
		}
		s.check(row{"203.0.113.9 2001:db8:99::9", "1443/tcp 9998/udp", "", round == 0}, row{"203.0.113.9", "443/tcp", "", accepted})
	}
	s.change(office + "forward: drop\n")
	for _, conn := range refused {
		silent(t, conn)
	}
	for _, conn := range meant {
		exchange(t, conn, "still here")
	}
}

// A set that is full of sources notes no further one, and refuses nobody for that.
func TestObserveNotesSoManySources(t *testing.T) {
	s := enforce(t, "version: 1\nobserve: true\n")
	s.fillTo(1024, "seen-refused4-1", anyIPv4)
	checkFlows(t, s.Host, accepted, repeat(t, "203.0.113.9", "9999/udp", 3)...)
	got := s.observed().Refused
	require.Len(t, got, 1)
	assert.Equal(t, 3, got[0].Packets)
	assert.Len(t, got[0].Sources, 1024)
	assert.NotContains(t, got[0].Sources, "203.0.113.9")
	text := s.run("status").Stdout
	assert.Contains(t, text, "and 1021 more")
}
