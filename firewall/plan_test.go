package firewall

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/host"
	"ngcp-fw/policy/exposure"
)

// Exposures count from what was applied: who changed that has changed them.
func TestPlanTellsWhatSomebodyElseChanged(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	plan, err := f.Plan(model(t, everyone))
	require.NoError(t, err)
	assert.False(t, plan.Drifted)
	nft(t, "insert rule inet ngcp-fw input ip saddr 203.0.113.77 accept")
	plan, err = f.Plan(model(t, office))
	require.NoError(t, err)
	assert.True(t, plan.Drifted)
	assert.False(t, apply(t, f, office).Drifted)
	plan, err = f.Plan(model(t, everyone))
	require.NoError(t, err)
	assert.False(t, plan.Drifted)
}

// The exposures of a plan are as packets meet them, observe on either side
// included.
func TestPlanKnowsWhatObserveLetsIn(t *testing.T) {
	f := inNamespace(t)
	watching := "observe: true\n"
	apply(t, f, office)
	plan, err := f.Plan(model(t, office+watching))
	require.NoError(t, err)
	assertObserve(t, plan.Exposure.Gained)
	assert.Empty(t, plan.Exposure.Lost)

	apply(t, f, office+watching)
	plan, err = f.Plan(model(t, everyone+watching))
	require.NoError(t, err)
	assert.True(t, plan.Changed())
	assert.True(t, plan.Later, "nobody was shut out before")
	assert.NotEmpty(t, plan.Exposure.Gained)
	assert.Empty(t, plan.Exposure.Lost)
	plan, err = f.Plan(model(t, office))
	require.NoError(t, err)
	assert.Empty(t, plan.Exposure.Gained)
	assertObserve(t, plan.Exposure.Lost)
	assert.False(t, plan.Later)
}

func assertObserve(t *testing.T, deltas []exposure.Delta) {
	t.Helper()
	require.NotEmpty(t, deltas)
	for _, d := range deltas {
		assert.Equal(t, exposure.Observe, d.Service)
	}
}

// track opens a flow to 192.0.2.1, which the test's namespace then has.
func track(t *testing.T, from string, port uint16) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetUp(lo))
	address, err := netlink.ParseAddr("192.0.2.1/32")
	require.NoError(t, err)
	require.NoError(t, netlink.AddrReplace(lo, address))
	peer, here := net.ParseIP(from).To4(), address.IP.To4()
	require.NoError(t, netlink.ConntrackCreate(netlink.ConntrackTable, unix.AF_INET, &netlink.ConntrackFlow{
		FamilyType: unix.AF_INET, TimeOut: 60,
		Forward: netlink.IPTuple{SrcIP: peer, DstIP: here, Protocol: unix.IPPROTO_UDP, SrcPort: 1000, DstPort: port},
		Reverse: netlink.IPTuple{SrcIP: here, DstIP: peer, Protocol: unix.IPPROTO_UDP, SrcPort: port, DstPort: 1000},
	}))
}

// A plan counts the flows that applying then cuts.
func TestPlanCountsTheFlowsToCut(t *testing.T) {
	f := inNamespace(t)
	denying := office + "deny: [203.0.113.0/24]\n"
	track(t, "203.0.113.9", 5060)
	track(t, "203.0.113.10", 5060)
	track(t, "198.51.100.9", 5060)
	for _, c := range []struct {
		text string
		want int
	}{{denying, 0}, {office, 0}, {office, 0}, {denying + "observe: true\n", 0}, {denying, 2}} {
		plan, err := f.Plan(model(t, c.text))
		require.NoError(t, err)
		require.NoError(t, plan.Flows.Err)
		assert.Equal(t, c.want, plan.Flows.Cut)
		if c.text == denying && c.want == 0 {
			continue // not in force yet: the first enforcement keeps what is open
		}
		assert.Equal(t, c.want, apply(t, f, c.text).Cut)
	}
}

func TestFlowsAreKeptWhereThatIsAskedFor(t *testing.T) {
	f := inNamespace(t)
	track(t, "203.0.113.9", 5060)
	apply(t, f, office)
	m := model(t, office+"deny: [203.0.113.0/24]\n")
	plan, err := f.Apply(m, operator, Options{KeepFlows: true})
	require.NoError(t, err)
	assert.Zero(t, plan.Cut)
	left, err := host.CountFlows(refuses(m))
	require.NoError(t, err)
	assert.Equal(t, 1, left)
}
