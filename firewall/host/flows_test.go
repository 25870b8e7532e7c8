package host

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addLink adds a link with addresses to the test's namespace.
func addLink(t *testing.T, name string, addresses ...string) {
	t.Helper()
	link := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: name}, Mode: netlink.TUNTAP_MODE_TAP}
	if err := netlink.LinkAdd(link); err != nil {
		t.Skipf("NOT TESTED: no tap links here: %v", err)
	}
	require.NoError(t, netlink.LinkSetUp(link))
	for _, text := range addresses {
		addr, err := netlink.ParseAddr(text)
		require.NoError(t, err)
		require.NoError(t, netlink.AddrAdd(link, addr))
	}
}

func TestSessionsNameTheirLink(t *testing.T) {
	freshNetwork(t, "192.0.2.1/32")
	addLink(t, "eth0", "198.51.100.1/24", "203.0.113.50/32")
	addLink(t, "eth1", "203.0.113.50/32", "203.0.113.60/32")
	listen(t, unix.AF_INET6, 22)
	want := map[string]string{
		"192.0.2.1":    "", // on lo, so it is reached by other links
		"198.51.100.1": "eth0",
		"203.0.113.50": "", // on two
		"203.0.113.60": "eth1",
	}
	for to := range want {
		connect(t, "192.0.2.1", to, 22)
	}
	sessions, err := SSHSessions([]uint16{22})
	require.NoError(t, err)
	got := map[string]string{}
	for _, s := range sessions {
		assert.Equal(t, "192.0.2.1", s.From.String())
		assert.Equal(t, uint16(22), s.Port)
		got[s.To.String()] = s.Link
	}
	assert.Equal(t, want, got)
}

// track adds an entry to connection tracking: from begins, and the answers come
// from to's place.
func track(t *testing.T, from, to, answers string) {
	t.Helper()
	begin, end, back := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to), netip.MustParseAddrPort(answers)
	family := netlink.InetFamily(unix.AF_INET)
	if begin.Addr().Is6() {
		family = unix.AF_INET6
	}
	require.NoError(t, netlink.ConntrackCreate(netlink.ConntrackTable, family, &netlink.ConntrackFlow{
		FamilyType: uint8(family), Forward: connection{unix.IPPROTO_TCP, begin, end}.tuple(), Reverse: connection{unix.IPPROTO_TCP, back, begin}.tuple(), TimeOut: 60,
	}))
}

// tracked is where the flows that are known to connection tracking begin.
func tracked(t *testing.T) (from []string) {
	t.Helper()
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
		require.NoError(t, err)
		for _, f := range flows {
			from = append(from, f.Forward.SrcIP.String())
		}
	}
	return from
}

func TestCutFlows(t *testing.T) {
	freshNetwork(t, "192.0.2.1/24", "2001:db8::1/64")
	track(t, "203.0.113.1:1000", "192.0.2.1:22", "192.0.2.1:22")
	track(t, "203.0.113.2:1000", "192.0.2.1:22", "192.0.2.1:22")
	track(t, "203.0.113.3:1000", "192.0.2.1:80", "192.0.2.1:8080")   // redirected to another port
	track(t, "203.0.113.4:1000", "192.0.2.1:80", "198.51.100.7:80")  // passed on to somebody else
	track(t, "192.0.2.1:1000", "203.0.113.5:443", "203.0.113.5:443") // begun here
	track(t, "[2001:db8:1::6]:1000", "[2001:db8::1]:22", "[2001:db8::1]:22")
	var asked []Flow
	refused := func(f Flow) bool {
		asked = append(asked, f)
		return f.From.Addr() != netip.MustParseAddr("203.0.113.2")
	}
	n, err := CountFlows(refused)
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.Len(t, tracked(t), 6, "to count them cuts none")
	asked = nil
	n, err = CutFlows(refused)
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.ElementsMatch(t, []string{"203.0.113.2", "203.0.113.4", "192.0.2.1"}, tracked(t))
	assert.Len(t, asked, 4, "what goes elsewhere is not asked for")
	assert.Contains(t, asked, Flow{netip.MustParseAddrPort("203.0.113.3:1000"), netip.MustParseAddrPort("192.0.2.1:8080"), syscall.IPPROTO_TCP, ""})
}

func TestSeedConnections(t *testing.T) {
	freshNetwork(t, "192.0.2.1/24", "192.0.2.9/24", "2001:db8::1/64", "2001:db8::9/64")
	listen(t, unix.AF_INET6, 22)
	connect(t, "192.0.2.9", "192.0.2.1", 22)
	connect(t, "2001:db8::9", "2001:db8::1", 22)
	connect(t, "127.0.0.1", "127.0.0.1", 22)
	require.NoError(t, SeedConnections(func(Flow) bool { return false }))
	before := tracked(t)
	assert.ElementsMatch(t, []string{"192.0.2.9", "2001:db8::9"}, before, "the peers began")
	require.NoError(t, SeedConnections(func(Flow) bool { return false }), "what is tracked already stays")
	assert.ElementsMatch(t, before, tracked(t))
}

// One connection that cannot be told of keeps none of the others from it.
func TestSeedingGoesOnAfterAFailure(t *testing.T) {
	freshNetwork(t, "192.0.2.1/24")
	broken := connection{protocol: unix.IPPROTO_TCP, to: netip.MustParseAddrPort("192.0.2.1:22")}
	good := connection{unix.IPPROTO_TCP, netip.MustParseAddrPort("203.0.113.8:1000"), netip.MustParseAddrPort("192.0.2.1:22")}
	require.ErrorContains(t, seedAll([]connection{broken, good}), "to 192.0.2.1:22")
	assert.Equal(t, []string{"203.0.113.8"}, tracked(t))
}
