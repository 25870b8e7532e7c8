package hook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/hook"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/netns_test/lab"
)

// Whoever can drop, divert, change or untrack is named; who only looks and
// accepts, or whose rule no packet comes to, is not.
func TestInterfering(t *testing.T) {
	h := lab.New(t, eth0)
	for chain, want := range map[string]bool{
		"type filter hook input priority 0; counter accept":                                            false,
		"type filter hook input priority 0; policy drop; accept":                                       false,
		"type filter hook input priority 0; policy drop; tcp dport 22 accept":                          true,
		"type filter hook input priority 0; meta l4proto tcp accept; accept; drop":                     false,
		"type filter hook input priority 0; ct state established,related,new,invalid,untracked accept": false,
		"type filter hook input priority 0; ct state invalid drop":                                     true,
		"type filter hook input priority 0; ip saddr 203.0.113.9 reject":                               true,
		"type filter hook input priority 0; tcp dport vmap { 22 : accept, 80 : continue }":             false,
		"type filter hook input priority 0; tcp dport vmap { 22 : accept, 80 : drop }":                 true,
		"type filter hook input priority 0; limit rate over 10/second drop":                            true,
		"type filter hook input priority 0; jump deeper":                                               true,
		"type filter hook input priority 0; meta mark set 1; log; ct mark set 2":                       false,
		"type filter hook input priority 0; ip dscp set cs1":                                           true,
		"type filter hook prerouting priority -300; udp dport 30000-40000 notrack":                     true,
		"type filter hook prerouting priority raw; meta mark 7 drop":                                   true,
		"type nat hook prerouting priority dstnat; tcp dport 2222 redirect to :22":                     true,
		"type nat hook prerouting priority dstnat; tcp dport 2222 dnat to 192.0.2.77":                  true,
		"type filter hook forward priority 0; policy drop;":                                            false,
		"type filter hook output priority 0; policy drop;":                                             false,
		"type filter hook postrouting priority 0; policy drop;":                                        false,
	} {
		hooks, rules, _ := strings.Cut(chain, "; ")
		body := hooks + "\n" + strings.ReplaceAll(rules, "; ", "\n")
		load(t, h, "table ip t {\nchain deeper {\nudp dport 5060 drop\n}\nchain c {\n"+body+"\n}\n}\n")
		names := interfering(t, h)
		if want {
			assert.Equal(t, []string{"ip t c"}, names, chain)
		} else {
			assert.Empty(t, names, chain)
		}
	}
	load(t, h, "table netdev d {\nchain in {\ntype filter hook ingress device eth0 priority 0\nudp dport 5060 drop\n}\n}\n"+
		"table ip6 own {\nchain c {\ntype filter hook input priority 0; policy drop\n}\n}\n"+
		"table ip6 off {\nflags dormant\nchain c {\ntype filter hook input priority 0; policy drop\n}\n}\n")
	assert.Equal(t, []string{"netdev d in"}, interfering(t, h))
}

func interfering(t *testing.T, h *lab.Host) (names []string) {
	t.Helper()
	require.NoError(t, h.Do(func() error {
		conn, err := kernel.Open()
		if err != nil {
			return err
		}
		defer conn.Close()
		s, err := hook.Read(conn)
		if err != nil {
			return err
		}
		names = s.Interfering(func(family, table, chain string) bool { return family+" "+table+" "+chain == "ip6 own c" })
		return nil
	}))
	return names
}
