package audit_test

import (
	"context"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/audit"
	"ngcp-fw/netns_test/lab"
)

// input is nft's text of a table with a base chain of the input hook.
func input(table, priority string, rules ...string) string {
	return "table inet " + table + " {\nchain input {\ntype filter hook input priority " + priority + ";\n" + strings.Join(rules, "\n") + "\n}\n}"
}

// hosts is what others put into the kernel; with ours or without.
var hosts = []struct {
	name     string
	enforced bool
	commands []string
	port     uint16 // of a socket
	reach    audit.Reach
	codes    []audit.Code // of its findings
}{
	{"nothing in force", false, nil, 22, audit.ReachAny, []audit.Code{audit.CodeAdmin}},
	{"ours only", true, nil, 3306, audit.ReachLocal, []audit.Code{audit.CodeBound}},
	{"ours only, a role's", true, nil, 22, audit.ReachRoles, nil},
	{"ours and an accept behind it", true, []string{input("late", "5", "tcp dport 3306 accept")}, 3306, audit.ReachLocal, []audit.Code{audit.CodeBound}},
	{"ours and a drop before it", true, []string{input("early", "-20", "ip saddr 172.20.0.0/24 tcp dport 22 drop")}, 22, audit.ReachRoles, []audit.Code{audit.CodeBlocked}},
	{"iptables that drops", false, []string{"iptables-nft -P INPUT DROP", "iptables-nft -A INPUT -p tcp -s 10.0.0.0/8 --dport 3306 -j ACCEPT",
		"iptables-nft -A INPUT -p tcp -m iprange --src-range 203.0.113.0-203.0.113.127 -m multiport --dports 22,8080 -j ACCEPT",
		"ip6tables-nft -P INPUT DROP"}, 3306, audit.ReachAny, []audit.Code{audit.CodeBeyond, audit.CodeBound}},
	{"iptables forgot IPv6", true, []string{"iptables-nft -P INPUT DROP", "iptables-nft -A INPUT -i lo -j ACCEPT", "iptables-nft -A INPUT -i eth1 -p tcp --dport 22 -j ACCEPT"}, 5060, audit.ReachLocal, []audit.Code{audit.CodeBlocked}},
	{"Docker", false, []string{"iptables-nft -N DOCKER-USER", "iptables-nft -N DOCKER", "iptables-nft -P FORWARD DROP", "iptables-nft -A FORWARD -j DOCKER-USER",
		"iptables-nft -t nat -N DOCKER", "iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
		"iptables-nft -t nat -A DOCKER ! -i docker0 -p tcp --dport 3306 -j DNAT --to-destination 172.17.0.2:3306"}, 3306, audit.ReachAny, []audit.Code{audit.CodeUndecided, audit.CodeBound}},
	{"ufw's chains", false, append(ufw("iptables-nft", "ufw"), ufw("ip6tables-nft", "ufw6")...), 8080, audit.ReachAny, []audit.Code{audit.CodeBeyond}},
	{"firewalld's table", false, []string{firewalld}, 22, audit.ReachAny, []audit.Code{audit.CodeAdmin}},
	{"fail2ban", true, []string{`table inet f2b-table {
		set addr-set-sshd { type ipv4_addr; elements = { 172.20.0.7, 203.0.113.9 }; }
		chain f2b-chain { type filter hook input priority -1; policy accept; tcp dport 22 ip saddr @addr-set-sshd reject; }
	}`}, 22, audit.ReachRoles, []audit.Code{audit.CodeBlocked}},
	{"rtpengine's chain", true, []string{"iptables-nft -N rtpengine", "iptables-nft -I INPUT -p udp -j rtpengine", "iptables-nft -A rtpengine -p udp --dport 161 -j ACCEPT"}, 30000, audit.ReachAny, nil},
	{"links, sets and maps", false, []string{`table inet mine {
		set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 1-100, 203.0.113.0/25 . 3306 }; }
		map by { type ipv4_addr : verdict; flags interval; elements = { 203.0.113.128/25 : drop, 172.16.0.0/12 : jump more }; }
		chain more { tcp dport 22 accept; udp dport 5060 drop; }
		chain input { type filter hook input priority 0; policy drop;
			iifname "lo" accept
			ip saddr vmap @by
			ip saddr . tcp dport @pairs accept
			iifname "eth1" udp dport 161 accept
			ip6 saddr 2001:db8:99::/64 ip6 daddr 2001:db8:2::10 accept
			icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		}
	}`}, 161, audit.ReachAny, []audit.Code{audit.CodeBeyond}},
	{"raw", true, []string{`table ip raw { chain PREROUTING { type filter hook prerouting priority -300; ip saddr 198.18.0.0/16 udp dport 5060 drop; udp dport 30000 notrack; }; }`}, 5060, audit.ReachRoles, []audit.Code{audit.CodeBlocked}},
	{"a rate", false, []string{"iptables-nft -P INPUT DROP", "iptables-nft -A INPUT -p tcp --dport 8080 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT", "ip6tables-nft -P INPUT DROP"}, 8080, audit.ReachAny, []audit.Code{audit.CodeUndecided}},
	{"not even lo", false, []string{input("shut", "0; policy drop")}, 3306, audit.ReachNobody, []audit.Code{audit.CodeBound}},
	{"the way back", false, []string{`table inet ways { chain prerouting { type filter hook prerouting priority -150; fib saddr . iif oif missing drop; }; }`}, 3306, audit.ReachAny, []audit.Code{audit.CodeBeyond, audit.CodeBound}},
}

