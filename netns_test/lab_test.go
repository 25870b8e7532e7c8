package netns_test

import (
	"io"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// The addresses of most labs: this host's are outside's routers' neighbours, the
// rest is the world.
var (
	eth0 = lab.Link{Name: "eth0", Addrs: []string{"192.0.2.10/24", "192.0.2.11/24", "2001:db8:1::10/64", "2001:db8:1::11/64"}}
	eth1 = lab.Link{Name: "eth1", Addrs: []string{"198.51.100.10/24", "2001:db8:2::10/64"}}
)

const (
	world4 = "203.0.113.9"
	world6 = "2001:db8:99::9"
)

// allKinds is packets of all kinds that reach a host without a firewall.
func allKinds() (flows []lab.Flow) {
	for _, link := range []string{"eth0", "eth1"} {
		for _, from := range []string{world4, world6, "192.0.2.200", "198.51.100.200", "2001:db8:1::200", "2001:db8:2::200"} {
			for _, proto := range protocols {
				flows = append(flows, lab.Flow{Link: link, From: addr(from), ToPort: 5060, Proto: proto})
			}
			for _, size := range []int{0, 1473, 4000, 60000} {
				flows = append(flows, lab.Flow{Link: link, From: addr(from), ToPort: 5060, Proto: lab.UDP, Payload: make([]byte, size)})
			}
			flows = append(flows, lab.Flow{Link: link, From: addr(from), Proto: lab.ICMP, Payload: make([]byte, 3000)})
		}
	}
	return append(flows,
		lab.Flow{From: addr(world4), To: addr("192.0.2.11"), ToPort: 65535, Proto: lab.TCP},
		lab.Flow{From: addr(world6), To: addr("2001:db8:1::11"), ToPort: 1, Proto: lab.UDP},
		lab.Flow{From: addr(world4), To: addr("198.51.100.10"), ToPort: 1, Proto: lab.UDP}, // of another link
		lab.Flow{From: addr("192.0.2.1"), FromPort: 67, To: addr("255.255.255.255"), ToPort: 68, Proto: lab.UDP},
		lab.Flow{From: addr("fe80::1"), FromPort: 547, To: addr("fe80::2"), ToPort: 546, Proto: lab.UDP},
		lab.Flow{From: addr("192.0.2.1"), To: addr("224.0.0.1"), Proto: 2},
		lab.Flow{From: addr("fe80::1"), To: addr("ff02::1"), Proto: lab.ICMP, Type: 130, Payload: make([]byte, 20)})
}

func TestLabWithoutRulesetLetsEverythingIn(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	checkFlows(t, h, accepted, allKinds()...)
}

func TestLabDropsWhatThePolicyDrops(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	nft(t, h, "table inet t {\n chain in {\n type filter hook input priority 0; policy drop;\n }\n}")
	checkFlows(t, h, dropped, allKinds()...)
}

func TestLabTellsTheLinksApart(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	nft(t, h, `table inet t {
	chain in {
		type filter hook input priority 0; policy drop;
		iifname "eth1" accept
	}
}`)
	for _, f := range allKinds() {
		checkFlows(t, h, lab.Outcome(f.Link == "eth1"), f)
	}
}

func TestLabSeesExactlyTheRule(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	nft(t, h, `table inet t {
	chain in {
		type filter hook input priority 0; policy drop;
		ct state invalid drop
		iifname "eth0" ip saddr 203.0.113.0/24 udp dport 5060-5062 accept
		iifname "eth1" ip6 saddr 2001:db8:99::/48 ip6 daddr 2001:db8:2::10 tcp dport 443 accept
	}
}`)
	checkPackets(t, h, []row{
		{"203.0.113.0", "5060/udp", "eth0", accepted},
		{"203.0.113.255:53", "5062/udp", "eth0", accepted},
		{"203.0.113.9", "192.0.2.11:5061/udp", "eth0", accepted},
		{"203.0.112.255", "5060/udp", "eth0", dropped},
		{"203.0.114.0", "5060/udp", "eth0", dropped},
		{"203.0.113.9", "5059/udp", "eth0", dropped},
		{"203.0.113.9", "5063/udp", "eth0", dropped},
		{"203.0.113.9", "5060/tcp", "eth0", dropped},
		{"203.0.113.9", "5060/udp", "eth1", dropped},
		{world6, "5060/udp", "eth0", dropped},
		{world6, "443/tcp", "eth1", accepted},
		{world6, "443/tcp", "eth0", dropped},
		{world6, "443/udp", "eth1", dropped},
		{"2001:db8:9a::9", "443/tcp", "eth1", dropped},
		{world4, "443/tcp", "eth1", dropped},
	})
	fragmented := lab.Flow{From: addr(world4), ToPort: 5060, Proto: lab.UDP, Payload: make([]byte, 4000)}
	checkFlows(t, h, accepted, fragmented)
	fragmented.ToPort = 5063
	checkFlows(t, h, dropped, fragmented)
}

func TestLabHasNoPacketsFromLoopbackUnlessTheHostWantsThem(t *testing.T) {
	h := lab.New(t, eth0)
	spoofed := []row{{"127.0.0.1", "5060/udp", "", dropped}, {world4, "127.0.0.1:5060/udp", "", dropped}}
	checkPackets(t, h, spoofed)
	letLoopbackIn(t, h, "eth0")
	for i := range spoofed {
		spoofed[i].want = accepted
	}
	checkPackets(t, h, spoofed)
}

func TestLabForwards(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	flows := []lab.Flow{
		{From: addr(world4), To: addr("198.51.100.77"), ToPort: 80, Proto: lab.TCP},
		{From: addr(world6), To: addr("2001:db8:2::77"), ToPort: 80, Proto: lab.UDP},
	}
	require.NoError(t, routeBy(h, "eth1", "198.51.100.0/24", "2001:db8:2::/64"))
	forwarded := func(want ...lab.Outcome) {
		t.Helper()
		got, err := h.ProbeThrough("eth1", flows)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	forwarded(dropped, dropped)
	enableForwarding(t, h)
	forwarded(accepted, accepted)
	nft(t, h, "table inet t {\n chain f {\n type filter hook forward priority 0; policy drop;\n udp dport 80 accept\n }\n}")
	forwarded(dropped, accepted)
}

func TestLabConnectsRealSockets(t *testing.T) {
	h := lab.New(t, eth0, eth1)
	for _, row := range []struct{ link, network, from, at string }{
		{"eth0", "tcp", world4, "192.0.2.10"}, {"eth0", "udp", world4, "192.0.2.11"},
		{"eth1", "tcp", world4, "198.51.100.10"}, {"eth1", "udp", world6, "2001:db8:2::10"},
		{"eth0", "tcp", world6, "2001:db8:1::11"}, {"eth1", "tcp", "2001:db8:1::77", "2001:db8:2::10"},
	} {
		t.Run(row.link+" "+row.network+" "+row.from, func(t *testing.T) {
			out, err := h.Outside(row.link)
			require.NoError(t, err)
			inward, outward := netip.AddrPortFrom(addr(row.at), 5060), netip.AddrPortFrom(addr(row.from), 5070)
			serveEcho(t, h, row.network, inward)
			checkEcho(t, func() (io.ReadWriteCloser, error) { return out.Dial(row.network, outward, inward) })
			outward = netip.AddrPortFrom(outward.Addr(), 5080) // the other port may be waiting (RFC 9293, TIME-WAIT)
			serveEcho(t, out, row.network, outward)
			checkEcho(t, func() (io.ReadWriteCloser, error) {
				return h.Dial(row.network, netip.AddrPortFrom(addr(row.at), 0), outward)
			})
		})
	}
}
