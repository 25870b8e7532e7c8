package hook_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"ngcp-fw/firewall/hook"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

var (
	eth0 = lab.Link{Name: "eth0", Addrs: []string{"192.0.2.10/24", "2001:db8:1::10/64"}}
	eth1 = lab.Link{Name: "eth1", Addrs: []string{"198.51.100.10/24", "2001:db8:2::10/64"}}
)

// snapshot reads the host's ruleset and links, and judges the flows.
func judge(t testing.TB, h *lab.Host, flows []lab.Flow) (outcomes []hook.Outcome) {
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
		for _, f := range flows {
			outcomes = append(outcomes, s.Judge(packet(f)))
		}
		return nil
	}))
	return outcomes
}

// packet is the flow's first packet, whose source port is none that rules name.
func packet(f lab.Flow) ruleset.Packet {
	p := ruleset.Packet{In: f.Link, Src: f.From, Dst: f.To, Protocol: uint8(f.Proto), SrcPort: f.FromPort, DstPort: f.ToPort}
	if f.Proto == lab.ICMP {
		p.ICMPType = 8
		if f.From.Is6() {
			p.Protocol, p.ICMPType = 58, 128
		}
	}
	return p
}

func load(t testing.TB, h *lab.Host, script string) {
	t.Helper()
	r := h.RunInput("flush ruleset\n"+script, "nft", "-f", "-")
	require.Zero(t, r.Code, "%s\n%s", script, r.Stderr)
}

// grid is flows from some sources to some ports, by both links.
func grid(ports ...uint16) (flows []lab.Flow) {
	for _, link := range []lab.Link{eth0, eth1} {
		for i, to := range link.Addrs {
			sources := []string{"203.0.113.9", "203.0.113.200", "10.1.2.3"}
			if i == 1 {
				sources = []string{"2001:db8:99::9", "2001:db8:99::c8", "fd00::3"}
			}
			for n, source := range sources {
				f := lab.Flow{Link: link.Name, From: netip.MustParseAddr(source), To: netip.MustParsePrefix(to).Addr(), FromPort: uint16(50000 + n)}
				for _, port := range ports {
					f.ToPort = port
					for _, f.Proto = range []lab.Protocol{lab.TCP, lab.UDP} {
						flows = append(flows, f)
					}
				}
				f.Proto, f.ToPort, f.FromPort = lab.ICMP, 0, 0
				flows = append(flows, f)
			}
		}
	}
	return flows
}

// compare holds the outcomes against what became of the packets, and counts those
// of which we could not tell.
func compare(t testing.TB, h *lab.Host, flows []lab.Flow) (unknown int, sample hook.Outcome) {
	t.Helper()
	outcomes := judge(t, h, flows)
	// Packets of rulesets before were the same: these shall be the first of their
	// connections.
	require.NoError(t, h.Netlink().ConntrackTableFlush(netlink.ConntrackTable))
	fates, err := h.ProbeAll(flows)
	require.NoError(t, err)
	for i, o := range outcomes {
		if o.Verdict == hook.Unknown {
			unknown++
			sample = o
			continue
		}
		if bool(fates[i]) != (o.Verdict == hook.Accept) {
			t.Errorf("%s is %s, not %+v", flows[i], fates[i], o.Step)
		}
	}
	return unknown, sample
}

// base is nft's text of a table with a base chain.
func base(table, where, priority string, rules ...string) string {
	return fmt.Sprintf("table inet %s {\nchain %s {\ntype filter hook %s priority %s;\n%s\n}\n}\n", table, where, where, priority, strings.Join(rules, "\n"))
}

func TestForeignChains(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	for name, script := range map[string]string{
		"nothing": "",
		"policy": base("strict", "input", "0; policy drop",
			"tcp dport { 22, 80-90 } accept", "ip saddr 10.0.0.0/8 accept", "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, echo-request } accept"),
		"jumps": `table inet jumps {
			set admins { type ipv4_addr; flags interval; elements = { 203.0.113.0/25, 10.0.0.0-10.1.3.255 }; }
			set both { type ipv4_addr . inet_service; flags interval; elements = { 203.0.113.128/25 . 1-100 }; }
			map m { type inet_service : verdict; elements = { 22 : jump ssh, 5060 : accept, 80 : drop }; }
			chain ssh { ip saddr @admins accept; ip6 saddr fd00::/8 return; drop; }
			}
			` + base("jumps", "input", "-5", "ct state vmap { established : accept, invalid : drop }", `iifname "eth1" tcp dport 80 accept`,
			"tcp dport vmap @m", "ip saddr . udp dport @both drop", "meta l4proto != { tcp, udp } accept", `iif "lo" accept`, "th dport != 443 drop"),
		"raw": base("raw", "prerouting", "-300", "udp dport 5060 notrack", "tcp dport 22 drop", "ct state new drop") +
			base("raw", "input", "5", "ct state untracked accept", "ct state new udp dport 1-6000 drop"),
		"marks": base("marks", "prerouting", "-150", "tcp dport 22 meta mark set 0x7", "meta mark 0x7 ip saddr 10.0.0.0/8 meta mark set meta mark or 0x10") +
			base("marks", "input", "0", "meta mark & 0x10 == 0x10 accept", "meta mark 7 reject"),
		"fib": base("ways", "prerouting", "-150", "fib saddr . iif oif missing drop", "fib daddr type != local drop"),
		"headers": base("headers", "input", "0", "tcp flags & (fin|syn|rst|ack) == syn tcp dport 1-100 drop", "ct status dnat drop",
			"ip protocol udp ip frag-off & 0x1fff != 0 drop", "ct direction reply drop", "meta l4proto udp ct original proto-dst 5060 drop", "ct original ip saddr 10.1.2.3 drop", "meta pkttype != unicast drop"),
		"dormant": strings.Replace(base("dormant", "input", "0; policy drop"), "chain", "flags dormant;\nchain", 1),
	} {
		t.Run(name, func(t *testing.T) {
			load(t, h, script)
			unknown, sample := compare(t, h, grid(22, 80, 443, 5060))
			if name == "fib" { // the sources' route is by eth0; whether there is one by eth1, too, we do not ask
				assert.Equal(t, "it depends on the routes", sample.Why)
				assert.Equal(t, 54, unknown)
				return
			}
			assert.Zero(t, unknown, "%+v", sample)
		})
	}
}

