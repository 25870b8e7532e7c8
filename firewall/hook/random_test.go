package hook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/vishvananda/netlink"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/hook"
	"ngcp-fw/netns_test/lab"
)

// pick draws one of the words.
func pick(t *rapid.T, words ...string) string { return rapid.SampledFrom(words).Draw(t, "word") }

// drawMatch is a match of a kind that we claim to understand.
func drawMatch(t *rapid.T) string {
	proto := pick(t, "tcp", "udp")
	not := pick(t, "", "", "!= ")
	switch rapid.IntRange(0, 19).Draw(t, "match") {
	case 0, 1, 2:
		return fmt.Sprintf("%s dport %s%s", proto, not, pick(t, "22", "{ 22, 80 }", "20-90", "{ 1-79, 81-443 }", "@ports", "5060"))
	case 3:
		return fmt.Sprintf("%s sport %s%s", proto, not, pick(t, "50000", "50001-60000", "{ 50000, 50002 }"))
	case 4, 5:
		return "ip saddr " + not + pick(t, "203.0.113.0/24", "203.0.113.9", "10.0.0.0/8", "{ 203.0.113.0-203.0.113.99, 10.1.2.3 }", "@nets", "203.0.113.128/25")
	case 6:
		return "ip6 saddr " + not + pick(t, "2001:db8:99::/64", "fd00::/8", "2001:db8:99::9", "@nets6", "{ fd00::1-fd00::4, 2001:db8:99::c8 }")
	case 7:
		return "ip daddr " + not + pick(t, "192.0.2.10", "198.51.100.0/24", "192.0.2.0-192.0.2.11")
	case 8:
		return pick(t, "iifname", "iif") + " " + not + pick(t, `"eth0"`, `"eth1"`, `{ "eth0", "lo" }`)
	case 9:
		return `iifname ` + not + pick(t, `"eth*"`, `"veth*"`, `"e*"`)
	case 10:
		return "meta l4proto " + not + pick(t, "tcp", "{ tcp, udp }", "icmp", "ipv6-icmp")
	case 11:
		return "meta nfproto " + pick(t, "ipv4", "ipv6")
	case 12:
		return "ct state " + pick(t, "new", "established,related", "{ new, untracked }", "!= new", "invalid", "== new", "untracked")
	case 13:
		return "meta mark " + not + pick(t, "0", "1", "{ 1, 3 }", "& 1 == 1", "1-3")
	case 14:
		return "fib daddr type " + not + pick(t, "local", "{ local, unicast }", "broadcast")
	case 15:
		return "ip saddr . " + proto + " dport " + not + pick(t, "{ 203.0.113.9 . 22, 10.1.2.3 . 80 }", "@both")
	case 16:
		return "tcp flags " + pick(t, "& (syn|ack) == syn", "syn", "& ack != 0", "! ack,rst")
	case 17:
		return pick(t, "icmp type ", "icmp type != ") + pick(t, "echo-request", "{ echo-request, 3 }", "destination-unreachable")
	case 18:
		return pick(t, "meta protocol ip", "meta pkttype host", "ip6 nexthdr tcp", "ip protocol udp", "ip version 4", "ct direction original", "ct status ! dnat")
	}
	return "th dport " + not + pick(t, "22", "80-5060", "{ 22, 443 }")
}

// drawEnd is what a rule does; deeper are the chains it may go to.
func drawEnd(t *rapid.T, deeper []string, untracks bool) string {
	ends := []string{"accept", "drop", "accept", "drop", "return", "reject", "continue", "counter", "meta mark set 1", "meta mark set meta mark or 2", "log"}
	if untracks {
		ends = []string{"drop", "notrack", "notrack", "meta mark set 3", "accept"}
	}
	for _, c := range deeper {
		ends = append(ends, "jump "+c, "goto "+c, fmt.Sprintf("tcp dport vmap { 22 : jump %s, 80 : drop, 1-21 : accept }", c),
			fmt.Sprintf("udp dport vmap { 5060 : goto %s, 80 : continue }", c))
	}
	return pick(t, ends...)
}

