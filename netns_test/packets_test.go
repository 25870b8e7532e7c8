package netns_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// protocols by the names that tables of packets use.
var protocols = map[string]lab.Protocol{
	"udp": lab.UDP, "tcp": lab.TCP, "sctp": lab.SCTP, "icmp": lab.ICMP,
	"igmp": 2, "gre": 47, "esp": 50, "vrrp": 112,
}

// row is a line of a table of packets: one of each source to each destination.
type row struct {
	from string // any number of ADDR, ADDR:PORT, [V6]:PORT
	to   string // any number of PROTO, PORT/PROTO, ADDR:PORT/PROTO, [V6]:PORT/PROTO
	in   string // link; empty: the first
	want lab.Outcome
}

const (
	accepted = lab.Accepted
	dropped  = lab.Dropped
)

// flows is the packets that the row speaks of.
func (r row) flows(t *testing.T) (flows []lab.Flow) {
	t.Helper()
	for _, from := range strings.Fields(r.from) {
		for _, to := range strings.Fields(r.to) {
			flows = append(flows, flow(t, from, to, r.in))
		}
	}
	require.NotEmpty(t, flows)
	return flows
}

func flow(t *testing.T, from, to, in string) lab.Flow {
	t.Helper()
	f := lab.Flow{Link: in}
	f.From, f.FromPort = addrPort(t, from)
	where, name, slash := strings.Cut(to, "/")
	if !slash {
		where, name = "0", to
	}
	if port, err := strconv.ParseUint(where, 10, 16); err == nil {
		f.ToPort = uint16(port)
	} else {
		f.To, f.ToPort = addrPort(t, where)
	}
	var known bool
	f.Proto, known = protocols[name]
	require.True(t, known, "no protocol %q", name)
	return f
}

func addrPort(t *testing.T, text string) (netip.Addr, uint16) {
	t.Helper()
	if a, err := netip.ParseAddr(text); err == nil {
		return a, 0
	}
	p, err := netip.ParseAddrPort(text)
	require.NoError(t, err)
	return p.Addr(), p.Port()
}

// checkPackets sends the rows' packets and compares what became of them.
func checkPackets(t *testing.T, h *lab.Host, rows []row) {
	t.Helper()
	var flows []lab.Flow
	var want []lab.Outcome
	for _, r := range rows {
		for _, f := range r.flows(t) {
			flows, want = append(flows, f), append(want, r.want)
		}
	}
	outcomes, err := h.ProbeAll(flows)
	require.NoError(t, err)
	for i, f := range flows {
		assert.Equalf(t, want[i].String(), outcomes[i].String(), "%s", f)
	}
}

// checkFlows is checkPackets for packets that all want the same.
func checkFlows(t *testing.T, h *lab.Host, want lab.Outcome, flows ...lab.Flow) {
	t.Helper()
	outcomes, err := h.ProbeAll(flows)
	require.NoError(t, err)
	for i, f := range flows {
		assert.Equalf(t, want.String(), outcomes[i].String(), "%s", f)
	}
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func addrPortOf(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }
