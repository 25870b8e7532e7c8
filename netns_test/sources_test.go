package netns_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// Every form of an entry, files among them, and what takes away again.
func TestSources(t *testing.T) {
	s := newSite(t, map[string]string{
		"lists/carriers.txt": "# carriers\n100.64.0.0/24  # one\n100.64.1.0/24\n\n100.64.2.5-100.64.2.9\n2001:db8:20::/64\n",
		"policy.yml": `version: 1
roles:
  subscribers:
    allow:
      - {file: lists/carriers.txt}
      - {source: 100.65.0.1, comment: one phone, expires: 2999-12-31}
      - {source: 100.65.0.2, expires: 2020-01-01}
      - 100.66.0.0/31
      - 100.66.0.2-100.66.0.7
      - 255.255.255.0/24
      - "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
      - "2001:db8:21::5"
    except: [100.64.1.128/25, "2001:db8:20::66", 100.66.0.4]
  administrators: {allow: [any4]}
  monitoring: {allow: [any6]}
services:
  own: {ports: [9100/tcp], roles: [monitoring]}
  sip: {roles: [subscribers]}
deny: [100.64.0.77, {file: lists/bad.txt}]
`,
		"lists/bad.txt": "100.64.0.78\n2001:db8:20::77",
	})
	s.apply()
	s.check(
		row{"100.64.0.0 100.64.0.255 100.64.1.127 100.64.2.5 100.64.2.9 2001:db8:20:: 2001:db8:20::ffff:ffff:ffff:ffff", subscriberPorts, "", accepted},
		row{"100.65.0.1 100.66.0.0 100.66.0.1 100.66.0.3 100.66.0.5 100.66.0.7 2001:db8:21::5", subscriberPorts, "", accepted},
		row{"100.63.255.255 100.64.1.128 100.64.1.255 100.64.2.4 100.64.2.10 2001:db8:20::66 2001:db8:20:1::", subscriberPorts, "", dropped},
		row{"100.65.0.0 100.65.0.2 100.66.0.4 100.66.0.8 2001:db8:21::4 2001:db8:21::6", subscriberPorts, "", dropped},
		row{"100.64.0.77 100.64.0.78 2001:db8:20::77", subscriberPorts + " 22/tcp 9100/tcp icmp", "", dropped},
		row{world4, "22/tcp 1443/tcp", "", accepted},
		row{world6, "22/tcp 1443/tcp", "", dropped},
		row{world6, "9100/tcp", "", accepted},
		row{world4, "9100/tcp", "", dropped},
	)
}

// A long list is in the kernel whole: both ends of each entry, and none of the
// gaps between them.
func TestLongList(t *testing.T) {
	const entries = 10000 // of each family: 100.64.0.0/31, then every fourth address; 2001:db8:20:0::/64, then every second network
	var list strings.Builder
	var rows []row
	for i := range entries {
		first4 := uint32(100<<24 | 64<<16 + 4*i)
		network6, gap6 := fmt.Sprintf("2001:db8:20:%x::", 2*i), fmt.Sprintf("2001:db8:20:%x::", 2*i+1)
		fmt.Fprintf(&list, "%s/31\n%s/64\n", ipv4(first4), network6)
		if i%97 == 0 || i == entries-1 {
			rows = append(rows,
				row{fmt.Sprint(ipv4(first4), " ", ipv4(first4+1), " ", network6, " ", network6+"ffff"), "5060/udp", "", accepted},
				row{fmt.Sprint(ipv4(first4+2), " ", ipv4(first4+3), " ", gap6), "5060/udp", "", dropped})
		}
	}
	s := newSite(t, map[string]string{"list.txt": list.String(),
		"policy.yml": "version: 1\nroles: {subscribers: {allow: [{file: list.txt}]}}\n"})
	s.apply()
	s.check(rows...)
}

func ipv4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// The policy's interfaces are over network.yml's; services of one's own are open
// on every interface unless they name some.
func TestInterfacesOverNetwork(t *testing.T) {
	s := newSite(t, map[string]string{
		"network.yml": "hosts: {a: {role: [lb, rtp, mgmt], interfaces: [eth0, eth1], eth0: {ip: 192.0.2.10, type: [sip_ext, rtp_ext, ssh_ext]}, eth1: {ip: 198.51.100.10, type: [web_ext]}}}\n",
		"policy.yml": onNetwork + `a}
services:
  rtp: {interfaces: [eth1]}
  own: {ports: [9100/tcp], roles: [subscribers]}
  other: {ports: [9101/tcp], roles: [subscribers], interfaces: [eth1]}
`}, eth0, eth1)
	s.apply()
	s.check(
		row{world, "5060/udp 9100/tcp", "eth0", accepted},
		row{world, "30000/udp 443/tcp 9101/tcp", "eth0", dropped},
		row{world, "30000/udp 443/tcp 9100/tcp 9101/tcp", "eth1", accepted},
		row{world + " " + admin, "5060/udp 22/tcp", "eth1", dropped},
		row{admin, "22/tcp", "eth0", accepted},
	)
}
