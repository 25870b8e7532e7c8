package netns_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// longList is a policy whose media is for a list that is learned: 100.64.0.0/24
// and, of IPv6, 2001:db8:20::/64 come first, others follow.
func longList(services string) string {
	list := []string{"100.64.0.0/24", `"2001:db8:20::/64"`}
	for i := range 20 {
		list = append(list, fmt.Sprintf("100.65.%d.0/24", 2*i), fmt.Sprintf(`"2001:db8:21:%d::/64"`, 2*i))
	}
	return "version: 1\nroles: {peers: {allow: [" + strings.Join(list, ", ") + "]}}\nservices: {rtp: {roles: [peers]" + services + "}}\n"
}

// seen is the sources in a learned set.
func (s *site) seen(set string) (sources []string) {
	_, elements, found := strings.Cut(s.listing("set", "inet", "ngcp-fw", set), "elements = {")
	for _, element := range strings.Split(elements, ",") {
		if fields := strings.Fields(element); found && len(fields) > 0 {
			sources = append(sources, fields[0])
		}
	}
	return sources
}

// acceptedMedia is the value of accepted-rtp.
func (s *site) acceptedMedia() (packets int) {
	listed := s.listing("counter", "inet", "ngcp-fw", "accepted-rtp")
	_, rest, _ := strings.Cut(listed, "packets ")
	_, err := fmt.Sscan(rest, &packets)
	require.NoError(s.t, err, listed)
	return packets
}

const mediaPort = "30000/udp"

// Sources that the list accepts are remembered, and nobody else's; each packet is
// counted, remembered or not; a ban counts at once.
func TestMediaIsLearned(t *testing.T) {
	s := enforce(t, longList(""))
	allowed := row{"100.64.0.9 100.65.38.1 2001:db8:20::9 2001:db8:21:38::1", mediaPort, "", accepted}
	forged := row{"100.64.1.9 100.65.1.1 203.0.113.9 2001:db8:20:1::9 2001:db8:99::9", mediaPort, "", dropped}
	for round := 1; round <= 3; round++ {
		s.check(allowed, forged)
		assert.Equal(t, 4*round, s.acceptedMedia())
		assert.ElementsMatch(t, []string{"100.64.0.9", "100.65.38.1"}, s.seen("seen-rtp4-1"))
		assert.ElementsMatch(t, []string{"2001:db8:20::9", "2001:db8:21:38::1"}, s.seen("seen-rtp6-1"))
	}
	nft(t, s.Host, "add element inet ngcp-fw banned4 { 100.64.0.9 timeout 1h }\nadd element inet ngcp-fw banned6 { 2001:db8:20::/64 timeout 1h }")
	s.check(row{"100.64.0.9 2001:db8:20::9", mediaPort, "", dropped}, row{"100.65.38.1", mediaPort, "", accepted})
	assert.Contains(t, s.run("status").Stdout, "in force", "what packets left is no drift")
}

// Who is taken from the list is refused from the change on, remembered or not.
func TestNobodyIsRememberedOverAChange(t *testing.T) {
	s := enforce(t, longList(""))
	both := "100.64.0.9 100.65.38.1 2001:db8:20::9"
	s.check(row{both, mediaPort, "", accepted}, row{both, mediaPort, "", accepted})
	shorter := strings.NewReplacer("100.64.0.0/24, ", "", `"2001:db8:20::/64", `, "").Replace(longList(""))
	s.change(shorter)
	s.check(row{"100.64.0.9 2001:db8:20::9", mediaPort, "", dropped}, row{"100.65.38.1", mediaPort, "", accepted})
	assert.Equal(t, []string{"100.65.38.1"}, s.seen("seen-rtp4-2"))
	assert.NotContains(t, s.listing("ruleset"), "seen-rtp4-1")
	s.change(strings.Replace(shorter, "services:", "deny: [100.65.38.0/24]\nservices:", 1))
	s.check(row{"100.65.38.1", mediaPort, "", dropped}, row{"100.65.36.1", mediaPort, "", accepted})
}

// With no room to remember anybody, everybody is accepted as before, and counted.
func TestFullMemoryLocksNobodyOut(t *testing.T) {
	s := enforce(t, longList(""))
	var full strings.Builder
	for i := range 65536 {
		fmt.Fprintf(&full, "%s, ", ipv4(uint32(10<<24+i)))
	}
	nft(t, s.Host, "add element inet ngcp-fw seen-rtp4-1 { "+full.String()+"}")
	for round := 1; round <= 2; round++ {
		s.check(row{"100.64.0.9 100.65.38.1", mediaPort, "", accepted}, row{"203.0.113.9", mediaPort, "", dropped})
		assert.Equal(t, 2*round, s.acceptedMedia())
	}
	assert.Equal(t, lab.Dropped, s.explain("203.0.113.9", mediaPort, ""))
}

// A limit counts every packet: nobody is let past it.
func TestLimitedMediaIsNotLearned(t *testing.T) {
	s := enforce(t, longList(", limit: {rate: 1/hour, burst: 3}"))
	assert.NotContains(t, s.listing("ruleset"), "seen-")
	for range 3 {
		s.check(row{"100.64.0.9", mediaPort, "", accepted})
	}
	_, err := s.Probe(flow(t, "100.64.0.9", mediaPort, "")) // the bucket's brim
	require.NoError(t, err)
	s.check(row{"100.64.0.9", mediaPort, "", dropped}, row{"100.64.0.10", mediaPort, "", accepted})
}
