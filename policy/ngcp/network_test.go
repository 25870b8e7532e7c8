package ngcp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

func network(t testing.TB, file Source) *Network {
	t.Helper()
	n, list := ParseNetwork(file)
	require.Empty(t, list)
	return n
}

// outline is a line for each host and each of its links.
func outline(n *Network) (lines []string) {
	for _, h := range n.Hosts {
		line := fmt.Sprintf("%s %v", h.Name, h.Roles)
		if h.Peer+h.Status != "" {
			line += " " + h.Peer + " " + h.Status
		}
		lines = append(lines, line+at(h.Pos))
		for _, l := range h.Links {
			lines = append(lines, fmt.Sprintf("  %s %v %v%s", l.Name, l.Addrs, l.Types, at(l.Pos)))
		}
	}
	return lines
}

func at(p diag.Pos) string { return fmt.Sprintf(" @%d:%d", p.Line, p.Column) }

func TestNetworkForms(t *testing.T) {
	n := network(t, source(t, "network-odd.yml"))
	assert.Equal(t, []string{
		"blank [] @45:3",
		"sp1 [proxy lb] sp2 online @11:3",
		"  lo [127.0.0.1 ::1] [sip_int] @14:5",
		"  eth0 [192.0.2.1 192.0.2.3 2001:db8::1] [sip_ext_incoming rtp_peer_x something_new] @19:5",
		"  eth0:1 [192.0.2.5] [web_ext] @27:5",
		"  vlan300 [192.0.2.7 192.0.2.8 2001:db8::7] [] @31:5",
		"  bond0.7 [] [] @36:5",
		"sp2 [lb]  offline @6:3",
		"  eth0 [192.0.2.2] [ha_int] @8:5",
		"spare [] @44:3",
	}, outline(n))
	sp1, ok := n.Host("sp1")
	require.True(t, ok)
	var devices []string
	for _, l := range sp1.Links {
		devices = append(devices, l.Device)
	}
	assert.Equal(t, []string{"lo", "eth0", "eth0", "vlan300", "bond0.7"}, devices)
	assert.Equal(t, diag.Pos{File: "network-odd.yml", Line: 11, Column: 3}, sp1.Pos)
}

func TestNetworkFixtures(t *testing.T) {
	for name, want := range map[string][]string{
		"ce": {
			"self [proxy lb mgmt rtp db storage]  online @3:3",
			"  lo [127.0.0.1 ::1] [sip_int ha_int aux_ext ssh_ext api_int rtp_int stor_int] @8:5",
			"  neth0 [192.168.209.201] [web_ext web_int sip_ext rtp_ext ssh_ext] @25:5",
		},
		"pro": {
			"sp1 [proxy lb mgmt rtp db] sp2 online @3:3",
			"  lo [127.0.0.1 ::1] [sip_int web_ext web_int aux_ext ssh_ext api_int rtp_int] @44:5",
			"  eth0 [10.0.2.15] [web_ext ssh_ext web_int] @5:5",
			"  eth1 [192.168.255.251 192.168.255.250] [ha_int ssh_ext] @19:5",
			"  eth2 [192.168.1.43] [ssh_ext web_ext web_int sip_ext rtp_ext mon_ext] @29:5",
			"sp2 [proxy lb mgmt rtp db] sp1 online @70:3",
			"  eth0 [192.168.22.203] [web_int web_ext sip_ext rtp_ext mon_ext ssh_ext] @72:5",
			"  lo [127.0.0.1 ::1] [api_int ssh_ext sip_int web_int web_ext aux_ext] @103:5",
			"  eth1 [192.168.255.252 192.168.255.250] [ssh_ext ha_int] @89:5",
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, want, outline(network(t, fixture(t, name, "network.yml"))))
		})
	}
}

func TestNetworkFixtureCarrier(t *testing.T) {
	n := network(t, fixture(t, "carrier", "network.yml"))
	served := map[string][]string{} // host: TYPE=DEVICE
	for _, h := range n.Hosts {
		line := []string{strings.Join(h.Roles, "+"), h.Peer, h.Status}
		for _, pattern := range []string{"sip_ext", "rtp_ext", "web_ext", "web_int", "ha_int", "boot_int"} {
			for _, l := range h.Links {
				if l.HasType(pattern) {
					line = append(line, pattern+"="+l.Device)
				}
			}
		}
		served[h.Name] = line
	}
	assert.Equal(t, map[string][]string{
		"db01a":  {"db", "db01b", "online", "ha_int=vlan1721"},
		"db01b":  {"db", "db01a", "online", "ha_int=vlan1721"},
		"lb01a":  {"lb", "lb01b", "online", "sip_ext=vlan1719", "ha_int=vlan1721"},
		"lb01b":  {"lb", "lb01a", "online", "sip_ext=vlan1719", "ha_int=vlan1721"},
		"prx01a": {"proxy+rtp", "prx01b", "online", "rtp_ext=vlan1722", "rtp_ext=lo", "ha_int=vlan1721"},
		"prx01b": {"proxy+rtp", "prx01a", "online", "rtp_ext=vlan1722", "rtp_ext=lo", "ha_int=vlan1721"},
		"prx02a": {"proxy+rtp", "prx02b", "inactive", "rtp_ext=vlan1722", "rtp_ext=lo", "ha_int=vlan1721"},
		"prx02b": {"proxy+rtp", "prx01a", "inactive", "rtp_ext=vlan1722", "rtp_ext=lo", "ha_int=vlan1721"},
		"web01a": {"mgmt", "web01b", "online", "web_ext=vlan1718", "web_ext=eth0", "web_int=vlan1721", "web_int=eth0", "ha_int=vlan1721", "boot_int=bond0"},
		"web01b": {"mgmt", "web01a", "online", "web_ext=vlan1718", "web_int=vlan1721", "ha_int=vlan1721", "boot_int=bond0"},
	}, served)

	lb, ok := n.Host("lb01a")
	require.True(t, ok)
	var links []string
	for _, l := range lb.Links {
		links = append(links, fmt.Sprint(l.Name, l.Addrs))
	}
	assert.Equal(t, []string{
		"vlan300[192.168.25.186 192.168.25.188]", "vlan1719[172.30.52.104 172.30.52.103]",
		"vlan1720[172.30.52.136 172.30.52.135]", "vlan1721[172.30.52.174 172.30.52.173]",
		"lo[127.0.0.1 ::1]", "eth0[]", "eth1[]", "bond0[]",
	}, links)
}

