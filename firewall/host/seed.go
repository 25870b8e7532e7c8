package host

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
)

// silence is how long, in seconds, connection tracking remembers a silent
// TCP connection: the kernel's own default (nf_conntrack_tcp_timeout_established).
const silence = 5 * 24 * 60 * 60

// SeedConnections tells connection tracking of the TCP connections that are
// open now. It has not seen them begin where nothing was tracked before, and
// would take the next packet that comes in for a new flow's; of a connection
// that this host opened and only receives on, that would be the end.
//
// An entry that another table's tracking made from the middle of such a
// connection, with the peer's packet first, has it the wrong way round: it goes.
//
// A connection that the peer began and that is refused is told the other way
// round: the peer's packets are then answers, and it goes on until it ends.
func SeedConnections(refused func(Flow) bool) error {
	if noTCP() { // as at boot; to list none takes the kernel milliseconds
		return nil
	}
	sockets, err := tcpSockets()
	if err != nil || len(sockets) == 0 {
		return err
	}
	links, err := linksByAddress()
	if err != nil {
		return err
	}
	connections := established(sockets, links, refused)
	if len(connections) == 0 {
		return nil
	}
	if !nothingTracked() {
		if err := forgetReversed(connections); err != nil {
			return err
		}
	}
	return seedAll(connections)
}

// noTCP reports whether this network namespace has no TCP socket at all.
func noTCP() bool {
	for _, file := range []struct{ name, line string }{{"sockstat", "TCP: inuse 0 "}, {"sockstat6", "TCP6: inuse 0\n"}} {
		text, err := os.ReadFile("/proc/thread-self/net/" + file.name)
		if errors.Is(err, fs.ErrNotExist) && file.name == "sockstat6" {
			continue // a kernel without IPv6
		}
		if err != nil || !strings.Contains(string(text), file.line) {
			return false
		}
	}
	return true
}

// seedAll makes the entries of all connections that it can, and fails with the
// first one that it could not.
func seedAll(connections []connection) (failed error) {
	for _, c := range connections {
		failed = cmp.Or(failed, c.seed())
	}
	return failed
}

// connection is an established TCP connection, from who began it.
type connection struct{ from, to netip.AddrPort }

// established finds the connections with others among the sockets. The peer
// began those with a port that this host listens on.
func established(sockets []*netlink.Socket, links map[netip.Addr]string, refused func(Flow) bool) (list []connection) {
	listens := map[uint16]bool{}
	for _, s := range sockets {
		listens[s.ID.SourcePort] = listens[s.ID.SourcePort] || s.State == netlink.TCP_LISTEN
	}
	for _, s := range sockets {
		local, ok := netip.AddrFromSlice(s.ID.Source)
		peer, fine := netip.AddrFromSlice(s.ID.Destination)
		local, peer = local.Unmap(), peer.Unmap()
		if s.State != netlink.TCP_ESTABLISHED || !ok || !fine || peer.IsLoopback() {
			continue
		}
		c := connection{netip.AddrPortFrom(local, s.ID.SourcePort), netip.AddrPortFrom(peer, s.ID.DestinationPort)}
		inbound := Flow{c.to, c.from, syscall.IPPROTO_TCP, links[local]}
		if listens[s.ID.SourcePort] && !refused(inbound) {
			c = connection{c.to, c.from}
		}
		list = append(list, c)
	}
	return list
}

// reversed finds the entries that say the other one began.
type reversed map[connection]bool

// MatchConntrackFlow reports whether the entry is to be deleted.
func (r reversed) MatchConntrackFlow(entry *netlink.ConntrackFlow) bool {
	t := entry.Forward
	from, ok := netip.AddrFromSlice(t.SrcIP)
	to, fine := netip.AddrFromSlice(t.DstIP)
	return ok && fine && t.Protocol == syscall.IPPROTO_TCP &&
		r[connection{netip.AddrPortFrom(to.Unmap(), t.DstPort), netip.AddrPortFrom(from.Unmap(), t.SrcPort)}]
}

func forgetReversed(connections []connection) error {
	filter := reversed{}
	for _, c := range connections {
		filter[c] = true
	}
	for _, family := range []netlink.InetFamily{syscall.AF_INET, syscall.AF_INET6} {
		if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, filter); err != nil {
			return fmt.Errorf("cannot look through connection tracking for the connections that are open: %w", err)
		}
	}
	return nil
}

// seed makes the connection's entry, unless there is one.
func (c connection) seed() error {
	family := netlink.InetFamily(syscall.AF_INET)
	if c.from.Addr().Is6() {
		family = syscall.AF_INET6
	}
	err := netlink.ConntrackCreate(netlink.ConntrackTable, family, &netlink.ConntrackFlow{
		FamilyType: uint8(family), Forward: tuple(c.from, c.to), Reverse: tuple(c.to, c.from), TimeOut: silence,
		ProtoInfo: &netlink.ProtoInfoTCP{State: nl.TCP_CONNTRACK_ESTABLISHED},
	})
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("cannot tell connection tracking of the connection from %s to %s: %w", c.from, c.to, err)
	}
	return nil
}

func tuple(from, to netip.AddrPort) netlink.IPTuple {
	return netlink.IPTuple{
		SrcIP: from.Addr().AsSlice(), SrcPort: from.Port(), DstIP: to.Addr().AsSlice(), DstPort: to.Port(), Protocol: syscall.IPPROTO_TCP,
	}
}
