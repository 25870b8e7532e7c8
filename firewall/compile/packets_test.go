package compile

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// packet is one line of a table of packets: its defaults are a new packet for
// this host by eth0.
type packet struct {
	from, to     string
	in           string
	proto        uint8
	sport, dport uint16
	icmp         uint8
	state        ruleset.CTStates
}

func (p packet) packet() ruleset.Packet {
	src := netip.MustParseAddr(p.from)
	if p.to == "" {
		p.to = "192.0.2.1"
		if src.Is6() {
			p.to = "2001:db8::1"
		}
	}
	if p.in == "" {
		p.in = "eth0"
	}
	return ruleset.Packet{In: p.in, Src: src, Dst: netip.MustParseAddr(p.to), Protocol: p.proto,
		SrcPort: p.sport, DstPort: p.dport, ICMPType: p.icmp, State: p.state}
}

const (
	icmp4, icmp6 = 1, 58
	world4       = "203.0.113.99"
	world6       = "2001:db8:99::1"
	admin4       = "192.0.2.9"
	denied4      = "203.0.113.66"
)

// What a host hears beside its services, and who decides it: the last rule's
// comment.
func TestPacketsForTheHost(t *testing.T) {
	for name, row := range map[string]struct {
		packet packet
		accept bool
		by     string
	}{
		"loopback":                       {packet{from: "127.0.0.1", to: "127.0.0.1", in: "lo", proto: 6, dport: 3306}, true, "loopback"},
		"loopback source on a link":      {packet{from: "127.0.0.1", proto: 17, dport: 30000}, false, "spoofed"},
		"loopback destination on a link": {packet{from: world4, to: "127.0.0.1", proto: 6, dport: 5060}, false, "spoofed"},
		"::1 on a link":                  {packet{from: "::1", proto: 6, dport: 5060}, false, "spoofed"},

		"established":            {packet{from: world4, proto: 6, dport: 50000, state: ruleset.StateEstablished}, true, "connections"},
		"related":                {packet{from: world4, proto: 6, dport: 50000, state: ruleset.StateRelated}, true, "connections"},
		"invalid":                {packet{from: admin4, proto: 6, dport: 22, state: ruleset.StateInvalid}, false, "invalid"},
		"established but denied": {packet{from: denied4, proto: 6, dport: 1443, state: ruleset.StateEstablished}, false, "denied"},
		"denied media":           {packet{from: denied4, in: "eth2", proto: 17, dport: 30000}, false, "denied"},
		"denied ping":            {packet{from: denied4, proto: icmp4, icmp: 8}, false, "denied"},

		"ping":                      {packet{from: world4, proto: icmp4, icmp: 8}, true, "ping"},
		"ping of a series":          {packet{from: world4, proto: icmp4, icmp: 8, state: ruleset.StateEstablished}, true, "ping"},
		"ping of IPv6":              {packet{from: world6, proto: icmp6, icmp: 128}, true, "ping"},
		"answer to our ping":        {packet{from: world4, proto: icmp4, icmp: 0, state: ruleset.StateEstablished}, true, "connections"},
		"answer to nobody's ping":   {packet{from: world4, proto: icmp4, icmp: 0, state: ruleset.StateInvalid}, false, "invalid"},
		"unreachable":               {packet{from: world4, proto: icmp4, icmp: 3, state: ruleset.StateRelated}, true, "icmp"},
		"error about untracked RTP": {packet{from: world4, proto: icmp4, icmp: 3, state: ruleset.StateInvalid}, true, "icmp"},
		"too big about untracked":   {packet{from: world6, proto: icmp6, icmp: 2, state: ruleset.StateInvalid}, true, "icmpv6"},
		"redirect":                  {packet{from: world4, proto: icmp4, icmp: 5}, false, "refused"},
		"timestamp":                 {packet{from: world4, proto: icmp4, icmp: 13}, false, "refused"},
		"router advertisement":      {packet{from: "fe80::1", to: "ff02::1", proto: icmp6, icmp: 134}, true, "icmpv6"},
		"neighbour solicitation":    {packet{from: "fe80::1", to: "ff02::1:ff00:1", proto: icmp6, icmp: 135}, true, "icmpv6"},
		"listener query":            {packet{from: "fe80::1", to: "ff02::1", proto: icmp6, icmp: 130}, true, "icmpv6"},
		"node information":          {packet{from: world6, proto: icmp6, icmp: 139}, false, "refused"},
		"ICMP's number in IPv6":     {packet{from: world6, proto: icmp4, icmp: 3}, false, "refused"},

		"IGMP":                  {packet{from: "192.0.2.254", to: "224.0.0.1", proto: 2}, true, "igmp"},
		"IGMP to the host":      {packet{from: "192.0.2.254", proto: 2}, false, "refused"},
		"DHCP reply":            {packet{from: "192.0.2.254", to: "255.255.255.255", proto: 17, sport: 67, dport: 68}, true, "dhcp"},
		"no DHCP server":        {packet{from: "192.0.2.254", proto: 17, sport: 53, dport: 68}, false, "refused"},
		"DHCP in TCP":           {packet{from: "192.0.2.254", proto: 6, sport: 67, dport: 68}, false, "refused"},
		"DHCPv6 reply":          {packet{from: "fe80::2", to: "fe80::1", proto: 17, sport: 547, dport: 546}, true, "dhcpv6"},
		"DHCPv6 from elsewhere": {packet{from: world6, proto: 17, sport: 547, dport: 546}, false, "refused"},
		"IPv6 to DHCP's ports":  {packet{from: "fe80::2", proto: 17, sport: 67, dport: 68}, false, "refused"},

		"a service":                         {packet{from: admin4, proto: 6, dport: 1443}, true, "www-admin/administrators"},
		"a service, by another link":        {packet{from: admin4, in: "eth2", proto: 6, dport: 1443}, false, "refused www-admin"},
		"a service, not the role":           {packet{from: world4, proto: 6, dport: 1443}, false, "refused www-admin"},
		"no service":                        {packet{from: world4, proto: 6, dport: 1444}, false, "refused"},
		"no such protocol":                  {packet{from: world4, proto: 47}, false, "refused"},
		"a service at its address":          {packet{from: world4, to: "192.0.2.10", proto: 17, dport: 443}, true, "turn/subscribers"},
		"a service at another address":      {packet{from: world4, to: "192.0.2.11", proto: 17, dport: 443}, false, "refused turn"},
		"a service of IPv4 addresses":       {packet{from: world6, proto: 17, dport: 443}, false, "refused turn"},
		"cluster, any protocol":             {packet{from: "10.0.0.2", in: "eth1", proto: 112}, true, "cluster/cluster"},
		"cluster, any port":                 {packet{from: "10.1.0.2", in: "eth4", proto: 6, dport: 3306}, true, "cluster/cluster"},
		"cluster, by a link of another":     {packet{from: "10.0.0.2", in: "eth4", proto: 6, dport: 3306}, false, "refused"},
		"cluster's stranger on its link":    {packet{from: world4, in: "eth1", proto: 6, dport: 3306}, false, "refused"},
		"media":                             {packet{from: world4, in: "eth2", proto: 17, dport: 30000}, true, "rtp/subscribers"},
		"media's last port, IPv6":           {packet{from: world6, in: "eth2", proto: 17, dport: 40000}, true, "rtp/subscribers"},
		"media by a link without":           {packet{from: world4, proto: 17, dport: 30000}, false, "refused"},
		"our query's answer at media ports": {packet{from: world4, proto: 17, sport: 53, dport: 35000, state: ruleset.StateEstablished}, true, "connections"},
	} {
		t.Run(name, func(t *testing.T) {
			table := Compile(pair(), 3)
			got := table.EvaluateInput(row.packet.packet())
			last := ruleAt(table, got.Decided[len(got.Decided)-1])
			assert.Equal(t, row.by, last.Comment)
			assert.Equal(t, row.accept, got.Accept)
		})
	}
}

