package hook_test

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	fates, err := h.ProbeAll(flows)
	require.NoError(t, err)
	for i, o := range outcomes {
		if o.Verdict == hook.Unknown {
			unknown++
			sample = o
			continue
		}
		assert.Equal(t, bool(fates[i]), o.Verdict == hook.Accept, "%s: %s", flows[i], fmt.Sprint(o.Step))
	}
	return unknown, sample
}

func TestForeignChains(t *testing.T) {
	for name, script := range map[string]string{
		"nothing": "",
		"policy":  "table inet f { chain i { type filter hook input priority 0; policy drop; tcp dport { 22, 80-90 } accept; ip saddr 10.0.0.0/8 accept; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, echo-request } accept; } }",
		"jumps": `table inet f {
			set admins { type ipv4_addr; flags interval; elements = { 203.0.113.0/25, 10.0.0.0-10.1.3.255 } }
			set both { type ipv4_addr . inet_service; flags interval; elements = { 203.0.113.128/25 . 1-100 } }
			map m { type inet_service : verdict; elements = { 22 : jump ssh, 5060 : accept, 80 : drop } }
			chain ssh { ip saddr @admins accept; ip6 saddr fd00::/8 return; drop; }
			chain i { type filter hook input priority -5; policy accept; ct state vmap { established : accept, invalid : drop }; iifname "eth1" tcp dport 80 accept; tcp dport vmap @m; ip saddr . udp dport @both drop; meta l4proto != { tcp, udp } accept; iif "lo" accept; th dport != 443 drop } }`,
		"raw":     "table ip r { chain p { type filter hook prerouting priority raw; udp dport 5060 notrack; tcp dport 22 drop; } chain i { type filter hook input priority 5; ct state untracked accept; ct state new udp dport 1-6000 drop } }",
		"marks":   "table inet f { chain p { type filter hook prerouting priority mangle; tcp dport 22 meta mark set 0x7; meta mark 0x7 ip saddr 10.0.0.0/8 meta mark set meta mark or 0x10 } chain i { type filter hook input priority 0; meta mark & 0x10 == 0x10 accept; meta mark 7 reject; } }",
		"fib":     "table inet f { chain p { type filter hook prerouting priority -150; fib saddr . iif oif missing drop; fib daddr type != local drop } }",
		"syn":     "table inet f { chain i { type filter hook input priority 0; tcp flags & (fin|syn|rst|ack) == syn tcp dport 1-100 drop; ct status dnat drop; ip protocol udp ip frag-off & 0x1fff != 0 drop; ct direction reply drop; ct original proto-dst 5060 drop; meta pkttype != unicast drop } }",
		"dormant": "table inet f { flags dormant; chain i { type filter hook input priority 0; policy drop; } }",
	} {
		t.Run(name, func(t *testing.T) {
			h := lab.New(t, eth0, eth1)
			load(t, h, script)
			unknown, sample := compare(t, h, grid(22, 80, 443, 5060))
			assert.Zero(t, unknown, "%+v", sample)
		})
	}
}