func drawRules(t *rapid.T, most int, deeper []string, untracks bool) string {
	var lines []string
	for range rapid.IntRange(0, most).Draw(t, "rules") {
		var words []string
		for range rapid.IntRange(0, 2).Draw(t, "matches") {
			words = append(words, drawMatch(t))
		}
		lines = append(lines, strings.Join(append(words, drawEnd(t, deeper, untracks)), " "))
	}
	return strings.Join(lines, "\n")
}

func drawTable(t *rapid.T, name string) string {
	text := "table inet " + name + ` {
set ports { type inet_service; flags interval; elements = { 22, 80-90 }; }
set nets { type ipv4_addr; flags interval; elements = { 10.0.0.0/9, 203.0.113.200 }; }
set nets6 { type ipv6_addr; elements = { fd00::3, 2001:db8:99::c8 }; }
set both { type ipv4_addr . inet_service; flags interval; elements = { 203.0.113.0/25 . 1-443, 10.0.0.0/8 . 5060 }; }
`
	chains := []string{"c3", "c2", "c1"}
	for i, c := range chains {
		text += fmt.Sprintf("chain %s {\n%s\n}\n", c, drawRules(t, 3, chains[:i], false))
	}
	// accept rules for ARP's sake are not needed: no chain of ours sees ARP
	text += fmt.Sprintf("chain pre {\ntype filter hook prerouting priority %s;\n%s\n}\n", pick(t, "-300", "-150", "-200"), drawRules(t, 2, nil, true))
	text += fmt.Sprintf("chain in {\ntype filter hook input priority %s; policy %s;\n%s\n}\n", pick(t, "-10", "0", "10"), pick(t, "accept", "accept", "drop"), drawRules(t, 6, chains, false))
	return text + "}\n"
}

// drawXtMatch is a match of iptables of a kind that we claim to understand.
func drawXtMatch(t *rapid.T) string {
	not := pick(t, "", "", "! ")
	switch rapid.IntRange(0, 10).Draw(t, "match") {
	case 0, 1:
		return "-p " + pick(t, "tcp", "udp") + " " + not + "--dport " + pick(t, "22", "20:90", "443", "5060:")
	case 2:
		return "-p " + pick(t, "tcp", "udp") + " -m multiport " + not + pick(t, "--dports 22,80:90,443", "--sports 50000,50002", "--ports 1:79,50001", "--dports 5060")
	case 3:
		return "-p tcp " + not + pick(t, "--syn", "--tcp-flags SYN,ACK SYN", "--tcp-flags ALL SYN", "--tcp-flags RST RST")
	case 4:
		return "-m conntrack " + not + "--ctstate " + pick(t, "NEW", "RELATED,ESTABLISHED", "NEW,UNTRACKED", "INVALID", "UNTRACKED")
	case 5:
		return "-m state " + not + "--state " + pick(t, "NEW", "ESTABLISHED", "UNTRACKED,INVALID")
	case 6:
		return not + "-i " + pick(t, "eth0", "eth+", "lo", "eth1")
	case 7:
		return "-m addrtype " + not + "--dst-type " + pick(t, "LOCAL", "MULTICAST")
	case 8:
		return "-m mark " + not + "--mark " + pick(t, "0", "0x1/0x1", "2", "0x0/0xff")
	case 9:
		return "-m iprange " + not + pick(t, "--src-range %s", "--dst-range %s")
	}
	return not + pick(t, "-s %s", "-d %s")
}

// addresses fills in what a family has for a match.
func addresses(t *rapid.T, rule string, six bool) string {
	kind := 0
	if strings.Contains(rule, "-range") {
		kind = 1
	}
	words := [][]string{{"203.0.113.0/25", "10.0.0.0/8", "198.51.100.10"}, {"203.0.113.0-203.0.113.10", "10.1.2.3-10.1.2.4", "192.0.2.0-198.51.100.9"}}
	if six {
		words = [][]string{{"2001:db8:99::/121", "fd00::/8", "2001:db8:2::10"}, {"2001:db8:99::-2001:db8:99::10", "fd00::1-fd00::5", "2001:db8:1::-2001:db8:1::ff"}}
	}
	return strings.ReplaceAll(rule, "%s", pick(t, words[kind]...))
}

