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

// row is a line of a table of packets.
type row struct {
	from string // ADDR, ADDR:PORT or [V6]:PORT
	to   string // PROTO, PORT/PROTO, ADDR:PORT/PROTO or [V6]:PORT/PROTO
	in   string // link; empty: the first
	want lab.Outcome
}

const (
	accepted = lab.Accepted
	dropped  = lab.Dropped
)

// flow is the packet that the row speaks of.
func (r row) flow(t *testing.T) lab.Flow {
	t.Helper()
	f := lab.Flow{Link: r.in}
	f.From, f.FromPort = addrPort(t, r.from)
	where, name, slash := strings.Cut(r.to, "/")
	if !slash {
		where, name = "0", r.to
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
	flows := make([]lab.Flow, len(rows))
	for i, r := range rows {
		flows[i] = r.flow(t)
	}
	outcomes, err := h.ProbeAll(flows)
	require.NoError(t, err)
	for i, r := range rows {
		assert.Equalf(t, r.want.String(), outcomes[i].String(), "packet from %s to %s on link %q", r.from, r.to, r.in)
	}
}

// checkFlows is checkPackets for packets that all want the same.
func checkFlows(t *testing.T, h *lab.Host, want lab.Outcome, flows ...lab.Flow) {
	t.Helper()
	outcomes, err := h.ProbeAll(flows)
	require.NoError(t, err)
	for i, f := range flows {
		assert.Equalf(t, want.String(), outcomes[i].String(), "%s, type %d, %d bytes", f, f.Type, len(f.Payload))
	}
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }
