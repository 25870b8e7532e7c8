package hook_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/hook"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/lab"
)

// firewalld's chains, as its nftables backend of 1.3 lays them out.
const likeFirewalld = `table inet firewalld {
chain mangle_PREROUTING {
type filter hook prerouting priority mangle + 10; policy accept;
}
chain filter_PREROUTING {
type filter hook prerouting priority filter + 10; policy accept;
icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
meta nfproto ipv6 fib saddr . mark . iif oif missing drop
}
chain filter_IN_public_allow {
tcp dport 22 ct state { new, untracked } accept
ip daddr 224.0.0.251 udp dport 5353 accept
tcp dport 80-90 accept
ip saddr 10.0.0.0/8 udp dport 5060 accept
}
chain filter_IN_public {
jump filter_IN_public_allow
meta l4proto { icmp, ipv6-icmp } accept
reject with icmpx admin-prohibited
}
chain zones {
iifname "eth0" goto filter_IN_public
goto filter_IN_public
}
chain filter_INPUT {
type filter hook input priority filter + 10; policy accept;
ct state { established, related } accept
ct status dnat accept
iifname "lo" accept
ct state invalid drop
jump zones
reject with icmpx admin-prohibited
}
}
`

// ufw's chains and their order, for either family.
func likeUfw(icmp string) []string {
	return []string{
		"-N before", "-N user", "-N notlocal", "-N logging", "-N after", "-P INPUT DROP", "-A INPUT -j before", "-A INPUT -j after", "-A INPUT -j logging",
		"-A before -i lo -j ACCEPT", "-A before -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		"-A before -m conntrack --ctstate INVALID -m limit --limit 3/min --limit-burst 10 -j LOG", "-A before -m conntrack --ctstate INVALID -j DROP",
		"-A before " + icmp + " -j ACCEPT", "-A before -j notlocal", "-A notlocal -m addrtype --dst-type LOCAL -j RETURN",
		"-A notlocal -m addrtype --dst-type MULTICAST -j RETURN", "-A notlocal -m limit --limit 3/min --limit-burst 10 -j logging", "-A notlocal -j DROP",
		"-A before -j user", "-A user -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name D --rsource",
		"-A user -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 --name D --rsource -j DROP",
		"-A user -p tcp --dport 22 -j ACCEPT", "-A user -p tcp -m multiport --dports 80,443 -j ACCEPT", "-A user -p udp --dport 5060 -j ACCEPT",
		"-A after -p udp --dport 137 -j DROP", "-A after -m addrtype --dst-type BROADCAST -j DROP",
		"-A logging -m limit --limit 3/min --limit-burst 10 -j LOG",
	}
}

func TestOtherFirewalls(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	load(t, h, likeFirewalld)
	for _, o := range judge(t, h, grid(22)) {
		assert.True(t, o.Verdict != hook.Unknown || o.Why == "it depends on the routes", "%+v", o.Step)
	}
	unknown, _ := compare(t, h, grid(22, 85, 443, 5060))
	assert.Equal(t, 9, unknown, "what else would be accepted of IPv6 by eth1, where the route is by eth0")

	load(t, h, "")
	for program, icmp := range map[string]string{"iptables-nft": "-p icmp --icmp-type echo-request", "ip6tables-nft": "-p ipv6-icmp --icmpv6-type neighbour-solicitation"} {
		for _, rule := range likeUfw(icmp) {
			if program == "ip6tables-nft" && strings.Contains(rule, "BROADCAST") {
				continue // IPv6 has none
			}
			r := h.Run(program, strings.Fields(rule)...)
			require.Zero(t, r.Code, "%s: %s", rule, r.Stderr)
		}
	}
	unknown, sample := compare(t, h, grid(22, 80, 137, 443, 5060))
	assert.Equal(t, 12, unknown, "ssh, which comes too often or not")
	assert.Contains(t, sample.Why, "which packets came before")
}

// What depends on more than the packet is told, with the rule.
func TestDoubts(t *testing.T) {
	flow := lab.Flow{Link: "eth0", From: netip.MustParseAddr("203.0.113.9"), To: netip.MustParseAddr("192.0.2.10"), FromPort: 50000, ToPort: 22, Proto: lab.TCP}
	h := lab.New(t, eth0)
	for rule, want := range map[string]struct {
		verdict   hook.Verdict
		rule, why string
	}{
		"tcp dport 22 limit rate over 10/second drop":   {hook.Unknown, "tcp dport 22 limit rate over 10/second drop", "it depends on a limit of its rate"},
		"tcp dport 22 limit rate 10/second drop\ndrop":  {hook.Drop, "tcp dport 22 limit rate 10/second drop", ""},
		"limit rate 10/second log\ntcp dport 22 accept": {hook.Accept, "tcp dport 22 accept", ""},
		"tcp dport 22 queue":                            {hook.Unknown, "tcp dport 22 queue", "it goes to a program (queue), which decides"},
		"udp dport 22 queue\ndrop":                      {hook.Drop, "drop", ""},
		"ether saddr 02:00:00:00:00:01 drop":            {hook.Unknown, "", "it depends on the link layer's addresses"},
		"meta skuid 0 drop":                             {hook.Unknown, "", "it depends on what the packet leaves open"},
		"meta hour \"10:00\"-\"11:00\" counter\naccept": {hook.Accept, "accept", ""},
		"tcp dport 22 ct count over 100 reject":         {hook.Unknown, "", "it depends on the number of connections"},
		"quota over 1 mbytes drop":                      {hook.Unknown, "", "it depends on a quota"},
		"numgen random mod 2 0 drop":                    {hook.Unknown, "", "it depends on more than the packet's headers"},
		"ip dscp 46 drop":                               {hook.Unknown, "", "it depends on what the packet leaves open"},
		"ip saddr 203.0.113.9 tcp dport 22 jump deeper": {hook.Drop, "deeper: drop", ""},
		"tcp option maxseg size 1-500 drop":             {hook.Unknown, "", "it depends on more than the packet's headers"},
	} {
		t.Run(rule, func(t *testing.T) {
			r := h.RunInput("flush ruleset\ntable ip f {\nchain deeper {\ndrop\n}\nchain i {\ntype filter hook input priority 0\n"+rule+"\n}\n}\n", "nft", "-f", "-")
			if strings.Contains(rule, "queue") && strings.Contains(r.Stderr, "No such file") {
				t.Skip("SKIPPED: this kernel has no queue")
			}
			require.Zero(t, r.Code, r.Stderr)
			o := judge(t, h, []lab.Flow{flow})[0]
			assert.Equal(t, want.verdict, o.Verdict)
			assert.Equal(t, want.why, o.Why)
			if want.rule != "" {
				assert.Equal(t, want.rule, o.Rule)
			}
			assert.Equal(t, "ip f i", o.Name())
		})
	}
}

// What is sent elsewhere on the way is not told to be accepted.
func TestElsewhere(t *testing.T) {
	h := lab.New(t, eth0)
	load(t, h, "table ip n {\nchain p {\ntype nat hook prerouting priority dstnat\ntcp dport 22 redirect to :2222\ntcp dport 80 dnat to 192.0.2.77\n}\n}\n"+
		"table netdev d {\nchain x {\ntype filter hook ingress device eth0 priority 0\nudp dport 5060 drop\n}\n}\n")
	for port, want := range map[uint16]string{22: "ip n p", 80: "ip n p", 443: "netdev d x"} {
		o := judge(t, h, []lab.Flow{{Link: "eth0", From: netip.MustParseAddr("203.0.113.9"), To: netip.MustParseAddr("192.0.2.10"), FromPort: 50000, ToPort: port, Proto: lab.TCP}})[0]
		assert.Equal(t, hook.Unknown, o.Verdict)
		names := []string{}
		for _, s := range o.Path {
			if s.Verdict == hook.Unknown {
				names = append(names, s.Name())
			}
		}
		assert.Contains(t, names, want)
	}
}

func TestLegacyTables(t *testing.T) {
	h := lab.New(t, eth0)
	if r := h.Run("iptables-legacy", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP"); r.Code != 0 {
		t.Skipf("SKIPPED: no iptables-legacy here: %s", r.Stderr)
	}
	flow := lab.Flow{Link: "eth0", From: netip.MustParseAddr("203.0.113.9"), ToPort: 22, Proto: lab.TCP}
	o := judge(t, h, []lab.Flow{flow})[0]
	assert.Equal(t, hook.Unknown, o.Verdict)
	assert.Contains(t, o.Why, "legacy tables are loaded")
	flow.From = netip.MustParseAddr("2001:db8:99::9")
	assert.Equal(t, hook.Accept, judge(t, h, []lab.Flow{flow})[0].Verdict)
	load(t, h, "table ip f {\nchain i {\ntype filter hook input priority 0; policy drop;\n}\n}\n")
	flow.From = netip.MustParseAddr("203.0.113.9")
	assert.Equal(t, hook.Drop, judge(t, h, []lab.Flow{flow})[0].Verdict)
}

// loadLarge loads a set piece by piece, as only root may send it at once, and a
// chain that accepts what is in it.
func loadLarge(t *testing.T, h *lab.Host, kind, key string, elements []string) {
	t.Helper()
	load(t, h, "table ip f {\nset s { type "+kind+"; flags interval; }\nchain i {\ntype filter hook input priority 0; policy drop;\n"+key+" @s accept\n}\n}\n")
	for piece := range slices.Chunk(elements, 500) {
		r := h.RunInput("add element ip f s { "+strings.Join(piece, ", ")+" }", "nft", "-f", "-")
		require.Zero(t, r.Code, r.Stderr)
	}
}

// Sets that are too large to be read are asked.
func TestLargeSets(t *testing.T) {
	h := lab.New(t, eth0)
	var all []string
	for i := range 21_000 {
		all = append(all, netip.AddrFrom4([4]byte{100, byte(i >> 8), byte(i), 0}).String()+"/25")
	}
	loadLarge(t, h, "ipv4_addr", "ip saddr", all)
	var flows []lab.Flow
	for _, from := range []string{"100.0.0.5", "100.0.0.127", "100.0.0.128", "100.82.7.5", "100.82.8.5", "99.9.9.9"} {
		flows = append(flows, lab.Flow{Link: "eth0", From: netip.MustParseAddr(from), To: netip.MustParseAddr("192.0.2.10"), FromPort: 50000, ToPort: 22, Proto: lab.TCP})
	}
	unknown, _ := compare(t, h, flows)
	assert.Zero(t, unknown)

	for i := range all {
		all[i] += " . 20-30"
	}
	loadLarge(t, h, "ipv4_addr . inet_service", "ip saddr . tcp dport", all)
	for i := range flows {
		flows[i].ToPort += uint16(5 * (i % 3))
	}
	unknown, _ = compare(t, h, flows)
	assert.Zero(t, unknown)
}

// A packet that leaves something open may be anything that fits.
func TestOpenPackets(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	load(t, h, `table inet f {
chain i {
type filter hook input priority 0
iifname "eth1" tcp dport 22 drop
ip daddr 198.51.100.10 tcp dport 23 drop
iif "lo" drop
tcp sport 1-1023 tcp dport 24 drop
}
}
`)
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
		p := ruleset.Packet{Src: netip.MustParseAddr("203.0.113.9"), Protocol: 6}
		for _, row := range []struct {
			port uint16
			in   string
			want hook.Verdict
			why  string
		}{
			{22, "", hook.Unknown, "it depends on the interface that it comes in by"}, {22, "eth0", hook.Accept, ""}, {22, "eth1", hook.Drop, ""},
			{23, "eth1", hook.Drop, ""}, {23, "eth0", hook.Accept, ""}, {25, "", hook.Accept, ""},
			{24, "", hook.Unknown, "it depends on what the packet leaves open"},
		} {
			p.DstPort, p.In = row.port, row.in
			o := s.Judge(p)
			assert.Equal(t, row.want, o.Verdict, "%+v", row)
			assert.Equal(t, row.why, o.Why, "%+v", row)
		}
		assert.Equal(t, "eth0", s.LinkTo(netip.MustParseAddr("192.0.2.77")))
		assert.True(t, s.HasAddress(p.Src))
		return nil
	}))
}
