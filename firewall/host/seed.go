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

// silence is how long, in seconds, connection tracking remembers a flow in
// silence: the kernel's own defaults (nf_conntrack_tcp_timeout_established,
// nf_conntrack_udp_timeout_stream).
var silence = map[uint8]uint32{syscall.IPPROTO_TCP: 5 * 24 * 60 * 60, syscall.IPPROTO_UDP: 120}

// SeedConnections tells connection tracking of the TCP connections that are
// open now, and of the UDP sockets that are connected. It has not seen them begin
// where nothing was tracked before, and would take the next packet that comes in
// for a new flow's; of a connection that this host opened and only receives on,
// that would be the end.
//
// An entry that another table's tracking made from the middle of such a
// connection, with the peer's packet first, has it the wrong way round: it goes.
//
// A connection that the peer began and that is refused is told the other way
// round: the peer's packets are then answers, and it goes on until it ends.
func SeedConnections(refused func(Flow) bool) error {
	if noSockets() { // as at boot; to list none takes the kernel milliseconds
		return nil
	}
	tcp, err1 := tcpSockets()
	udp, err2 := udpSockets()
	if err := errors.Join(err1, err2); err != nil || len(tcp)+len(udp) == 0 {
		return err
	}
	links, err := linksByAddress()
	if err != nil {
		return err
	}
	connections := append(established(syscall.IPPROTO_TCP, tcp, links, refused), established(syscall.IPPROTO_UDP, udp, links, refused)...)
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

// noSockets reports whether this network namespace has no socket of TCP or UDP.
func noSockets() bool {
	for _, file := range []struct{ name, line string }{
		{"sockstat", "TCP: inuse 0 "}, {"sockstat", "UDP: inuse 0 "}, {"sockstat6", "TCP6: inuse 0\n"}, {"sockstat6", "UDP6: inuse 0\n"},
	} {
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

// connection is an established one, from who began it.
type connection struct {
	protocol uint8
	from, to netip.AddrPort
}

func (c connection) turned() connection { return connection{c.protocol, c.to, c.from} }

// established finds the connections with others among a protocol's sockets. The
// peer began those with a port that this host listens on.
func established(protocol uint8, sockets []*netlink.Socket, links map[netip.Addr]string, refused func(Flow) bool) (list []connection) {
	listens := map[uint16]bool{}
	for _, s := range sockets {
		listens[s.ID.SourcePort] = listens[s.ID.SourcePort] || 1<<s.State == listening[protocol]
	}
	for _, s := range sockets {
		local, ok := netip.AddrFromSlice(s.ID.Source)
		peer, fine := netip.AddrFromSlice(s.ID.Destination)
		local, peer = local.Unmap(), peer.Unmap()
		if s.State != netlink.TCP_ESTABLISHED || !ok || !fine || peer.IsLoopback() {
			continue
		}
		c := connection{protocol, netip.AddrPortFrom(local, s.ID.SourcePort), netip.AddrPortFrom(peer, s.ID.DestinationPort)}
		inbound := Flow{c.to, c.from, protocol, links[local]}
		if listens[s.ID.SourcePort] && !refused(inbound) {
			c = c.turned()
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
	return ok && fine && r[connection{t.Protocol, netip.AddrPortFrom(to.Unmap(), t.DstPort), netip.AddrPortFrom(from.Unmap(), t.SrcPort)}]
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
	entry := &netlink.ConntrackFlow{FamilyType: uint8(family), Forward: c.tuple(), Reverse: c.turned().tuple(), TimeOut: silence[c.protocol]}
	if c.protocol == syscall.IPPROTO_TCP {
		entry.ProtoInfo = &netlink.ProtoInfoTCP{State: nl.TCP_CONNTRACK_ESTABLISHED}
	}
	err := netlink.ConntrackCreate(netlink.ConntrackTable, family, entry)
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("cannot tell connection tracking of the connection from %s to %s: %w", c.from, c.to, err)
	}
	return nil
}

func (c connection) tuple() netlink.IPTuple {
	return netlink.IPTuple{
		SrcIP: c.from.Addr().AsSlice(), SrcPort: c.from.Port(), DstIP: c.to.Addr().AsSlice(), DstPort: c.to.Port(), Protocol: c.protocol,
	}
}
