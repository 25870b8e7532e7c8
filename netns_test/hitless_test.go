package netns_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// Policies that follow each other under load. Of all packets sent below, each of
// them accepts the same ones, by other rules, sets and chains.
func alternatives() (policies []string) {
	for i := range 4 {
		policies = append(policies, fmt.Sprintf(`version: 1
roles:
  subscribers: {allow: [203.0.113.0/24, 100.%d.0.0/16, "2001:db8:99::/48", "2001:db8:%d::/48"]}
  administrators: {allow: [198.18.0.%d, 198.18.0.9]}
services:
  rtp: {ports: [%d-40000/udp]}
  sip: {limit: {rate: %d/second, burst: 1000000}}
  own-%d: {ports: [%d/tcp], roles: [administrators]}
deny: [100.99.0.%d]
`, 64+i, 100+i, 1+i, 30000-i, 1000000+i, i, 9000+i, i))
	}
	return policies
}

// alwaysTheSame is packets on which all alternatives agree.
var alwaysTheSame = []row{
	{"203.0.113.9 2001:db8:99::9", "5060/udp 5060/tcp 443/tcp 30000/udp 35000/udp 40000/udp", "", accepted},
	{"198.18.0.9", "22/tcp 1443/tcp", "", accepted},
	{"192.0.2.99 2001:db8:98::9", "5060/udp 443/tcp 35000/udp 22/tcp", "", dropped},
	{"203.0.113.9 2001:db8:99::9", "22/tcp 5062/udp 40001/udp 8999/tcp", "", dropped},
}

// While the program changes policies, by all that differs between them at once,
// not one packet is lost that both accept, and none gets in that both refuse.
func TestAppliesAreHitless(t *testing.T) {
	applies := 40
	if testing.Short() {
		applies = 8
	}
	s := newSite(t, nil)
	policies := alternatives()
	for i, text := range policies {
		s.write(fmt.Sprint(i, ".yml"), text)
	}
	apply := func(i int) lab.Result {
		return s.run("apply", "--policy", s.path(fmt.Sprint(i%len(policies), ".yml")))
	}
	require.Zero(t, apply(0).Code)
	done := make(chan lab.Result, 1)
	go func() {
		var r lab.Result
		for i := 1; i <= applies && r.Code == 0; i++ {
			r = apply(i)
		}
		done <- r
	}()
	for rounds := 1; ; rounds++ {
		s.check(alwaysTheSame...)
		select {
		case r := <-done:
			require.Zero(t, r.Code, r.Stderr)
			t.Logf("%d rounds of packets during %d changes", rounds, applies)
			return
		default:
		}
	}
}