// Bans end established flows and media, but not those of never-ban.
func TestBans(t *testing.T) {
	m := provider() // never-ban: peers
	table := Compile(m, 1)
	for i := range table.Sets {
		s := &table.Sets[i]
		switch s.Name {
		case "banned4":
			s.Elements.Append([]byte{203, 0, 113, 0}, []byte{203, 0, 113, 255}) // 203.0.113.7 is a peer
		case "banned6":
			a := netip.MustParseAddr(world6).AsSlice()
			s.Elements.Append(a, a)
		}
	}
	for _, p := range []packet{
		{proto: 17, dport: 5060}, {proto: 17, dport: 30000}, {proto: icmp4, icmp: 8},
		{proto: 6, dport: 50000, state: ruleset.StateEstablished},
	} {
		for _, from := range []string{world4, world6} {
			p.from = from
			got := table.EvaluateInput(p.packet())
			assert.False(t, got.Accept)
			assert.Equal(t, "banned-1", got.Decided[len(got.Decided)-1].Chain)
		}
		p.from = "203.0.113.7"
		assert.True(t, table.EvaluateInput(p.packet()).Accept, "never-ban")
	}
}

// Media is untracked in both directions, on its links and nowhere else.
func TestMediaIsUntracked(t *testing.T) {
	at := func(address string, links ...string) func() *exposure.Model {
		return func() *exposure.Model {
			m := provider()
			m.Exposures = m.Exposures[3:4] // rtp
			m.Exposures[0].Interfaces = links
			m.Exposures[0].Addresses = []netip.Addr{netip.MustParseAddr(address)}
			return m
		}
	}
	for name, row := range map[string]struct {
		model        func() *exposure.Model
		link         string
		near, far    uint16
		proto        uint8
		wantsNoTrack bool
	}{
		"media":                          {provider, "eth0", 30000, 7000, 17, true},
		"its last port":                  {provider, "eth0", 40000, 7000, 17, true},
		"beside it":                      {provider, "eth0", 40001, 7000, 17, false},
		"tcp":                            {provider, "eth0", 30000, 7000, 6, false},
		"loopback":                       {provider, "lo", 30000, 7000, 17, false},
		"on its link":                    {pair, "eth2", 30000, 7000, 17, true},
		"on another":                     {pair, "eth0", 30000, 7000, 17, false},
		"an answer where all may come":   {provider, "eth0", 35000, 53, 17, true},
		"DNS where an allowlist decides": {allowlists, "eth0", 5500, 53, 17, false},
		"NTP where an allowlist decides": {allowlists, "eth0", 5500, 123, 17, false},
		"DNS where an address decides":   {at("192.0.2.10"), "eth0", 35000, 53, 17, false},
		"media of an address":            {at("192.0.2.10"), "eth0", 35000, 7000, 17, true},
		"media on two links":             {at("192.0.2.10", "eth0", "eth2"), "eth2", 35000, 7000, 17, true},
		"beside two links":               {at("192.0.2.10", "eth0", "eth2"), "eth1", 35000, 7000, 17, false},
		"media of an allowlist":          {allowlists, "eth0", 5500, 7000, 17, true},
		"SIP within media":               {allowlists, "eth0", 5060, 5060, 17, false},
		"beside SIP":                     {allowlists, "eth0", 5061, 5060, 17, true},
	} {
		t.Run(name, func(t *testing.T) {
			table := Compile(row.model(), 1)
			for _, hosts := range [][2]string{{world4, "192.0.2.1"}, {world6, "2001:db8::1"}} {
				far, near := netip.MustParseAddr(hosts[0]), netip.MustParseAddr(hosts[1])
				in := ruleset.Packet{In: row.link, Src: far, Dst: near, Protocol: row.proto, SrcPort: row.far, DstPort: row.near}
				out := ruleset.Packet{Out: row.link, Src: near, Dst: far, Protocol: row.proto, SrcPort: row.near, DstPort: row.far}
				assert.Equal(t, row.wantsNoTrack, table.Evaluate(ruleset.HookPrerouting, in).Untracked, "in")
				assert.Equal(t, row.wantsNoTrack, table.Evaluate(ruleset.HookOutput, out).Untracked, "out")
			}
		})
	}
}

