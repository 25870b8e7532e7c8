package rehearse

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// A small world, so that random policies and random packets often meet.
var (
	worldLinks   = []string{"eth0", "eth1", "bond0.200", "lo"}
	worldSources = []string{"192.0.2.9", "192.0.2.200", "198.51.100.1", "127.0.0.1", "10.0.0.1", "2001:db8:20::1", "2001:db8:20::2", "fe80::9"}
	worldLists   = []string{"0.0.0.0/0", "::/0", "192.0.2.0/24", "192.0.2.128/25", "198.51.100.1/32", "10.0.0.0/8", "2001:db8:20::/127", "2001:db8::/32", "fe80::/10"}
	worldLocals  = []string{"192.0.2.1", "203.0.113.1", "2001:db8::1", "2001:db8::2", "fe80::1"}
	worldPorts   = []uint16{22, 67, 68, 443, 546, 547, 5059, 5060, 5061, 30000, 40000}
)

func drawSet(t *rapid.T, most int) addr.Set {
	var b addr.Builder
	for _, list := range rapid.SliceOfN(rapid.SampledFrom(worldLists), 0, most).Draw(t, "list") {
		b.AddPrefix(netip.MustParsePrefix(list))
	}
	return b.Set()
}

func drawExposure(t *rapid.T, service string, deny addr.Set) exposure.Exposure {
	port := rapid.SampledFrom(worldPorts).Draw(t, "port")
	e := exposure.Exposure{Service: service, Role: "role", Sources: drawSet(t, 3).Subtract(deny), Ports: []policy.Ports{{
		Protocol: rapid.SampledFrom([]policy.Protocol{policy.TCP, policy.UDP, policy.SCTP}).Draw(t, "protocol"),
		From:     port, To: port + rapid.SampledFrom([]uint16{0, 1, 10000}).Draw(t, "more")}}}
	if service == "rtp" {
		e.Ports[0].Protocol = policy.UDP
	}
	if rapid.Bool().Draw(t, "has links") {
		e.Interfaces = rapid.SliceOfNDistinct(rapid.SampledFrom(worldLinks[:3]), 1, 2, rapid.ID).Draw(t, "links")
		slices.Sort(e.Interfaces) // as exposure.Resolve has them
	}
	if rapid.IntRange(0, 3).Draw(t, "has addresses") == 0 {
		e.Addresses = []netip.Addr{netip.MustParseAddr(rapid.SampledFrom(worldLocals).Draw(t, "address"))}
	}
	return e
}

func drawModel(t *rapid.T) *exposure.Model {
	m := &exposure.Model{Deny: drawSet(t, 1), Observe: rapid.IntRange(0, 15).Draw(t, "observe") == 0}
	if rapid.Bool().Draw(t, "log") {
		m.Log = &policy.Log{Rate: policy.Rate{Count: 10, Unit: time.Second}}
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"rtp", "sip", "ssh", "web"}), 1, 4, rapid.ID).Draw(t, "services") {
		m.Exposures = append(m.Exposures, drawExposure(t, name, m.Deny))
		if rapid.IntRange(0, 2).Draw(t, "limited") == 0 {
			m.Services = append(m.Services, exposure.Service{Name: name, Limit: &exposure.Limit{Rate: policy.Rate{Count: 1, Unit: time.Hour}, Burst: 1}})
		}
	}
	return m
}

func drawPacket(t *rapid.T) ruleset.Packet {
	src := netip.MustParseAddr(rapid.SampledFrom(worldSources).Draw(t, "from"))
	var locals []string
	for _, a := range worldLocals {
		if netip.MustParseAddr(a).Is4() == src.Is4() {
			locals = append(locals, a)
		}
	}
	p := from(rapid.SampledFrom(worldLinks).Draw(t, "link"), src.String(), rapid.SampledFrom(locals).Draw(t, "to"),
		rapid.SampledFrom([]uint8{protoTCP, protoUDP, protoUDP, protoSCTP, protoICMP, protoICMPv6, 112}).Draw(t, "protocol"),
		rapid.SampledFrom(worldPorts).Draw(t, "port"))
	p.SrcPort, p.State = rapid.SampledFrom(append([]uint16{50000}, worldPorts...)).Draw(t, "source port"), ruleset.StateNew
	if p.Protocol == protoICMP && src.Is6() || p.Protocol == protoICMPv6 && src.Is4() {
		p.Protocol = protoUDP
	}
	switch p.Protocol {
	case protoICMP:
		p.ICMPType = 8
	case protoICMPv6:
		p.ICMPType = 128
	}
	return p
}

// world is a packet on every link to every address.
func world() (packets []ruleset.Packet) {
	for _, link := range worldLinks {
		for _, local := range worldLocals {
			packets = append(packets, from(link, local, local, protoUDP, 1))
		}
	}
	return packets
}

// Whatever the policy, the kernel does with a packet what the evaluation says.
func TestKernelAndEvaluationAgree(t *testing.T) {
	inNamespace(t)
	conn, err := kernel.Open()
	require.NoError(t, err)
	defer conn.Close()
	r, err := newRun(conn, world())
	require.NoError(t, err)
	defer r.wires.close()
	seen := map[Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		table := compile.Compile(drawModel(t), 1)
		_, err := conn.Remove(compile.Family, compile.TableName)
		require.NoError(t, err)
		_, err = conn.Apply(table)
		require.NoError(t, err)
		packets := rapid.SliceOfN(rapid.Custom(drawPacket), 60, 100).Draw(t, "packets")
		outcomes, err := r.all(table, packets)
		require.NoError(t, err)
		for i, p := range packets {
			seen[outcomes[i]]++
			if accept := table.EvaluateInput(p).Accept; accept != (outcomes[i] == Accepted) {
				t.Fatalf("%+v: outcome %d, evaluation %v\n%s", p, outcomes[i], accept, table.Text())
			}
		}
	})
	t.Logf("%d accepted, %d dropped, %d refused before every rule", seen[Accepted], seen[Dropped], seen[Refused])
	require.Greater(t, min(seen[Accepted], seen[Dropped]), 500)
	require.Zero(t, seen[Refused])
}
