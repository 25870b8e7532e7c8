package policy

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseFlow(t *testing.T) {
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		from, to, in string
		want         Flow
	}{
		{"192.0.2.1", "5060/udp", "", Flow{From: four, ToPort: 5060, Protocol: UDP}},
		{"192.0.2.1:1024", "5060/tcp", "eth0", Flow{From: four, FromPort: 1024, ToPort: 5060, Protocol: TCP, In: "eth0"}},
		{"2001:db8::1", "5060/sctp", "", Flow{From: six, ToPort: 5060, Protocol: SCTP}},
		{"[2001:db8::1]", "1/udp", "", Flow{From: six, ToPort: 1, Protocol: UDP}},
		{"[2001:db8::1]:65535", "65535/udp", "", Flow{From: six, FromPort: 65535, ToPort: 65535, Protocol: UDP}},
		{"192.0.2.1", "192.0.2.1:22/tcp", "", Flow{From: four, To: four, ToPort: 22, Protocol: TCP}},
		{"2001:db8::1", "[2001:db8::1]:22/tcp", "", Flow{From: six, To: six, ToPort: 22, Protocol: TCP}},
	} {
		got, err := ParseFlow(c.from, c.to, c.in)
		require.NoError(t, err, "%s %s", c.from, c.to)
		require.Equal(t, c.want, got)
	}
}

func TestParseFlowRefuses(t *testing.T) {
	for _, c := range []struct{ from, to, in, code string }{
		{"", "5060/udp", "", "bad-address"},
		{"any", "5060/udp", "", "bad-address"},
		{"192.0.2.1", "", "", "no-protocol"},
		{"192.0.2.1", "5060", "", "no-protocol"},
		{"192.0.2.1", "0/udp", "", "bad-port"},
		{"192.0.2.1", "5060-5070/udp", "", "bad-flow"},
		{"192.0.2.1", "[2001:db8::1]:22/tcp", "", "mixed-families"},
		{"192.0.2.1", "sip.example.com:22/tcp", "", "host-name"},
		{"192.0.2.1", ":22/tcp", "", "bad-address"},
		{"192.0.2.1", "[]:22/tcp", "", "bad-address"},
		{"192.0.2.1", "5060/udp", "eth0 ", "bad-interface"},
	} {
		_, err := ParseFlow(c.from, c.to, c.in)
		require.Error(t, err, "%v", c)
		require.Equal(t, c.code, err.(*Problem).Code, "%v: %v", c, err)
	}
}