// ufw is the chains that ufw makes, with port 8080 allowed.
func ufw(program, prefix string) (commands []string) {
	for _, chain := range []string{"before-input", "user-input", "after-input", "not-local", "skip-to-policy-input"} {
		commands = append(commands, program+" -N "+prefix+"-"+chain)
	}
	for _, rule := range []string{
		"-P INPUT DROP", "-A INPUT -j P-before-input", "-A INPUT -j P-after-input",
		"-A P-before-input -i lo -j ACCEPT", "-A P-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		"-A P-before-input -m conntrack --ctstate INVALID -j DROP", "-A P-before-input -j P-not-local", "-A P-before-input -j P-user-input",
		"-A P-not-local -m addrtype --dst-type LOCAL -j RETURN", "-A P-not-local -m addrtype --dst-type MULTICAST -j RETURN", "-A P-not-local -j DROP",
		"-A P-user-input -p tcp --dport 8080 -j ACCEPT", "-A P-user-input -p udp --dport 5060 -i eth1 -j ACCEPT",
		"-A P-after-input -p udp --dport 137 -j P-skip-to-policy-input", "-A P-skip-to-policy-input -j DROP",
	} {
		if prefix == "ufw6" && strings.Contains(rule, "addrtype") {
			continue
		}
		commands = append(commands, program+" "+strings.ReplaceAll(rule, "P-", prefix+"-"))
	}
	if prefix == "ufw6" {
		commands = append(commands, program+" -A ufw6-before-input -p ipv6-icmp -j ACCEPT", program+" -A ufw6-not-local -j RETURN")
		commands = withoutDrop(commands)
	}
	return commands
}

func withoutDrop(commands []string) (kept []string) {
	for _, c := range commands {
		if !strings.HasSuffix(c, "-A ufw6-not-local -j DROP") {
			kept = append(kept, c)
		}
	}
	return kept
}

// firewalld is the structure of the table that firewalld 1.3 makes, with a zone
// that has ssh, and another one by the source. firewalld itself wants the machine's
// system bus, so it cannot be run here.
const firewalld = `table inet firewalld {
	chain mangle_PREROUTING { type filter hook prerouting priority -140; policy accept;
		icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
		meta nfproto ipv6 fib saddr . mark . iif oif missing drop
	}
	chain filter_INPUT { type filter hook input priority 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		jump filter_INPUT_ZONES
		reject with icmpx type admin-prohibited
	}
	chain filter_INPUT_ZONES {
		ip saddr 10.0.0.0/8 goto filter_IN_trusted
		iifname "eth0" goto filter_IN_public
		goto filter_IN_public
	}
	chain filter_IN_trusted { accept; }
	chain filter_IN_public { jump filter_IN_public_allow; meta l4proto { icmp, ipv6-icmp } accept; }
	chain filter_IN_public_allow {
		tcp dport 22 accept
		ip6 daddr fe80::/64 udp dport 546 accept
		ip saddr 203.0.113.0/25 tcp dport 3306 reject
		tcp dport 3306 accept
	}
}`

func TestAuditHoldsAgainstPackets(t *testing.T) {
	m := model(t, roles)
	for _, c := range hosts {
		t.Run(c.name, func(t *testing.T) {
			commands := c.commands
			if c.enforced {
				commands = append([]string{ours(t, m)}, commands...)
			}
			h := stage(t, commands...)
			r := hold(t, h, m)
			assert.Equal(t, c.enforced, r.InForce)
			e := entry(t, r, c.port)
			assert.Equal(t, c.reach, e.Reach, e.Why)
			assert.Equal(t, c.codes, codes(e), "%+v", e.Findings)
		})
	}
}

func TestASocketOfOneLink(t *testing.T) {
	m := model(t, roles)
	h := stage(t, input("one", "0; policy drop", `iifname "eth0" accept`))
	only := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		_ = c.Control(func(fd uintptr) { err = bindToLink("eth1")(fd) })
		return err
	}}
	require.NoError(t, h.Do(func() error {
		l, err := only.Listen(context.Background(), "tcp4", "0.0.0.0:7000")
		if err == nil {
			t.Cleanup(func() { l.Close() })
		}
		return err
	}))
	e := entry(t, look(t, h, m), 7000)
	assert.Equal(t, "eth1", e.Link)
	assert.Equal(t, audit.ReachNobody, e.Reach, "only eth0 is open")
	assert.Equal(t, []string{"eth0"}, entry(t, look(t, h, m), 3306).Links)
}

func TestOnlyIPv6(t *testing.T) {
	h := stage(t)
	r := look(t, h, model(t, roles))
	assert.False(t, entry(t, r, 1443).From.Has4())
	both := entry(t, r, 22)
	assert.True(t, both.Both && both.From.Has4() && both.From.Has6())
}

func TestNobodyListens(t *testing.T) {
	m := model(t, roles)
	h := stage(t, ours(t, m))
	r := look(t, h, m)
	found := map[uint16]audit.Reach{}
	for _, e := range r.Entries {
		if e.Sockets == 0 {
			found[e.Port] = e.Reach
			assert.Equal(t, []audit.Code{audit.CodeUnheard}, codes(e))
		}
	}
	assert.Equal(t, audit.ReachRoles, found[2443])
	assert.Equal(t, audit.ReachAny, found[443])
	assert.NotContains(t, found, uint16(22))
	assert.Contains(t, found, uint16(5060), "of TCP; UDP is heard")
}

func TestManySocketsOfMediaAreOneLine(t *testing.T) {
	m := model(t, roles)
	h := lab.New(t, eth0)
	run(t, h, ours(t, m))
	for port := uint16(30000); port < 30400; port += 2 {
		c, err := h.ListenPacket("udp4", addrPort("192.0.2.10", port))
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
	}
	e := entry(t, look(t, h, m), 30000)
	assert.Equal(t, 200, e.Sockets)
	assert.Equal(t, uint16(30398), e.LastPort)
	assert.Empty(t, e.Findings)
}
