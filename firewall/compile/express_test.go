package compile

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// scatteredList is n IPv4 prefixes, none beside another.
func scatteredList(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("10.%d.0.0/16", 2*i))
	}
	return strings.Join(list, " ")
}

// media is rtp for the sources of each role.
func media(lists ...string) *exposure.Model {
	m := &exposure.Model{}
	for i, list := range lists {
		m.Exposures = append(m.Exposures, exposure.Exposure{Service: "rtp", Role: string(rune('a' + i)), Ports: rtpPorts, Sources: sources(list)})
	}
	return m
}

// expressOf is the rules of input-1 before that for loopback.
func expressOf(t *testing.T, m *exposure.Model) (lines []string) {
	t.Helper()
	for _, line := range rulesOf(t, Compile(m, 1), "input-1") {
		if strings.Contains(line, `"lo"`) {
			return lines
		}
		lines = append(lines, strings.TrimSuffix(strings.TrimPrefix(line, "udp dport 30000-40000 "), ` counter name "accepted-rtp" accept`))
	}
	return lines
}

const (
	noSpoof4 = "ip saddr != 127.0.0.0/8 ip daddr != 127.0.0.0/8"
	noSpoof6 = "ip6 saddr != ::1 ip6 daddr != ::1"
)

func TestWhatMediaIsAskedFirst(t *testing.T) {
	denied, limited, here := media("any"), media("any"), media("any")
	denied.Deny = sources("203.0.113.0/24")
	limited.Services = []exposure.Service{{Name: "rtp", Limit: &exposure.Limit{Rate: policy.Rate{Count: 1, Unit: time.Second}}}}
	here.Exposures[0].Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.10")}
	elsewhere := media("192.0.2.0/24", "198.51.100.0/24")
	elsewhere.Exposures[0].Interfaces, elsewhere.Exposures[1].Interfaces = []string{"eth1"}, []string{"eth2"}
	for name, row := range map[string]struct {
		model *exposure.Model
		want  []string
	}{
		"anyone":                {media("any"), []string{"ip saddr != @banned4 " + noSpoof4, "ip6 saddr != @banned6 " + noSpoof6}},
		"anyone but the denied": {denied, []string{"ip saddr != @banned4 ip saddr != @deny4-1 " + noSpoof4, "ip6 saddr != @banned6 " + noSpoof6}},
		"anyone among others":   {media("192.0.2.0/24", "any"), []string{"ip saddr != @banned4 " + noSpoof4, "ip6 saddr != @banned6 " + noSpoof6}},
		"a short list":          {media("192.0.2.0/24"), []string{"ip saddr @from-a4-1 ip saddr != @banned4 ip daddr != 127.0.0.0/8"}},
		"a long list":           {media(scatteredList(learnFrom)), []string{"ip saddr @seen-rtp4-1 ip saddr != @banned4 ip daddr != 127.0.0.0/8"}},
		"not long yet":          {media(scatteredList(learnFrom - 1)), []string{"ip saddr @from-a4-1 ip saddr != @banned4 ip daddr != 127.0.0.0/8"}},
		"two lists":             {media("192.0.2.0/24", "198.51.100.0/24"), []string{"ip saddr @seen-rtp4-1 ip saddr != @banned4 ip daddr != 127.0.0.0/8"}},
		"one address":           {here, []string{"ip daddr 192.0.2.10 ip saddr != @banned4 " + noSpoof4}},
		"two links": {elsewhere, []string{
			`iifname "eth1" udp dport 30000-40000 ip saddr @from-a4-1 ip saddr != @banned4 ip daddr != 127.0.0.0/8`,
			`iifname "eth2" udp dport 30000-40000 ip saddr @from-b4-1 ip saddr != @banned4 ip daddr != 127.0.0.0/8`}},
		"a limit":  {limited, nil},
		"nobody":   {media(""), nil},
		"no media": {&exposure.Model{}, nil},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, row.want, expressOf(t, row.model)) })
	}
}

// What is learned has room, and an end; to note a source and to let it in are two
// rules.
func TestLearning(t *testing.T) {
	table := Compile(media(scatteredList(learnFrom)), 7)
	seen := table.Sets[indexOf(t, table, "seen-rtp4-7")]
	assert.Equal(t, []any{uint32(seenSize), seenLifetime, true}, []any{seen.Size, seen.Lifetime, seen.Live()})
	assert.Equal(t, []string{"ip saddr @from-a4-7 goto learn-rtp4-7"}, rulesOf(t, table, "rtp-7"))
	assert.Equal(t, []string{"update @seen-rtp4-7 { ip saddr }", `counter name "accepted-rtp" accept`}, rulesOf(t, table, "learn-rtp4-7"))
	assert.Equal(t, table.Text(), Compile(media(scatteredList(learnFrom)), 1).Renumbered(7).Text())
}

// The evaluator says the same of a list that is learned as of the list itself,
// whoever was learned before.
func TestLearnedOrNotTheVerdictIsTheSame(t *testing.T) {
	m := media(scatteredList(20))
	m.Deny = sources("10.4.0.0/24")
	table := Compile(m, 1)
	for _, from := range []string{"10.0.0.1", "10.1.0.1", "10.38.255.255", "10.39.0.0", "10.4.0.9", "10.4.1.9", "127.0.0.1"} {
		p := ruleset.Packet{In: "eth0", Src: netip.MustParseAddr(from), Dst: netip.MustParseAddr("192.0.2.10"), Protocol: uint8(policy.UDP), SrcPort: 20000, DstPort: 30000}
		assert.Equal(t, allows(m, p), table.EvaluateInput(p).Accept, from)
	}
}
