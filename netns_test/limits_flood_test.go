package netns_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/netns_test/lab"
)

// The numbers of docs/bans.md for SIP: a thousand phones behind one address.
const (
	phones    = 1000
	sipLimit  = "rate: 50/second, burst: 1000"
	sipRate   = 50
	floodTime = 2 * time.Second
)

// behind counts what the firewall lets through, by who sent it. Its drop spares
// the host an answer, and keeps each packet the first of its flow.
const behind = `table inet tally {
	counter flood { }
	counter phones { }
	counter carrier { }
	counter others { }
	chain behind {
		type filter hook input priority 500;
		ip saddr 203.0.113.9 counter name flood drop
		ip saddr 198.51.100.7 counter name phones drop
		ip saddr 100.64.0.9 counter name carrier drop
		meta l4proto udp counter name others drop
	}
}
`

// sender sends packets of UDP from any address to the host's SIP port.
type sender struct {
	t  *testing.T
	fd int
}

func newSender(t *testing.T, h *lab.Host) (s sender) {
	t.Helper()
	outside, err := h.Outside("")
	require.NoError(t, err)
	s.t = t
	require.NoError(t, outside.Do(func() error {
		s.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	}))
	t.Cleanup(func() { assert.NoError(t, unix.Close(s.fd)) })
	return s
}

func (s sender) send(from netip.Addr, port uint16) {
	to := addrPortOf("192.0.2.10:5060")
	packet := lab.UDPPacket(netip.AddrPortFrom(from, port), to, []byte("REGISTER"))
	require.NoError(s.t, unix.Sendto(s.fd, packet, 0, &unix.SockaddrInet4{Addr: to.Addr().As4()}))
}

// let is how many packets got through, by counter.
func (s *site) let() map[string]int {
	s.t.Helper()
	time.Sleep(100 * time.Millisecond) // the last packets' way
	var listing struct {
		Nftables []struct {
			Counter struct {
				Name    string
				Packets int
			}
		}
	}
	r := s.Run("nft", "-j", "list", "counters", "table", "inet", "tally")
	require.NoError(s.t, json.Unmarshal([]byte(r.Stdout), &listing), r.Stderr)
	packets := map[string]int{}
	for _, object := range listing.Nftables {
		packets[object.Counter.Name] = object.Counter.Packets
	}
	return packets
}

// remembered is how many sources a meter holds.
func (s *site) remembered(set string) int {
	return strings.Count(s.listing("set", "inet", "ngcp-fw", set), "expires")
}

// A source that floods is held to its rate. A thousand phones behind one address,
// all of which come back at once after a power cut, are not touched, nor is
// anybody else.
func TestFloodingSourceIsHeldToItsRate(t *testing.T) {
	s := enforce(t, "version: 1\nservices: {sip: {limit: {"+sipLimit+"}}}\n")
	nft(t, s.Host, behind)
	out := newSender(t, s.Host)
	begin, sent, others := time.Now(), 0, 0
	for time.Since(begin) < floodTime {
		for range 50 {
			out.send(addr("203.0.113.9"), uint16(1024+sent%60000))
			sent++
		}
		if registering := sent / 50; registering <= phones { // a thousand within the first part of the flood
			out.send(addr("198.51.100.7"), uint16(10000+registering))
		}
		out.send(ipv4(uint32(20<<24+others)), 5060)
		others++
	}
	took := time.Since(begin).Seconds()
	let := s.let()
	t.Logf("%d packets in %.1f s: %v", sent, took, let)
	most := 1000 + int(sipRate*took) + sipRate
	require.Greater(t, sent, 2*most, "no flood")
	assert.LessOrEqual(t, let["flood"], most)
	assert.GreaterOrEqual(t, let["flood"], 1000)
	assert.Equal(t, min(phones, sent/50), let["phones"])
	assert.Equal(t, others, let["others"])
	for i := range sipRate { // and a second later some of them again
		out.send(addr("198.51.100.7"), uint16(30000+i))
	}
	assert.Equal(t, min(phones, sent/50)+sipRate, s.let()["phones"])
}

// A flood from 100,000 forged addresses takes the room of the meter and no more:
// carriers, who are exempt, lose nothing, nor do subscribers it has no room for;
// who was remembered before is still held to the rate.
func TestForgedSources(t *testing.T) {
	const forged, share = 100_000, 50
	s := enforce(t, `version: 1
roles: {peers: {allow: [100.64.0.0/24]}}
services: {sip: {roles: [subscribers, peers], limit: {rate: 1/second, burst: 5, exempt: [peers]}}}
`)
	nft(t, s.Host, behind)
	out := newSender(t, s.Host)
	for i := range 100 {
		out.send(addr("203.0.113.9"), uint16(1024+i))
	}
	before := s.let()["flood"]
	require.LessOrEqual(t, before, 8)
	for i := range forged {
		out.send(ipv4(uint32(20<<24+i)), 5060)
		if i%share == 0 {
			out.send(addr("100.64.0.9"), uint16(1024+i/share))
		}
	}
	let := s.let()
	assert.Equal(t, forged/share, let["carrier"])
	assert.Equal(t, forged, let["others"], "one packet of each")
	assert.Equal(t, 65536, s.remembered("limit-sip4-1/second.5"))
	for i := range 100 {
		out.send(addr("203.0.113.9"), uint16(2048+i))
		out.send(addr("198.51.100.7"), uint16(2048+i))
	}
	let = s.let()
	assert.LessOrEqual(t, let["flood"], before+30, "it waited for the other flood's time")
	assert.Equal(t, 100, let["phones"], "no room to remember it")
}
