package compile

import (
	"net/netip"
	"strings"
	"time"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/exposure"
)

// The models of the golden files. Addresses are those set aside for
// documentation (RFC 5737, RFC 3849).
var models = map[string]func() *exposure.Model{
	"nothing":    func() *exposure.Model { return &exposure.Model{} },
	"provider":   provider,
	"allowlists": allowlists,
	"pair":       pair,
	"observe":    observe,
	"limits":     strict,
}

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

func at(line int) diag.Pos { return diag.Pos{File: "policy.yml", Line: line, Column: 5} }

func tcp(from, to uint16) policy.Ports {
	return policy.Ports{Protocol: policy.TCP, From: from, To: to}
}
func udpPorts(from, to uint16) policy.Ports {
	return policy.Ports{Protocol: policy.UDP, From: from, To: to}
}

var (
	sipPorts = []policy.Ports{tcp(5060, 5060), udpPorts(5060, 5060)}
	rtpPorts = []policy.Ports{udpPorts(30000, 40000)}
	sshPorts = []policy.Ports{tcp(22, 22)}
)

const (
	admins = "192.0.2.0/24 2001:db8:10::/48"
	peers  = "198.51.100.0/25 203.0.113.7 2001:db8:20::/48"
)

func group(n uint16) *uint16 { return &n }

// provider is a single host that serves the world.
func provider() *exposure.Model {
	return &exposure.Model{
		Services: []exposure.Service{{Name: "sip", Limit: &exposure.Limit{
			Rate: policy.Rate{Count: 50, Unit: time.Second}, Burst: 100, Exempt: sources(peers), Pos: at(12)}}},
		Exposures: []exposure.Exposure{
			{Service: "www-csc", Role: "subscribers", Ports: []policy.Ports{tcp(443, 443)}, Sources: sources("any")},
			{Service: "sip", Role: "subscribers", Ports: sipPorts, Sources: sources("any"), Origin: at(12)},
			{Service: "sip", Role: "peers", Ports: sipPorts, Sources: sources(peers), Origin: at(12)},
			{Service: "rtp", Role: "subscribers", Ports: rtpPorts, Sources: sources("any"), Origin: at(13)},
			{Service: "ssh", Role: "administrators", Ports: sshPorts, Sources: sources(admins)},
		},
		NeverBan: sources(peers),
		Log:      &policy.Log{Rate: policy.Rate{Count: 10, Unit: time.Second}, Group: group(5), Pos: at(20)},
	}
}

// strict is provider with limits on all that people attack, two of which ban.
func strict() *exposure.Model {
	m := provider()
	m.Services[0].Limit.BanFor = 10 * time.Minute
	m.Services = append(m.Services, exposure.Service{Name: "ssh", Limit: &exposure.Limit{
		Rate: policy.Rate{Count: 10, Unit: time.Minute}, Burst: 20, Exempt: sources("192.0.2.9"), BanFor: time.Hour, Pos: at(14)}})
	m.Services = append(m.Services, exposure.Service{Name: "www-csc", Limit: &exposure.Limit{
		Rate: policy.Rate{Count: 50, Unit: time.Second}, Burst: 500, Pos: at(15)}})
	m.Exposures[3].Sources = sources("198.51.100.0/24 2001:db8:30::/48")
	return m
}

// allowlists is a host for carriers only, with media around the SIP port.
func allowlists() *exposure.Model {
	carriers := sources("203.0.113.0/24")
	rtp := []policy.Ports{udpPorts(5000, 6000)}
	return &exposure.Model{
		Exposures: []exposure.Exposure{
			{Service: "sip", Role: "carriers", Ports: sipPorts, Sources: carriers, Origin: at(8)},
			{Service: "sip", Role: "peers", Ports: sipPorts, Sources: sources(peers), Origin: at(8)},
			{Service: "rtp", Role: "carriers", Ports: rtp, Sources: carriers, Origin: at(9)},
			{Service: "rtp", Role: "peers", Ports: rtp, Sources: sources(peers), Origin: at(9)},
			{Service: "diameter", Role: "carriers", Ports: []policy.Ports{tcp(3868, 3868), {Protocol: policy.SCTP, From: 3868, To: 3868}},
				Sources: carriers, Origin: at(10)},
			{Service: "ssh", Role: "administrators", Ports: sshPorts},
		},
		Deny:    sources("203.0.113.66 2001:db8:bad::/48"),
		Forward: policy.ForwardDrop,
		Log:     &policy.Log{Rate: policy.Rate{Count: 6, Unit: time.Minute}, Pos: at(20)},
	}
}

// pair is one of two hosts with links for everything.
func pair() *exposure.Model {
	outside, turn := []string{"eth2", "vlan300"}, []netip.Addr{netip.MustParseAddr("192.0.2.10")}
	return &exposure.Model{
		Host: "sp1",
		Exposures: []exposure.Exposure{
			{Service: "sip", Role: "subscribers", Ports: sipPorts, Sources: sources("any"), Interfaces: outside, Origin: at(3)},
			{Service: "rtp", Role: "subscribers", Ports: rtpPorts, Sources: sources("any"), Interfaces: []string{"eth2"}},
			{Service: "www-admin", Role: "administrators", Ports: []policy.Ports{tcp(1443, 1443)}, Sources: sources(admins), Interfaces: []string{"eth0"}},
			{Service: "turn", Role: "subscribers", Ports: []policy.Ports{udpPorts(443, 443)}, Sources: sources("any"), Addresses: turn, Origin: at(4)},
			{Service: "cluster", Role: "cluster", Sources: sources("10.0.0.2 10.0.0.3"), Interfaces: []string{"eth1"}},
			{Service: "cluster", Role: "cluster", Sources: sources("10.1.0.2"), Interfaces: []string{"eth3", "eth4"}},
		},
		Deny: sources("203.0.113.66"),
	}
}

// observe is a host whose policy is tried out.
func observe() *exposure.Model {
	m := pair()
	m.Exposures = m.Exposures[2:3]
	m.Observe, m.Forward = true, policy.ForwardDrop
	m.Log = &policy.Log{Rate: policy.Rate{Count: 10, Unit: time.Second}}
	return m
}