func TestNetworkEmpty(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n", "hosts:\n", "hosts: {}\n", "instances: []\n"} {
		assert.Empty(t, network(t, text("network.yml", content)).Hosts, content)
	}
}

func TestPick(t *testing.T) {
	pair := &Network{File: "network.yml", Hosts: []Host{{Name: "sp1"}, {Name: "sp2"}}}
	single := &Network{File: "network.yml", Hosts: []Host{{Name: "self"}}}
	full := &Network{File: "network.yml", Hosts: []Host{{Name: "sp1"}, {Name: "sp1.example.org"}}}
	for name, row := range map[string]struct {
		network       *Network
		name, machine string
		want, err     string
	}{
		"named":               {pair, "sp2", "sp1", "sp2", ""},
		"machine":             {pair, "", "sp1", "sp1", ""},
		"machine with domain": {pair, "", "sp2.example.org", "sp2", ""},
		"full name first":     {full, "", "sp1.example.org", "sp1.example.org", ""},
		"self":                {single, "", "voip", "self", ""},
		"self named":          {single, "self", "voip", "self", ""},
		"unknown":             {pair, "sp3", "sp1", "", `host "sp3" is not in network.yml: choose one of sp1, sp2`},
		"unknown, no self":    {single, "sp3", "voip", "", `host "sp3" is not in network.yml: choose one of self`},
		"unknown machine":     {pair, "", "voip", "", `neither this machine's name "voip" nor "self" is a host of network.yml: choose one of sp1, sp2`},
		"machine without any": {pair, "", "", "", `neither this machine's name empty nor "self" is a host of network.yml: choose one of sp1, sp2`},
		"no hosts":            {&Network{File: "network.yml"}, "", "voip", "", `neither this machine's name "voip" nor "self" is a host of network.yml: it has no hosts`},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := row.network.Pick(row.name, row.machine)
			if row.err != "" {
				require.EqualError(t, err, row.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, h.Name)
		})
	}
}

func TestHasType(t *testing.T) {
	for _, row := range []struct {
		have, pattern string
		want          bool
	}{
		{"sip_ext", "sip_ext", true},
		{"sip_ext_incoming", "sip_ext", true},
		{"sip_ext_carriers", "sip_ext", true},
		{"sip_ext_", "sip_ext", false},
		{"sip_external", "sip_ext", false},
		{"sip_int", "sip_ext", false},
		{"sip_peer_x", "sip_ext", false},
		{"rtp_ext", "rtp_ext", true},
		{"rtp_int", "rtp_ext", true},
		{"rtp_peer_x", "rtp_ext", true},
		{"rtp_", "rtp_ext", false},
		{"rtp", "rtp_ext", false},
		{"rtp_ext", "rtp_int", false},
		{"web_ext", "web_ext", true},
		{"web_ext_2", "web_ext", false},
		{"web_int", "web_ext", false},
		{"ssh_ext", "ssh_ext", true},
		{"", "sip_ext", false},
	} {
		l := Link{Types: []string{"other", row.have}}
		assert.Equal(t, row.want, l.HasType(row.pattern), "%s serves %s", row.have, row.pattern)
	}
	assert.False(t, Link{}.HasType("sip_ext"))
}

func TestInternalTypes(t *testing.T) {
	l := Link{Types: []string{"ha_int", "sip_ext", "rtp_int", "_int", "int", "stor_int", "ha_int_2"}}
	assert.Equal(t, []string{"ha_int", "rtp_int", "stor_int"}, l.InternalTypes())
	assert.Empty(t, Link{Types: []string{"sip_ext"}}.InternalTypes())
}

func TestHasRole(t *testing.T) {
	h := Host{Roles: []string{"proxy", "db"}}
	assert.True(t, h.HasRole("lb", "proxy"))
	assert.False(t, h.HasRole("lb", "mgmt"))
	assert.False(t, h.HasRole())
}

func TestAddressKeepsLoopback(t *testing.T) {
	n := network(t, text("f", "hosts: {self: {interfaces: [lo], lo: {ip: 127.0.0.1, v6ip: '::1/128', shared_ip: 127.0.0.2/8}}}\n"))
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.IPv6Loopback()}, n.Hosts[0].Links[0].Addrs)
}
