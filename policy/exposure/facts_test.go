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

func TestWhatIsKeptComesBack(t *testing.T) {
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
	exposures = append(exposures, exposures[0])
	text, lists, err := Keep(exposures)
	require.NoError(t, err)
	require.Len(t, lists, 4, "the same sources are one list")
	back, err := Kept(text, lists)
	require.NoError(t, err)
	require.Equal(t, exposures, back)
}

func TestKeptRefusesNonsense(t *testing.T) {
	good := kept{Fact: Fact{Service: "sip", Ports: []string{"5060/udp"}}}
	for name, spoil := range map[string]func(*kept){
		"port":     func(f *kept) { f.Ports = []string{"sip/udp"} },
		"protocol": func(f *kept) { f.Ports = []string{"5060/ip"} },
		"range":    func(f *kept) { f.Ports = []string{"5060-x/udp"} },
		"rest":     func(f *kept) { f.Ports = []string{"5060x/udp"} },
		"reversed": func(f *kept) { f.Ports = []string{"2-1/udp"} },
		"port 0":   func(f *kept) { f.Ports = []string{"0/udp"} },
		"65536":    func(f *kept) { f.Ports = []string{"65536/udp"} },
		"source":   func(f *kept) { f.Sources = 1 },
		"address":  func(f *kept) { f.Addresses = []string{"here"} },
	} {
		t.Run(name, func(t *testing.T) {
			f := good
			spoil(&f)
			text, err := json.Marshal([]kept{f})
			require.NoError(t, err)
			_, err = Kept(text, map[string][]byte{"sources 1 IPv4": {1}})
			require.ErrorContains(t, err, "exposure 1 (sip)")
		})
	}
}
