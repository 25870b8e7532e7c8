package netns_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// brim is a packet of which it depends on fractions of the rate whether it passes.
func (s *site) brim(from, to string) {
	s.t.Helper()
	_, err := s.Probe(flow(s.t, from, to, ""))
	assert.NoError(s.t, err)
}

// fill takes all the room that a meter has left.
func (s *site) fill(set string, of func(i int) string) { s.t.Helper(); s.fillTo(65536, set, of) }

func (s *site) fillTo(size int, set string, of func(i int) string) {
	s.t.Helper()
	var full strings.Builder
	for i := range size - len(s.seen(set)) {
		fmt.Fprintf(&full, "%s, ", of(i))
	}
	nft(s.t, s.Host, "add element inet ngcp-fw "+set+" { "+full.String()+"}")
}

func anyIPv4(i int) string { return ipv4(uint32(10<<24 + i)).String() }
func anyIPv6(i int) string { return fmt.Sprintf("2001:db8:a:%x::", i) }

// A full meter lets subscribers in, and refuses administrators it does not know;
// those it knows, and the exempt, go on as before.
func TestFullMeter(t *testing.T) {
	s := enforce(t, `version: 1
roles:
  administrators: {allow: [203.0.113.0/24, "2001:db8:99::/48"]}
  noc: {allow: [203.0.113.200]}
services:
  sip: {limit: {rate: 1/hour, burst: 3}}
  ssh: {limit: {rate: 1/hour, burst: 3, exempt: [noc]}}
`)
	known := row{"203.0.113.9 2001:db8:99:1::9", "22/tcp 5060/udp", "", accepted}
	s.check(known)
	for _, set := range []string{"limit-sip4", "within-ssh4"} {
		s.fill(set+"-1/hour.3", anyIPv4)
	}
	for _, set := range []string{"limit-sip6", "within-ssh6"} {
		s.fill(set+"-1/hour.3", anyIPv6)
	}
	for range 6 {
		s.check(row{"203.0.113.77 2001:db8:99:7::7", "5060/udp", "", accepted},
			row{"203.0.113.77 2001:db8:99:7::7", "22/tcp", "", dropped},
			row{"203.0.113.200", "22/tcp", "", accepted},
			row{"198.51.100.7", "22/tcp", "", dropped})
	}
	s.check(known)
	for _, to := range []string{"22/tcp", "5060/udp"} {
		s.brim("203.0.113.9", to)
		s.brim("203.0.113.9", to)
		s.check(row{"203.0.113.9", to, "", dropped})
	}
}

// The addresses of one /64 share a rate; another /64 has its own.
func TestLimitsOfIPv6AreByNetwork(t *testing.T) {
	s := enforce(t, `version: 1
roles: {administrators: {allow: ["2001:db8:99::/48"]}}
services: {sip: {limit: {rate: 1/hour, burst: 4}}, ssh: {limit: {rate: 1/hour, burst: 4}}}
`)
	for _, to := range []string{"5060/udp", "22/tcp"} {
		s.check(row{"2001:db8:99::1 2001:db8:99::2 2001:db8:99:0:ffff:ffff:ffff:ffff 2001:db8:99::", to, "", accepted})
		s.brim("2001:db8:99::3", to)
		s.check(row{"2001:db8:99::1 2001:db8:99::4", to, "", dropped}, row{"2001:db8:99:1::1", to, "", accepted})
	}
	for _, set := range []string{"limit-sip6", "within-ssh6"} {
		assert.ElementsMatch(t, []string{"2001:db8:99::", "2001:db8:99:1::"}, s.seen(set+"-1/hour.4"))
	}
}

const banning = `version: 1
roles: {peers: {allow: [100.64.0.0/24, "2001:db8:20::/64"]}}
services:
  sip: {limit: {rate: 1/hour, burst: 2, ban-for: %s}}
never-ban: [{role: peers}]
`

// overLimit sends more than the burst.
func (s *site) overLimit(from string) {
	s.t.Helper()
	for range 4 {
		s.brim(from, "5060/udp")
	}
}

