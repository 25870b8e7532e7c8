package exposure

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
)

func from(text string) netip.Addr { return netip.MustParseAddr(text) }

const pair = `
hosts:
  sp1:
    interfaces: [lo, eth0, eth1]
    role: [proxy, lb, mgmt, rtp, db]
    lo: {ip: 127.0.0.1, type: [ssh_ext, web_int, sip_int]}
    eth0: {ip: 192.0.2.11, v6ip: '2001:db8::11', shared_ip: [192.0.2.10], type: [sip_ext, rtp_ext, web_ext, ssh_ext]}
    eth1: {ip: 10.0.0.1, shared_ip: [10.0.0.3], type: [ha_int, web_int]}
  sp2:
    interfaces: [lo, eth0, eth1]
    role: [proxy, lb, mgmt, rtp, db]
    lo: {ip: 127.0.0.1, type: [ssh_ext, web_int, sip_int]}
    eth0: {ip: 192.0.2.12, shared_ip: [192.0.2.10], type: [sip_ext, rtp_ext, web_ext, ssh_ext]}
    eth1: {ip: 10.0.0.2, shared_ip: [10.0.0.3], type: [ha_int, web_int]}
`

func TestAllows(t *testing.T) {
	m := files{network: pair, host: "sp1", policy: `
roles: {administrators: {allow: [198.51.100.0/24, 10.0.0.0/24]}}
services:
  turn: {ports: [3478/udp], roles: [subscribers], addresses: [192.0.2.10, '2001:db8::11']}
  turn4: {ports: [3479/udp], roles: [subscribers], addresses: [192.0.2.10]}
deny: [203.0.113.0/24, 10.0.0.3]
`}.resolve(t)
	for name, c := range map[string]struct {
		from, to, in string
		want         string // service, or host's rule, or why not
	}{
		"service":                  {"198.18.0.1", "5060/udp", "eth0", "sip"},
		"no such protocol":         {"198.18.0.1", "5060/sctp", "eth0", "dropped near cluster"},
		"other link":               {"198.18.0.1", "5060/udp", "eth1", "dropped near sip,cluster"},
		"no link named":            {"198.18.0.1", "5060/udp", "", "sip"},
		"first of a range":         {"198.18.0.1", "30000/udp", "eth0", "rtp"},
		"last of a range":          {"198.18.0.1", "40000/udp", "eth0", "rtp"},
		"over the range":           {"198.18.0.1", "40001/udp", "eth0", "dropped near cluster"},
		"no administrator":         {"198.18.0.1", "22/tcp", "eth0", "dropped near ssh,cluster"},
		"administrator":            {"198.51.100.7", "22/tcp", "eth0", "ssh"},
		"administrator not on ha":  {"198.51.100.7", "22/tcp", "eth1", "dropped near ssh,cluster"},
		"loopback link":            {"127.0.0.1", "1/tcp", "lo", "host loopback"},
		"denied by loopback":       {"203.0.113.9", "1/tcp", "lo", "host loopback"},
		"spoofed source":           {"127.0.0.1", "5060/udp", "eth0", "host spoofed"},
		"spoofed IPv6 source":      {"::1", "5060/udp", "eth0", "host spoofed"},
		"spoofed destination":      {"198.18.0.1", "127.9.9.9:5060/udp", "eth0", "host spoofed"},
		"denied":                   {"203.0.113.9", "5060/udp", "eth0", "denied"},
		"denied cluster":           {"10.0.0.3", "5060/udp", "eth1", "denied"},
		"cluster":                  {"10.0.0.2", "3306/tcp", "eth1", "cluster"},
		"cluster from elsewhere":   {"10.0.0.2", "3306/tcp", "eth0", "dropped near cluster"},
		"cluster's own address":    {"10.0.0.1", "3306/tcp", "eth1", "dropped near cluster"},
		"peer's outer address":     {"192.0.2.12", "3306/tcp", "eth1", "dropped near cluster"},
		"DHCP":                     {"192.0.2.1:67", "68/udp", "eth0", "host dhcp"},
		"DHCP from another port":   {"192.0.2.1:68", "68/udp", "eth0", "dropped near cluster"},
		"DHCP over TCP":            {"192.0.2.1:67", "68/tcp", "eth0", "dropped near cluster"},
		"DHCP denied":              {"203.0.113.9:67", "68/udp", "eth0", "denied"},
		"DHCPv6":                   {"[fe80::1]:547", "546/udp", "eth0", "host dhcp"},
		"DHCPv6 not on the link":   {"[2001:db8::1]:547", "546/udp", "eth0", "dropped near cluster"},
		"DHCP by IPv6":             {"[fe80::1]:67", "68/udp", "eth0", "dropped near cluster"},
		"at its address":           {"198.18.0.1", "192.0.2.10:3478/udp", "eth0", "turn"},
		"at another":               {"198.18.0.1", "192.0.2.11:3478/udp", "eth0", "dropped near cluster,turn"},
		"at some address":          {"198.18.0.1", "3478/udp", "eth0", "turn"},
		"at some IPv6 address":     {"2001:db8::9", "3478/udp", "eth0", "turn"},
		"no address of the family": {"2001:db8::9", "3479/udp", "eth0", "dropped near cluster,turn4"},
		"one's own on every link":  {"198.18.0.1", "192.0.2.10:3479/udp", "eth7", "turn4"},
	} {
		t.Run(name, func(t *testing.T) {
			flow, err := policy.ParseFlow(c.from, c.to, c.in)
			require.NoError(t, err)
			require.Equal(t, c.want, words(m.Allows(flow)))
		})
	}
}

// words is a decision as the table has it.
func words(d Decision) string {
	switch {
	case d.Denied:
		return "denied"
	case d.Host != "":
		return "host " + d.Host
	case d.Exposure != nil:
		return d.Exposure.Service
	}
	text := "dropped"
	for i, e := range d.Nearest {
		text += map[bool]string{true: " near ", false: ","}[i == 0] + e.Service
	}
	return text
}
