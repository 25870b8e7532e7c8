package netns_test

import (
	"testing"

	"ngcp-fw/netns_test/lab"
)

const world = world4 + " " + world6

const admin = "198.18.0.1 2001:db8:10::1"

// Ports and switches as configurations of the product's generations have them.
func TestConfigOfTheGenerations(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		rows   []row
	}{
		"2.x": {`
kamailio:
  port: '5062'
  disable_tcp: yes
rtpproxy: {minport: 20000, maxport: 20010}
www_csc: {apache: {port: 8443}}
www_admin: {apache: {port: 1444}}
ossbss: {apache: {port: "2444"}}
nginx: {xcap_port: 1081}
`, []row{
			{world, "5062/udp 20000/udp 20010/udp 8443/tcp 1081/tcp 5222/tcp 5269/tcp", "", accepted},
			{world, "5062/tcp 5060/udp 5060/tcp 5061/tcp 443/tcp 1080/tcp 19999/udp 20011/udp 30000/udp 1444/tcp 2444/tcp 22/tcp", "", dropped},
			{admin, "1444/tcp 2444/tcp 22/tcp", "", accepted},
			{admin, "1443/tcp 2443/tcp", "", dropped},
		}},
		"mr3 to mr4": {`
kamailio:
  lb: {port: 5060, tls: {enable: 'yes', port: '5071'}}
  proxy: {presence: {enable: no}}
rtpproxy: {minport: '30000', maxport: '40000'}
www_csc: {apache: {port: 443}}
www_admin: {http_admin: {port: 1445}, http_csc: {port: 9443}}
nginx: {xcap_port: 1080}
sshd: {port: '2222'}
prosody: {enable: no}
`, []row{
			{world, "5060/udp 5060/tcp 5071/tcp 30000/udp 40000/udp 443/tcp", "", accepted},
			{world, "5061/tcp 1080/tcp 5222/tcp 5269/tcp 9443/tcp 29999/udp 40001/udp 2222/tcp 1445/tcp", "", dropped},
			{admin, "2222/tcp 1445/tcp 2443/tcp", "", accepted},
			{admin, "22/tcp 1443/tcp", "", dropped},
		}},
		"mr5 to mr8": {`
kamailio:
  lb:
    port: 5060
    tls: {enable: no, port: 5061}
    extra_sockets:
      test: udp:192.0.2.11:6060
      other: "tcp:192.0.2.10:6061"
      plain: 192.0.2.10:6062
      six: "udp:[2001:db8:1::10]:6063"
  proxy: {presence: {enable: 'yes'}}
rtpproxy: {minport: 30000, maxport: 44999}
www_admin: {http_admin: {port: 1443}, http_csc: {port: 443}}
ossbss: {apache: {port: 2443}}
sshd: {port: 22, listen_addresses: ["0.0.0.0"]}
prosody: {enable: yes}
`, []row{
			{world, "5060/udp 5060/tcp 30000/udp 44999/udp 443/tcp 5222/tcp 5269/tcp", "", accepted},
			{world4, "192.0.2.11:6060/udp 192.0.2.10:6061/tcp 192.0.2.10:6062/udp", "", accepted},
			{world4, "192.0.2.10:6060/udp 192.0.2.11:6061/tcp 192.0.2.11:6062/udp 192.0.2.11:6060/tcp", "", dropped},
			{world6, "[2001:db8:1::10]:6063/udp", "", accepted},
			{world6, "[2001:db8:1::11]:6063/udp [2001:db8:1::10]:6060/udp", "", dropped},
			{world, "5061/tcp 1080/tcp 45000/udp 29999/udp 1443/tcp", "", dropped},
			{admin, "22/tcp 1443/tcp 2443/tcp", "", accepted},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string]string{"config.yml": c.config, "policy.yml": everybody + "ngcp: {config: config.yml}\n"})
			s.apply()
			s.check(c.rows...)
		})
	}
}

// The policy is over config.yml, and a later config.yml over an earlier one.
func TestWhatIsOverConfig(t *testing.T) {
	s := newSite(t, map[string]string{
		"config.yml":      "kamailio: {lb: {port: 5070, tls: {enable: yes, port: 5071}}}\nsshd: {port: 2222}\n",
		"config.sp1.yml":  "kamailio: {lb: {port: 5080}}\n",
		"policy.yml":      everybody + "ngcp: {config: [config.yml, config.sp1.yml]}\nservices:\n  ssh: {ports: [2022/tcp]}\n",
		"other/local.yml": "kamailio: {lb: {tls: {enable: no}}}\n",
	})
	s.apply()
	s.check(
		row{world, "5080/udp 5080/tcp 5071/tcp", "", accepted},
		row{world, "5070/udp 5060/udp 5070/tcp 2022/tcp", "", dropped},
		row{admin, "2022/tcp", "", accepted},
		row{admin, "22/tcp 2222/tcp", "", dropped},
	)
	s.apply("--config", s.path("config.yml"), "--config", s.path("other/local.yml"))
	s.check(
		row{world, "5070/udp 5070/tcp", "", accepted},
		row{world, "5080/udp 5071/tcp", "", dropped},
	)
}

