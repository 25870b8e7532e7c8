package audit_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ngcp-fw/firewall/audit"
)

// drawn writes rules that tell 16 sources of each family apart, in the ways in which
// nft can say so.
type drawn struct{ *rand.Rand }

const room = 16

func (r drawn) source(family string) string {
	a, b := r.IntN(room), r.IntN(room)
	if b < a {
		a, b = b, a
	}
	at, bits := func(n int) string { return fmt.Sprintf("10.0.0.%d", n) }, 28
	if family == "ip6" {
		at, bits = func(n int) string { return fmt.Sprintf("2001:db8:99::%x", n) }, 124
	}
	free := r.IntN(4)
	prefix := fmt.Sprintf("%s/%d", at(a>>free<<free), bits+4-free)
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("%s saddr %s", family, prefix)
	case 1:
		return fmt.Sprintf("%s saddr != %s-%s", family, at(a), at(b))
	case 2:
		return fmt.Sprintf("%s saddr { %s-%s, %s }", family, at(a), at(b), at(room))
	case 3:
		return fmt.Sprintf("%s saddr %s %s", family, []string{"<", "<=", ">", ">="}[r.IntN(4)], at(max(a, 1)))
	case 4:
		return fmt.Sprintf("%s saddr . th dport { %s . 22, %s . 3306 }", family, at(a), at(b))
	}
	return fmt.Sprintf("ct original %s saddr %s", family, prefix)
}

// targets is parts of the host's addresses.
var targets = map[string][]string{
	"ip":  {"192.0.2.10", "!= { 192.0.2.11, 198.51.100.10 }", "192.0.2.0/24"},
	"ip6": {"2001:db8:2::10", "!= 2001:db8:1::/64", "2001:db8::-2001:db8:1::ff"},
}

func (r drawn) rule(verdicts ...string) string {
	var words []string
	if family := []string{"ip", "ip6"}[r.IntN(2)]; r.IntN(2) == 0 {
		words = append(words, r.source(family))
		if r.IntN(3) == 0 {
			words = append(words, family+" daddr "+targets[family][r.IntN(3)])
		}
	}
	if r.IntN(3) == 0 {
		words = append(words, fmt.Sprintf("iifname %q", []string{"eth0", "eth1"}[r.IntN(2)]))
	}
	if r.IntN(2) == 0 {
		words = append(words, []string{"tcp dport { 22, 8080-9100 }", "udp dport 5060", "tcp dport < 1000", "meta l4proto tcp", "th dport 3000-9099"}[r.IntN(5)])
	}
	verdict := verdicts[r.IntN(len(verdicts))]
	if len(words) > 0 && strings.Contains(words[0], "ip6") {
		verdict = strings.ReplaceAll(strings.ReplaceAll(verdict, "ip saddr", "ip6 saddr"), "10.0.0.", "2001:db8:99::")
	}
	return strings.Join(append(words, verdict), " ")
}

func (r drawn) ruleset() string {
	var chains []string
	for _, c := range []string{
		"chain more {\n", "chain first { type filter hook prerouting priority -150; policy accept;\n",
		"chain second { type filter hook input priority 0; policy " + []string{"accept", "drop"}[r.IntN(2)] + ";\nicmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n",
	} {
		verdicts := []string{"accept", "accept", "drop", "return", "jump more", "goto more", "ip saddr vmap { 10.0.0.3 : drop, 10.0.0.4-10.0.0.7 : accept, 10.0.0.9 : jump more }"}
		if len(chains) == 0 {
			verdicts = []string{"accept", "drop", "return", "continue"}
		}
		for range 1 + r.IntN(5) {
			c += r.rule(verdicts...) + "\n"
		}
		chains = append(chains, c+"}")
	}
	return "table inet drawn {\n" + strings.Join(chains, "\n") + "\n}"
}

// TestRandomRulesetsHold stages rulesets that nobody chose, and asks for each of the
// sources that they speak of.
func TestRandomRulesetsHold(t *testing.T) {
	const rulesets = 60
	defer func(before []netip.Addr) { sources = before }(sources)
	for n := range room + 1 {
		sources = append(sources, netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0x99, 15: byte(n)}))
	}
	m := model(t, roles)
	h := stage(t)
	seed := rand.Uint64()
	for n := range uint64(rulesets) {
		text := drawn{rand.New(rand.NewPCG(seed, n))}.ruleset()
		run(t, h, "add table inet drawn\ndelete table inet drawn\n"+text)
		for _, e := range hold(t, h, m).Entries {
			assert.NotContains(t, codes(e), audit.CodeUndecided, "%v", e.Findings)
		}
		if !assert.False(t, t.Failed(), "seed %d, ruleset %d:\n%s", seed, n, text) {
			return
		}
	}
}
