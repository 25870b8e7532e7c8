package verify_test

import (
	"net/netip"
	"strings"
	"time"

	"pgregory.net/rapid"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// Few values of each kind, so that they meet.
var (
	somePorts = []uint16{0, 1, 22, 53, 67, 68, 123, 443, 546, 547, 5000, 5059, 5060, 5061, 6000, 30000, 40000, 65534, 65535}
	someLists = []string{"", "any", "0.0.0.0/0", "::/0", "192.0.2.0/24", "203.0.113.7", "198.51.100.0/25 2001:db8:20::/48",
		"2001:db8::/32 10.0.0.0/8", "0.0.0.0/1", "255.255.255.255 0.0.0.0 :: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "127.0.0.0/9 ::/127",
		"10.0.0.0/16 10.2.0.0/16 10.4.0.0/16 10.6.0.0/16 10.8.0.0/16 10.10.0.0/16 10.12.0.0/16 10.14.0.0/16 10.16.0.0/16", "fe80::/64"}
	someNames = []string{"rtp", "rtp", "rtp", "sip", "ssh", "turn", "web", "a"}
)

// sources reads a list such as "any 192.0.2.0/24 2001:db8::1".
func sources(list string) addr.Set {
	var b addr.Builder
	for _, word := range strings.Fields(list) {
		if word == "any" {
			b.AddSet(addr.Any())
		} else if p, err := netip.ParsePrefix(word); err == nil {
			b.AddPrefix(p)
		} else {
			a := netip.MustParseAddr(word)
			b.AddRange(a, a)
		}
	}
	return b.Set()
}

func drawModel(t *rapid.T) *exposure.Model {
	m := &exposure.Model{Deny: sources(rapid.SampledFrom([]string{"", "203.0.113.7", "10.0.0.0/8 2001:db8:20::/64", "::/0"}).Draw(t, "deny"))}
	m.CrowdSec = rapid.Bool().Draw(t, "crowdsec")
	m.NeverBan = sources(rapid.SampledFrom([]string{"", "203.0.113.7 2001:db8:20::1", "any"}).Draw(t, "never-ban"))
	m.Observe = rapid.IntRange(0, 15).Draw(t, "observe") == 0
	if rapid.Bool().Draw(t, "forward") {
		m.Forward = policy.ForwardDrop
	}
	if rapid.Bool().Draw(t, "log") {
		m.Log = &policy.Log{Rate: policy.Rate{Count: 10, Unit: time.Second}}
	}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(someNames), 0, 5, rapid.ID).Draw(t, "services")
	for _, name := range names {
		m.Exposures = append(m.Exposures, drawExposures(t, name, m.Deny)...)
		if rapid.Bool().Draw(t, "limited") {
			m.Services = append(m.Services, exposure.Service{Name: name, Limit: &exposure.Limit{
				Rate: policy.Rate{Count: 50, Unit: time.Second}, Burst: 100, BanFor: time.Minute * time.Duration(rapid.IntRange(0, 2).Draw(t, "ban-for")), Exempt: sources(rapid.SampledFrom(someLists).Draw(t, "exempt"))}})
		}
	}
	return m
}

// drawExposures is a service as exposure.Resolve has it: its roles share ports
// and links. Sometimes it has others for some of its roles.
func drawExposures(t *rapid.T, service string, deny addr.Set) (all []exposure.Exposure) {
	e := exposure.Exposure{Service: service, Ports: drawPorts(t), Interfaces: drawLinks(t), Addresses: drawAddresses(t)}
	for _, role := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"r1", "r2", "administrators"}), 1, 3, rapid.ID).Draw(t, "roles") {
		switch rapid.IntRange(0, 9).Draw(t, "other") {
		case 0:
			e.Ports = drawPorts(t)
		case 1:
			e.Interfaces = drawLinks(t)
		case 2:
			e.Addresses = drawAddresses(t)
		}
		e.Role = role
		e.Sources = sources(rapid.SampledFrom(someLists).Draw(t, "sources")).Subtract(deny)
		all = append(all, e)
	}
	return all
}

func drawPorts(t *rapid.T) (ports []policy.Ports) {
	if rapid.IntRange(0, 9).Draw(t, "cluster") == 0 {
		return nil
	}
	for range rapid.IntRange(1, 3).Draw(t, "ranges") {
		p := policy.Ports{Protocol: rapid.SampledFrom([]policy.Protocol{policy.UDP, policy.UDP, policy.TCP, policy.SCTP}).Draw(t, "protocol")}
		p.From = rapid.SampledFrom(somePorts).Draw(t, "from")
		p.To = max(p.From, rapid.SampledFrom(somePorts).Draw(t, "to"))
		if rapid.Bool().Draw(t, "single") {
			p.To = p.From
		}
		ports = append(ports, p)
	}
	return ports
}

func drawLinks(t *rapid.T) []string {
	return rapid.SampledFrom([][]string{nil, nil, {"eth0"}, {"eth0", "eth2"}, {"eth1"}, {}}).Draw(t, "links")
}

func drawAddresses(t *rapid.T) (list []netip.Addr) {
	for _, a := range rapid.SampledFrom([][]string{nil, nil, nil, {"192.0.2.1"}, {"192.0.2.1", "192.0.2.2", "2001:db8::1"}, {"2001:db8::1"}}).Draw(t, "addresses") {
		list = append(list, netip.MustParseAddr(a))
	}
	return list
}