func TestRealConfig(t *testing.T) {
	s := newSite(t, map[string]string{"config.yml": fixture(t, "mr2/config.yml"), "policy.yml": everybody + "ngcp: {config: config.yml}\n"})
	s.apply()
	s.check(
		row{world, "5060/udp 443/tcp 30000/udp 40000/udp 5222/tcp 5269/tcp", "", accepted},
		row{world, "5060/tcp 5061/tcp 1080/tcp 29999/udp 40001/udp 5080/udp 22/tcp 1443/tcp 2443/tcp", "", dropped},
		row{admin, "22/tcp 1443/tcp 2443/tcp", "", accepted},
	)
}

const onNetwork = everybody + "ngcp: {network: network.yml, host: "

// A pair's node: web and ssh on three links, SIP and RTP on one, and the peer
// on those of internal types.
func TestRealPair(t *testing.T) {
	s := newSite(t, map[string]string{"network.yml": fixture(t, "pro/network.yml"), "policy.yml": onNetwork + "sp1}\n"},
		lab.Link{Name: "eth0", Addrs: []string{"10.0.2.15/24"}},
		lab.Link{Name: "eth1", Addrs: []string{"192.168.255.251/29", "192.168.255.250/29"}},
		lab.Link{Name: "eth2", Addrs: []string{"192.168.1.43/24", "2001:db8:1::10/64"}},
		lab.Link{Name: "eth3", Addrs: []string{"198.51.100.10/24"}})
	s.apply()
	const sip = "5060/udp 5060/tcp 5061/tcp 5222/tcp 5269/tcp 30000/udp 40000/udp"
	const web = "443/tcp 1080/tcp"
	const manage = "1443/tcp 2443/tcp"
	s.check(
		row{world, sip + " " + web, "eth2", accepted},
		row{world, "22/tcp " + manage, "eth2", dropped},
		row{world4, web, "eth0", accepted},
		row{world4, sip + " 22/tcp " + manage, "eth0", dropped},
		row{"198.18.0.1", "22/tcp " + manage, "eth0", accepted},
		row{admin, "22/tcp " + manage, "eth2", accepted},
		row{"198.18.0.1", "22/tcp", "eth1", accepted},
		row{"198.18.0.1", manage + " " + web, "eth1", dropped},
		row{world4, sip + " " + web + " 22/tcp", "eth1", dropped},
		row{world4 + " 198.18.0.1", sip + " " + web + " 22/tcp " + manage, "eth3", dropped},
		// the peer
		row{"192.168.255.252", "694/udp 3306/tcp 6379/tcp 24007/tcp 123/udp 7/sctp vrrp gre 30000/tcp", "eth1", accepted},
		row{"192.168.255.252", "192.168.255.250:3306/tcp", "eth1", accepted},
		row{"192.168.255.252", "3306/tcp", "eth0", dropped},
		row{"192.168.255.252", "3306/tcp", "eth2", dropped},
		row{"192.168.255.253 192.168.255.249 192.168.22.203", "3306/tcp vrrp", "eth1", dropped},
		row{"192.168.22.203", "3306/tcp", "eth0", accepted}, // web_int of both
		row{"192.168.22.203", "3306/tcp", "eth3", dropped},
	)
}

