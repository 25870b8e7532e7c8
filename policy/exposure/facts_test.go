package exposure

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

func TestFactsRoundTrip(t *testing.T) {
	exposures := []Exposure{
		{
			Service: "sip", Role: "peers", Interfaces: []string{"eth1", "eth2"},
			Ports:     []policy.Ports{{Protocol: policy.TCP, From: 5060, To: 5060}, {Protocol: policy.UDP, From: 1, To: 65535}},
			Sources:   addr.Of(netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")),
			Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::2")},
			Origin:    diag.Pos{File: "policy.yml:3:5"},
		},
		{Service: "cluster", Role: "cluster", Sources: addr.Any(), Origin: diag.Pos{File: "built in"}},
	}
	text, err := json.Marshal(Facts(exposures))
	require.NoError(t, err)
	var facts []Fact
	require.NoError(t, json.Unmarshal(text, &facts))
	back, err := FromFacts(facts)
	require.NoError(t, err)
	require.Equal(t, exposures, back)
}

func TestFromFactsRefusesNonsense(t *testing.T) {
	good := Fact{Service: "sip", Ports: []string{"5060/udp"}, Sources: []string{"192.0.2.1"}}
	for name, spoil := range map[string]func(*Fact){
		"port":     func(f *Fact) { f.Ports = []string{"sip/udp"} },
		"protocol": func(f *Fact) { f.Ports = []string{"5060/ip"} },
		"range":    func(f *Fact) { f.Ports = []string{"5060-x/udp"} },
		"rest":     func(f *Fact) { f.Ports = []string{"5060x/udp"} },
		"reversed": func(f *Fact) { f.Ports = []string{"2-1/udp"} },
		"port 0":   func(f *Fact) { f.Ports = []string{"0/udp"} },
		"65536":    func(f *Fact) { f.Ports = []string{"65536/udp"} },
		"source":   func(f *Fact) { f.Sources = []string{"192.0.2.0/33"} },
		"address":  func(f *Fact) { f.Addresses = []string{"here"} },
	} {
		t.Run(name, func(t *testing.T) {
			f := good
			spoil(&f)
			_, err := FromFacts([]Fact{f})
			require.ErrorContains(t, err, "exposure 1 (sip)")
		})
	}
}