// Nothing but notrack happens outside input, and forwarding is as the policy
// says.
func TestOtherHooks(t *testing.T) {
	m := provider()
	routed := ruleset.Packet{In: "eth0", Out: "eth1", Src: netip.MustParseAddr(world4), Dst: netip.MustParseAddr(world4), Protocol: 17, DstPort: 30000}
	sent := ruleset.Packet{Out: "eth0", Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr(denied4), Protocol: 6, DstPort: 25}
	for forward, accept := range map[policy.Forward]bool{policy.ForwardIgnore: true, policy.ForwardDrop: false, "": true} {
		m.Forward = forward
		table := Compile(m, 1)
		assert.Equal(t, accept, table.Evaluate(ruleset.HookForward, routed).Accept, "forward: %q", forward)
		assert.True(t, table.Evaluate(ruleset.HookOutput, sent).Accept)
		assert.True(t, table.Evaluate(ruleset.HookPrerouting, sent).Accept)
	}
	m.Forward, m.Observe = policy.ForwardDrop, true
	require.True(t, Compile(m, 1).Evaluate(ruleset.HookForward, routed).Accept, "observe drops nothing")
}

// Media for one role on one link and for another on another is not for both on
// both.
func TestMediaOfDifferentLinks(t *testing.T) {
	table := Compile(&exposure.Model{Exposures: []exposure.Exposure{
		{Service: "rtp", Role: "inside", Ports: rtpPorts, Sources: sources("10.0.0.0/8"), Interfaces: []string{"eth1"}},
		{Service: "rtp", Role: "outside", Ports: rtpPorts, Sources: sources("203.0.113.0/24"), Interfaces: []string{"eth2"}},
	}}, 1)
	for _, row := range []struct {
		from, in string
		accept   bool
	}{
		{"10.0.0.1", "eth1", true}, {"203.0.113.1", "eth2", true},
		{"10.0.0.1", "eth2", false}, {"203.0.113.1", "eth1", false}, {"10.0.0.1", "eth0", false},
	} {
		got := table.EvaluateInput(packet{from: row.from, in: row.in, proto: 17, dport: 30000}.packet())
		assert.Equal(t, row.accept, got.Accept, "%+v", row)
		assert.Equal(t, row.in != "eth0", got.Untracked, "%+v", row)
	}
}