func TestIptablesChains(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	for name, rules := range map[string][]string{
		"ports": {"-p tcp --dport 22 -j ACCEPT", "-p tcp -m multiport --dports 80:90,443 -j ACCEPT", "-p udp ! --dport 5060 -j DROP",
			"-p udp -m multiport ! --sports 50000,50001 -j DROP", "-P INPUT DROP"},
		"states": {"-m conntrack --ctstate INVALID -j DROP", "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-p tcp --syn --dport 22 -m state --state NEW -j REJECT",
			"-m conntrack ! --ctstate NEW -j DROP", "-p tcp --dport 80 -m conntrack --ctstate NEW,UNTRACKED -j DROP"},
		"untracked": {"-t raw -A PREROUTING -p udp --dport 5060 -j CT --notrack", "-m conntrack --ctstate UNTRACKED -j DROP", "-p tcp --dport 22 -m state --state UNTRACKED -j DROP"},
		"addresses": {"-m addrtype --dst-type LOCAL -p tcp --dport 22 -j DROP", "-m addrtype ! --dst-type LOCAL -j DROP", "-m addrtype --src-type LOCAL -j DROP",
			"-i eth1 -m pkttype --pkt-type unicast -p udp --dport 443 -j DROP", "-m pkttype --pkt-type broadcast -j DROP"},
		"marks":  {"-t mangle -A PREROUTING -p tcp --dport 80 -j LOG", "-m mark --mark 0x0/0xff -p tcp --dport 443 -m comment --comment why -j DROP", "-m mark ! --mark 0 -j DROP", "-m connmark ! --mark 0 -j DROP"},
		"chains": {"-N web", "-N more", "-A web -p tcp --dport 80 -j RETURN", "-A web -j more", "-A more -p udp --dport 443 -j DROP", "-A more -i eth+ -p tcp -g deny", "-A INPUT ! -i eth0 -j web", "-A INPUT -i lo -j DROP"},
	} {
		for family, icmp := range map[string]string{"iptables-nft": "-p icmp --icmp-type echo-request -j DROP", "ip6tables-nft": "-p ipv6-icmp --icmpv6-type echo-request -i eth1 -j DROP"} {
			t.Run(name+"/"+family, func(t *testing.T) {
				load(t, h, "")
				if family == "ip6tables-nft" {
					h.Run(family, "-A", "INPUT", "-p", "ipv6-icmp", "--icmpv6-type", "neighbour-solicitation", "-j", "ACCEPT")
				}
				h.Run(family, "-N", "deny")
				h.Run(family, "-A", "deny", "-j", "REJECT")
				for _, rule := range append(rules, icmp) {
					words := strings.Fields(rule)
					if rule[1] != 'A' && rule[1] != 'P' && rule[1] != 'N' && rule[1] != 't' {
						words = append([]string{"-A", "INPUT"}, words...)
					} else if rule[:2] == "-p" {
						words = append([]string{"-A", "INPUT"}, words...)
					}
					r := h.Run(family, words...)
					require.Zero(t, r.Code, "%s: %s", rule, r.Stderr)
				}
				unknown, sample := compare(t, h, grid(22, 80, 443, 5060))
				assert.Zero(t, unknown, "%+v", sample)
			})
		}
	}
}

// What is sent to another port meets the rules of that one.
func TestWhatIsRedirectedIsNotJudgedByItsOldPort(t *testing.T) {
	h := lab.New(t, eth0)
	load(t, h, "table ip x {\nchain p {\ntype nat hook prerouting priority -100;\ntcp dport 8022 redirect to :443\n}\n}\n"+
		base("y", "input", "0; policy drop", "tcp dport 443 accept"))
	flow := lab.Flow{Link: "eth0", From: netip.MustParseAddr("203.0.113.9"), To: netip.MustParseAddr("192.0.2.10"), FromPort: 50000, Proto: lab.TCP}
	var flows []lab.Flow
	for _, flow.ToPort = range []uint16{8022, 8023, 443} {
		flows = append(flows, flow)
	}
	var verdicts []hook.Verdict
	for _, o := range judge(t, h, flows) {
		verdicts = append(verdicts, o.Verdict)
	}
	assert.Equal(t, []hook.Verdict{hook.Unknown, hook.Drop, hook.Accept}, verdicts)
}
