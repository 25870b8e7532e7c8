package kernel

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/ruleset"
)

// others is a ruleset as other programs make them: what we have words for, and
// much that we do not.
const others = `
table ip nat {
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "eth0" ip saddr 172.17.0.0/16 counter masquerade
	}
	chain DOCKER {
		tcp dport 8080 dnat to 172.17.0.2:80
	}
}
table inet theirs {
	comment "not ours"
	ct helper sip-helper {
		type "sip" protocol udp
		l3proto inet
	}
	quota q {
		over 25 mbytes
	}
	limit l {
		rate 400/minute
	}
	set pairs {
		type ipv4_addr . inet_service
		flags interval
		elements = { 10.0.0.0/8 . 80-90, 192.0.2.1 . 22 }
	}
	set seen {
		type ipv4_addr
		size 128
		flags dynamic,timeout
		timeout 1m
	}
	set marked {
		type ipv4_addr
		elements = { 192.0.2.7 comment "with a comment" }
		flags timeout
	}
	map marks {
		type ipv4_addr : mark
		elements = { 192.0.2.1 : 0x1 }
	}
	chain input {
		type filter hook input priority 5; policy accept;
		ct state { established, related } accept
		iif "lo" accept
		tcp flags & (fin|syn) == fin|syn drop
		ip saddr . tcp dport @pairs accept
		tcp dport { 22, 80-90 } ct count over 10 reject with tcp reset
		ip dscp ef meta mark set 0x1 queue num 3
		fib daddr type broadcast drop
		udp dport 5060 ct helper set "sip-helper"
		ip saddr @seen limit rate 5/second accept
		add @seen { ip saddr . 1 } 
		meta skuid 0 log level debug flags all
		ip6 nexthdr 43 drop
		rt type 0 drop
		tcp option maxseg size set rt mtu
		goto more
	}
	chain more {
		ip saddr vmap { 192.0.2.1 : accept, 192.0.2.2 : drop }
		jhash ip saddr mod 2 vmap { 0 : accept, 1 : drop }
	}
}
`

func TestForeignTablesAreReadWhole(t *testing.T) {
	inNamespace(t)
	// A line that this nft or kernel does not know must not hide the others.
	for _, table := range strings.SplitAfter(others, "\n}\n") {
		if strings.TrimSpace(table) != "" {
			loadWhatGoes(t, table)
		}
	}
	if _, err := exec.LookPath("iptables-nft"); err == nil {
		for _, rule := range []string{"-p udp -j LOG", "-m comment --comment theirs -j ACCEPT", "-m conntrack --ctstate INVALID -j DROP"} {
			// Extensions that this kernel lacks are no loss: others remain.
			_ = exec.Command("iptables-nft", append([]string{"-A", "INPUT"}, strings.Fields(rule)...)...).Run()
		}
	}
	before := listRuleset(t)
	require.Contains(t, before, "table inet theirs")
	c := open(t)
	for family, names := range map[ruleset.Family][]string{ruleset.FamilyIPv4: {"nat", "filter"}, ruleset.FamilyInet: {"theirs"}} {
		for _, name := range names {
			have, err := c.Read(family, name)
			require.NoError(t, err)
			if have == nil {
				continue
			}
			require.Empty(t, ruleset.Diff(have, have))
			text := have.Text()
			require.Contains(t, text, "foreign", "what has no word of ours is shown as foreign")
			have.EvaluateInput(ruleset.Packet{In: "eth0"})
			again, err := c.Read(family, name)
			require.NoError(t, err)
			require.Empty(t, ruleset.Diff(have, again))
		}
	}
	require.Equal(t, before, listRuleset(t))
}

// loadWhatGoes loads a table, leaving out the lines that nft refuses.
func loadWhatGoes(t *testing.T, table string) {
	t.Helper()
	lines := strings.Split(table, "\n")
	for range len(lines) {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
		out, err := cmd.CombinedOutput()
		if err == nil {
			return
		}
		bad := refusedLine(string(out))
		require.Positive(t, bad, string(out))
		lines[bad-1] = ""
	}
	t.Fatal("nothing of the table could be loaded")
}

// refusedLine is the number in nft's /dev/stdin:LINE:…
func refusedLine(message string) (line int) {
	_, rest, _ := strings.Cut(message, "/dev/stdin:")
	for _, char := range rest {
		if char < '0' || char > '9' {
			break
		}
		line = line*10 + int(char-'0')
	}
	return line
}
