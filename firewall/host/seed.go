package host

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
)

// established is how long, in seconds, connection tracking remembers a silent
// TCP connection: the kernel's own default (nf_conntrack_tcp_timeout_established).
const established = 5 * 24 * 60 * 60

// SeedConnections tells connection tracking of the TCP connections that are
// open now. It has not seen them begin where nothing was tracked before, and
// would take the next packet that comes in for a new flow's; of a connection
// that this host opened and only receives on, that would be the end.
func SeedConnections() error {
	for _, family := range []uint8{syscall.AF_INET, syscall.AF_INET6} {
		sockets, err := netlink.SocketDiagTCP(family)
		if err != nil {
			return fmt.Errorf("cannot list the TCP connections that are open: %w", err)
		}
		listens := map[uint16]bool{}
		for _, s := range sockets {
			listens[s.ID.SourcePort] = listens[s.ID.SourcePort] || s.State == netlink.TCP_LISTEN
		}
		for _, s := range sockets {
			if err := seed(s, listens[s.ID.SourcePort]); err != nil {
				return err
			}
		}
	}
	return nil
}

// seed makes the entry of one socket; inbound says that the peer began.
func seed(s *netlink.Socket, inbound bool) error {
	local, ok := netip.AddrFromSlice(s.ID.Source)
	peer, fine := netip.AddrFromSlice(s.ID.Destination)
	if local, peer = local.Unmap(), peer.Unmap(); s.State != netlink.TCP_ESTABLISHED || !ok || !fine || peer.IsLoopback() {
		return nil
	}
	from, to := netip.AddrPortFrom(local, s.ID.SourcePort), netip.AddrPortFrom(peer, s.ID.DestinationPort)
	if inbound {
		from, to = to, from
	}
	family := netlink.InetFamily(syscall.AF_INET)
	if local.Is6() {
		family = syscall.AF_INET6
	}
	err := netlink.ConntrackCreate(netlink.ConntrackTable, family, &netlink.ConntrackFlow{
		FamilyType: uint8(family), Forward: tuple(from, to), Reverse: tuple(to, from), TimeOut: established,
		ProtoInfo: &netlink.ProtoInfoTCP{State: nl.TCP_CONNTRACK_ESTABLISHED},
	})
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("cannot tell connection tracking of the connection from %s to %s: %w", from, to, err)
	}
	return nil
}

func tuple(from, to netip.AddrPort) netlink.IPTuple {
	return netlink.IPTuple{
		SrcIP: from.Addr().AsSlice(), SrcPort: from.Port(), DstIP: to.Addr().AsSlice(), DstPort: to.Port(), Protocol: syscall.IPPROTO_TCP,
	}
}
