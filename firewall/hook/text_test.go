package hook_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/hook"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/lab"
)

// What we write is what nft lists.
func TestRulesAreWrittenAsNftDoes(t *testing.T) {
	rules := []string{
		`tcp dport 22 accept`, `udp sport != 53 drop`, `tcp dport { 22, 80-90, 443 } accept`, `tcp dport 1024-65535 accept`,
		`ip saddr 10.0.0.0/8 tcp dport 22 accept`, `ip saddr 10.1.2.0/23 drop`, `ip saddr 192.0.2.1 jump other`, `ip6 saddr fd00::/8 return`,
		`ip daddr != 192.0.2.0-192.0.2.9 goto other`, `iifname "eth0" udp dport 5060 accept`, `iifname "eth*" accept`,
		`ct state established,related accept`, `ct state vmap { invalid : drop, established : accept }`, `meta l4proto icmp accept`,
		`icmp type echo-request accept`, `icmpv6 type { echo-request, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept`,
		`ip saddr . tcp dport @both accept`, `ip saddr @admins drop`, `ip saddr != @admins drop`, `meta mark 0x00000007 drop`, `limit rate 10/second accept`,
		`limit rate over 5/minute drop comment "too many"`, `fib daddr type local accept`, `fib saddr . iif oif 0 drop`, `meta nfproto ipv6 drop`, `tcp dport vmap @roads`,
		`meta l4proto { tcp, udp } th dport 53 accept`, `ip protocol udp accept`,
	}
	h := lab.New(t, eth0)
	script := "table inet f {\nset admins { type ipv4_addr; }\nset both { type ipv4_addr . inet_service; flags interval; }\nmap roads { type inet_service : verdict; }\nchain other { }\nchain i {\n"
	for _, r := range rules {
		script += r + "\n"
	}
	load(t, h, script+"}\n}\n")
	require.NoError(t, h.Do(func() error {
		conn, err := kernel.Open()
		if err != nil {
			return err
		}
		defer conn.Close()
		s, err := hook.Read(conn)
		if err == nil {
			texts := s.Texts(ruleset.FamilyInet, "f", "i")
			require.Len(t, texts, len(rules))
			for i := range rules {
				assert.Equal(t, rules[i], texts[i])
			}
		}
		return err
	}))
}