// A carrier's load balancer: SIP on its outer VLAN only, no media, no web; the
// other hosts on each internal VLAN by their types.
func TestRealCarrier(t *testing.T) {
	network := fixture(t, "carrier/network.yml")
	links := []lab.Link{
		{Name: "vlan300", Addrs: []string{"192.168.25.186/24", "192.168.25.188/24"}},
		{Name: "vlan1719", Addrs: []string{"172.30.52.104/27"}},
		{Name: "vlan1720", Addrs: []string{"172.30.52.136/27"}},
		{Name: "vlan1721", Addrs: []string{"172.30.52.174/27"}},
		{Name: "vlan1722", Addrs: []string{"172.30.52.197/28"}},
	}
	t.Run("lb01a", func(t *testing.T) {
		s := newSite(t, map[string]string{"network.yml": network, "policy.yml": onNetwork + "lb01a}\n"}, links...)
		s.apply()
		s.check(
			row{world4, "5060/udp 5060/tcp 5061/tcp 5222/tcp 5269/tcp", "vlan1719", accepted},
			row{world4, "30000/udp 443/tcp 1080/tcp 22/tcp 1443/tcp", "vlan1719", dropped},
			row{world4, "5060/udp 5060/tcp 30000/udp 443/tcp 22/tcp", "vlan300", dropped},
			row{world4, "5060/udp 30000/udp 22/tcp 3306/tcp", "vlan1720", dropped},
			row{"198.18.0.1", "22/tcp", "vlan300", accepted},
			row{"198.18.0.1", "22/tcp", "vlan1721", accepted},
			row{"198.18.0.1", "22/tcp 1443/tcp 2443/tcp", "vlan1719", dropped},
			row{"198.18.0.1", "1443/tcp 2443/tcp", "vlan300", dropped},
			row{"172.30.52.105 172.30.52.137", "3306/tcp", "vlan1719", dropped},
			// sip_int: the other balancer, the proxies, the web hosts
			row{"172.30.52.137 172.30.52.133 172.30.52.134 172.30.52.142 172.30.52.141", "5062/tcp 5060/udp 3306/tcp vrrp", "vlan1720", accepted},
			row{"172.30.52.175 172.30.52.180", "5062/tcp", "vlan1721", accepted},
			row{"172.30.52.175 172.30.52.180", "5062/tcp", "vlan1720", dropped},
			row{"172.30.52.137", "5062/tcp", "vlan1721", dropped},
		)
	})
	t.Run("prx01a", func(t *testing.T) {
		s := newSite(t, map[string]string{"network.yml": network, "policy.yml": onNetwork + "prx01a}\n"}, links...)
		s.apply()
		s.check(
			row{world4, "30000/udp 40000/udp", "vlan1722", accepted},
			row{world4, "5060/udp 5222/tcp 443/tcp", "vlan1722", dropped},
			row{world4, "30000/udp", "vlan300", dropped},
			row{world4, "30000/udp", "vlan1720", dropped},
		)
	})
	t.Run("web01a", func(t *testing.T) {
		s := newSite(t, map[string]string{"network.yml": network, "policy.yml": onNetwork + "web01a}\n"},
			append(links, lab.Link{Name: "vlan1718", Addrs: []string{"172.30.52.69/27"}}, lab.Link{Name: "eth0", Addrs: []string{"10.9.0.1/24"}})...)
		s.apply()
		s.check(
			row{world4, "443/tcp 1080/tcp", "vlan1718", accepted},
			row{world4, "443/tcp", "eth0", accepted},
			row{world4, "5060/udp 30000/udp 1443/tcp", "vlan1718", dropped},
			row{"198.18.0.1", "1443/tcp 2443/tcp", "vlan1721", accepted},
			row{"198.18.0.1", "1443/tcp 2443/tcp", "vlan1718", dropped},
		)
	})
}

// One host that is everything; addresses of its own come by DHCP.
func TestRealSingle(t *testing.T) {
	s := newSite(t, map[string]string{"network.yml": fixture(t, "ce/network.yml"), "policy.yml": onNetwork + "self}\n"},
		lab.Link{Name: "neth0", Addrs: []string{"192.168.209.201/24", "2001:db8:1::10/64"}},
		lab.Link{Name: "eth0", Addrs: []string{"192.0.2.10/24"}})
	s.apply()
	s.check(
		row{world, subscriberPorts, "neth0", accepted},
		row{world, administratorPorts, "neth0", dropped},
		row{admin, administratorPorts, "neth0", accepted},
		row{world4 + " 198.18.0.1", subscriberPorts + " " + administratorPorts, "eth0", dropped},
		row{"192.168.209.1:67", "68/udp 255.255.255.255:68/udp", "neth0", accepted},
	)
}

// Types of links that are families, unknown types, links not listed, aliases.
func TestTypesOfLinks(t *testing.T) {
	s := newSite(t, map[string]string{"policy.yml": onNetwork + "a}\n", "network.yml": `
hosts:
  a:
    role: [lb, rtp]
    interfaces: [lo, eth0, eth1, 'eth2:1', eth3]
    eth0: {ip: 192.0.2.10, type: [sip_ext_incoming, rtp_peer_x]}
    eth1: {ip: 192.0.2.20, type: [something_new]}
    'eth2:1': {ip: 192.0.2.30, type: [sip_ext]}
    eth3: {ip: 192.0.2.40, type: ~}
    eth4: {ip: 192.0.2.50, type: [sip_ext, rtp_ext]}
`},
		lab.Link{Name: "eth0", Addrs: []string{"192.0.2.10/28"}}, lab.Link{Name: "eth1", Addrs: []string{"192.0.2.20/28"}},
		lab.Link{Name: "eth2", Addrs: []string{"192.0.2.30/28"}}, lab.Link{Name: "eth3", Addrs: []string{"192.0.2.40/28"}},
		lab.Link{Name: "eth4", Addrs: []string{"192.0.2.50/28"}})
	s.apply()
	s.check(
		row{world4, "5060/udp 5061/tcp 30000/udp", "eth0", accepted},
		row{world4, "5060/udp 30000/udp 443/tcp", "eth1", dropped},
		row{world4, "5060/udp 5060/tcp", "eth2", accepted},
		row{world4, "30000/udp", "eth2", dropped},
		row{world4, "5060/udp 30000/udp", "eth3", dropped},
		row{world4, "5060/udp 30000/udp", "eth4", dropped},
	)
}