// Who is over a limit that bans is refused everywhere, for its time, with all of
// its /64; who is not to be banned is held to the limit.
func TestLimitsBan(t *testing.T) {
	s := enforce(t, fmt.Sprintf(banning, "4s"))
	s.check(row{"203.0.113.9 2001:db8:99::9", "443/tcp 30000/udp", "", accepted})
	for _, from := range []string{"203.0.113.9", "2001:db8:99::9", "100.64.0.9", "2001:db8:20::9"} {
		s.overLimit(from)
	}
	begin := time.Now()
	s.check(row{"203.0.113.9", "443/tcp icmp 30000/udp", "", dropped}, row{"2001:db8:99::9 2001:db8:99::77", "443/tcp 30000/udp", "", dropped},
		row{"203.0.113.10 2001:db8:99:1::9", "443/tcp 5060/udp", "", accepted},
		row{"100.64.0.9 2001:db8:20::9", "443/tcp 30000/udp", "", accepted}, row{"100.64.0.9 2001:db8:20::9", "5060/udp", "", dropped})
	assert.Equal(t, []string{"203.0.113.9"}, s.seen("offenders4"))
	assert.Equal(t, []string{"2001:db8:99::"}, s.seen("offenders6"))
	verified := s.run("verify")
	assert.Zero(t, verified.Code, verified.Stdout+verified.Stderr)
	assert.Contains(t, s.run("status").Stdout, "in force", "what packets left is no drift")
	time.Sleep(4500*time.Millisecond - time.Since(begin))
	s.check(row{"203.0.113.9 2001:db8:99::9", "443/tcp 30000/udp", "", accepted}, row{"203.0.113.9", "5060/udp", "", dropped})
	s.check(row{"203.0.113.9", "443/tcp", "", dropped})
}

// Unban ends what a limit has banned: an address, a network, the /64 of an address.
func TestUnbanFreesOffenders(t *testing.T) {
	s := enforce(t, fmt.Sprintf(banning, "1h"))
	for _, from := range []string{"203.0.113.9", "203.0.113.10", "203.0.113.11", "198.51.100.7", "2001:db8:99::9", "2001:db8:98::9"} {
		s.overLimit(from)
	}
	for _, r := range []struct{ unban, freed, held string }{
		{"203.0.113.9", "203.0.113.9", "203.0.113.10 203.0.113.11 198.51.100.7 2001:db8:99::9"},
		{"203.0.113.0/24", "203.0.113.9 203.0.113.10 203.0.113.11", "198.51.100.7 2001:db8:99::9"},
		{"2001:db8:99::77", "2001:db8:99::9 2001:db8:99::77", "198.51.100.7 2001:db8:98::9"},
		{"2001:db8:98::/80", "2001:db8:98::9", "198.51.100.7"},
	} {
		done := s.run("unban", r.unban)
		assert.Zero(t, done.Code, done.Stdout+done.Stderr)
		assert.Contains(t, done.Stdout, "not banned any more")
		s.check(row{r.freed, "443/tcp", "", accepted}, row{r.held, "443/tcp", "", dropped})
	}
	assert.Contains(t, s.run("status").Stdout, "in force")
}

// Rates and bans go on over an apply. A new rate begins anew, with those who are
// banned still banned.
func TestLimitsOutliveAnApply(t *testing.T) {
	policy := fmt.Sprintf(banning, "1h")
	s := enforce(t, policy)
	s.overLimit("203.0.113.9")
	s.overLimit("100.64.0.9")
	s.check(row{"198.51.100.7", "5060/udp", "", accepted})
	policy += "deny: [198.51.100.66]\n"
	s.change(policy)
	s.check(row{"203.0.113.9", "443/tcp", "", dropped}, row{"100.64.0.9 198.51.100.66", "5060/udp", "", dropped}, row{"198.51.100.7", "5060/udp", "", accepted})
	s.change(strings.Replace(policy, "1/hour", "2/hour", 1))
	s.check(row{"203.0.113.9", "443/tcp", "", dropped}, row{"100.64.0.9 198.51.100.7", "5060/udp", "", accepted})
	assert.NotContains(t, s.listing("ruleset"), "limit-sip4-1/hour")
	s.change("version: 1\n")
	s.check(row{"203.0.113.9", "443/tcp", "", accepted})
	assert.NotContains(t, s.listing("ruleset"), "offenders")
}