func drawXtables(t *rapid.T, six bool) string {
	text := "*raw\n"
	for range rapid.IntRange(0, 1).Draw(t, "raw") {
		text += "-A PREROUTING " + pick(t, "-p udp --dport 5060", "-i eth1", "-p tcp") + " -j " + pick(t, "CT --notrack", "DROP", "ACCEPT") + "\n"
	}
	text += "COMMIT\n*mangle\n"
	for range rapid.IntRange(0, 1).Draw(t, "mangle") {
		text += "-A PREROUTING " + addresses(t, drawXtMatch(t), six) + " -j LOG\n"
	}
	text += "COMMIT\n*filter\n:INPUT " + pick(t, "ACCEPT", "DROP") + "\n:one -\n:two -\n"
	for _, chain := range []string{"INPUT", "one", "two"} {
		for range rapid.IntRange(0, 5).Draw(t, "rules") {
			ends := []string{"ACCEPT", "DROP", "REJECT", "RETURN", "LOG", "ACCEPT"}
			switch chain {
			case "INPUT":
				ends = append(ends, "one", "two")
			case "one":
				ends = append(ends, "two")
			}
			match := ""
			if rapid.IntRange(0, 5).Draw(t, "matches") > 0 {
				match = addresses(t, drawXtMatch(t), six)
			}
			text += fmt.Sprintf("-A %s %s -j %s\n", chain, match, pick(t, ends...))
		}
	}
	return text + "COMMIT\n"
}

// Whatever nft makes of random rules: the verdict is what becomes of the packets,
// and hardly ever unknown.
func TestJudgeIsNeverWrong(t *testing.T) {
	neverWrong(t, func(t *rapid.T, h *lab.Host) (string, lab.Result) {
		script := drawTable(t, "one")
		if rapid.Bool().Draw(t, "second table") {
			script += drawTable(t, "two")
		}
		return script, h.RunInput("flush ruleset\n"+script, "nft", "-f", "-")
	})
}

// The same of iptables-nft.
func TestJudgeIsNeverWrongOfIptables(t *testing.T) {
	neverWrong(t, func(t *rapid.T, h *lab.Host) (string, lab.Result) {
		h.Run("nft", "flush", "ruleset")
		six := rapid.Bool().Draw(t, "IPv6")
		script, program := drawXtables(t, six), "iptables-nft-restore"
		if six {
			program = "ip6tables-nft-restore"
		}
		return script, h.RunInput(script, program)
	})
}

func neverWrong(t *testing.T, load func(*rapid.T, *lab.Host) (string, lab.Result)) {
	h := lab.New(t, eth0, eth1)
	flows := grid(22, 80, 443, 5060)
	verdicts, refused := map[hook.Verdict]int{}, 0
	end := time.Now().Add(duration)
	rapid.Check(t, func(rt *rapid.T) {
		if time.Now().After(end) {
			return
		}
		script, r := load(rt, h)
		if r.Code != 0 {
			refused++
			rt.Skipf("%s\n%s", script, r.Stderr)
		}
		outcomes := judge(t, h, flows)
		// The packets of the scripts before are the same: without this, these would
		// not be the first of their connections.
		if err := h.Netlink().ConntrackTableFlush(netlink.ConntrackTable); err != nil {
			rt.Fatal(err)
		}
		fates, err := h.ProbeAll(flows)
		if err != nil {
			rt.Fatal(err)
		}
		for i, o := range outcomes {
			verdicts[o.Verdict]++
			if o.Verdict != hook.Unknown && bool(fates[i]) != (o.Verdict == hook.Accept) {
				rt.Fatalf("%s is %s, not %+v\n%s", flows[i], fates[i], o, script)
			}
		}
	})
	t.Logf("%v, %d scripts refused", verdicts, refused)
	assert.Less(t, verdicts[hook.Unknown]*50, verdicts[hook.Accept]+verdicts[hook.Drop], "more than one in fifty")
	assert.Positive(t, verdicts[hook.Accept])
	assert.Positive(t, verdicts[hook.Drop])
}

const duration = 4 * time.Second
