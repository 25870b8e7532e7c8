package firewall

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// loggedIn opens a port of the host and a connection from 203.0.113.9, over the
// loopback link, which has both addresses.
func loggedIn(t *testing.T, port int) {
	t.Helper()
	for _, address := range []string{"203.0.113.9/32", "198.51.100.1/32"} {
		addressed(t, "lo", address)
	}
	server, client := tcpSocket(t), tcpSocket(t)
	local := &unix.SockaddrInet4{Addr: [4]byte{198, 51, 100, 1}, Port: port}
	require.NoError(t, unix.Bind(server, local))
	require.NoError(t, unix.Listen(server, 1))
	require.NoError(t, unix.Bind(client, &unix.SockaddrInet4{Addr: [4]byte{203, 0, 113, 9}}))
	require.NoError(t, unix.Connect(client, local))
}

func tcpSocket(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func TestLockout(t *testing.T) {
	tests := []struct {
		name   string
		port   int
		policy string
		refuse string // what the refusal says; "": none
	}{
		{"an administrator", 22, "roles: {administrators: {allow: [203.0.113.0/24]}}", ""},
		{"somebody else", 22, "roles: {administrators: {allow: [192.0.2.0/24]}}",
			"203.0.113.9 is logged in by ssh, and the new policy lets in 192.0.2.0/24 only (policy.yml:2)"},
		{"nobody is one", 22, "", "lets in nobody (built in)\nhint: add 203.0.113.9 to administrators, or insist"},
		{"ssh is off", 22, "roles: {administrators: {allow: [any]}}\nservices: {ssh: {enabled: false}}",
			"the new policy has ssh closed (enabled is false, policy.yml:3)\nhint: leave ssh open, or insist"},
		{"denied", 22, "roles: {administrators: {allow: [any]}}\ndeny: [203.0.113.9]", "denies that source (policy.yml:3)\nhint: take 203.0.113.9 out of deny, or insist"},
		{"at a port that is new, where nobody listens", 22, "roles: {administrators: {allow: [any]}}\nservices: {ssh: {ports: [2222/tcp]}}",
			"lets in any only at port 2222/tcp, where nobody listens yet (policy.yml:3)\nhint: have sshd listen at the new port first"},
		{"who only observes", 22, "observe: true", ""},
		{"at the policy's port", 2222, "services: {ssh: {ports: [2222/tcp]}}", "you would be locked out"},
		{"at a port that is not ssh's", 2222, "", ""},
		{"at another address", 22, "roles: {administrators: {allow: [any]}}\nservices: {ssh: {addresses: [198.51.100.2]}}",
			"lets in any at 198.51.100.2 only, not at 198.51.100.1 (policy.yml:3)\nhint: keep ssh open at 198.51.100.1, or insist"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := inNamespace(t)
			loggedIn(t, test.port)
			m := model(t, "version: 1\n"+test.policy)
			_, err := f.Apply(m, operator, Options{})
			if test.refuse == "" {
				require.NoError(t, err)
				return
			}
			lockout := (*LockoutError)(nil)
			require.True(t, errors.As(err, &lockout), "%v", err)
			assert.ErrorContains(t, err, test.refuse)
			assert.Empty(t, nft(t, "list", "ruleset"))
			_, err = f.Apply(m, operator, Options{Lockout: true})
			require.NoError(t, err)
		})
	}
}

// Who listens at the new port where the peer cannot come is no help.
func TestLockoutKnowsWhoListensWhere(t *testing.T) {
	for listener, refused := range map[[4]byte]bool{{127, 0, 0, 1}: true, {198, 51, 100, 2}: true, {198, 51, 100, 1}: false, {}: false} {
		f := inNamespace(t)
		loggedIn(t, 22)
		addressed(t, "lo", "198.51.100.2/32")
		fd := tcpSocket(t)
		require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: listener, Port: 2222}))
		require.NoError(t, unix.Listen(fd, 1))
		_, err := f.Apply(model(t, "version: 1\nroles: {administrators: {allow: [any]}}\nservices: {ssh: {ports: [2222/tcp]}}"), operator, Options{})
		assert.Equal(t, refused, err != nil, "%v: %v", listener, err)
	}
}

func TestLockoutKnowsThePortInForce(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, "version: 1\nroles: {administrators: {allow: [any]}}\nservices: {ssh: {ports: [2222/tcp]}}")
	loggedIn(t, 2222)
	_, err := f.Apply(model(t, office), operator, Options{})
	assert.ErrorAs(t, err, new(*LockoutError))
}

func TestLockoutKnowsTheLink(t *testing.T) {
	f := inNamespace(t)
	loggedInByLink(t, "eth9", 22)
	on := func(link string) string {
		return "version: 1\nroles: {administrators: {allow: [any]}}\nservices: {ssh: {interfaces: [" + link + "]}}"
	}
	_, err := f.Apply(model(t, on("eth0")), operator, Options{})
	assert.ErrorContains(t, err, "203.0.113.9 is logged in by ssh, and the new policy lets in any on eth0 only, not on eth9 (policy.yml:3)\nhint: keep ssh open on eth9, or insist")
	apply(t, f, on("eth9"))
}

// loggedInByLink has 203.0.113.9 connected from another namespace by a link of
// the name.
func loggedInByLink(t *testing.T, name string, port int) {
	t.Helper()
	here, err := netns.Get()
	require.NoError(t, err)
	t.Cleanup(func() { _ = here.Close() })
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "far"}
	require.NoError(t, netlink.LinkAdd(veth))
	addressed(t, name, "203.0.113.1/24")
	server := tcpSocket(t)
	local := &unix.SockaddrInet4{Addr: [4]byte{203, 0, 113, 1}, Port: port}
	require.NoError(t, unix.Bind(server, local))
	require.NoError(t, unix.Listen(server, 1))

	far, err := netlink.LinkByName("far")
	require.NoError(t, err)
	there, err := netns.New() // and moves there
	require.NoError(t, err)
	t.Cleanup(func() { _ = there.Close() })
	require.NoError(t, netns.Set(here))
	require.NoError(t, netlink.LinkSetNsFd(far, int(there)))
	require.NoError(t, netns.Set(there))
	addressed(t, "far", "203.0.113.9/24")
	require.NoError(t, unix.Connect(tcpSocket(t), local))
	require.NoError(t, netns.Set(here))
}

func addressed(t *testing.T, link, address string) {
	t.Helper()
	l, err := netlink.LinkByName(link)
	require.NoError(t, err)
	addr, err := netlink.ParseAddr(address)
	require.NoError(t, err)
	require.NoError(t, netlink.AddrAdd(l, addr))
	require.NoError(t, netlink.LinkSetUp(l))
}
