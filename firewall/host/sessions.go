package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
)

// Session is a TCP connection from a remote peer to a port of this host.
type Session struct {
	From netip.Addr // the peer
	Peer uint16     // its port
	To   netip.Addr // the local address
	Port uint16
	Link string // that has the local address; "" where that does not tell
}

// SSHSessions is the TCP connections that are established now in the calling
// thread's network namespace with one of the ports on this side. Connections
// over loopback do not count, and IPv4 over an IPv6 socket is IPv4.
func SSHSessions(ports []uint16) ([]Session, error) {
	sockets, err := tcpSockets()
	if err != nil {
		return nil, err
	}
	var sessions []Session
	for _, s := range sockets {
		if session, ok := session(s, ports); ok {
			sessions = append(sessions, session)
		}
	}
	if len(sessions) == 0 {
		return nil, nil
	}
	links, err := linksByAddress()
	for i := range sessions {
		sessions[i].Link = links[sessions[i].To]
	}
	return sessions, err
}

func tcpSockets() ([]*netlink.Socket, error) {
	return sockets(netlink.SocketDiagTCP, "TCP", "tcp_diag")
}

func udpSockets() ([]*netlink.Socket, error) {
	return sockets(netlink.SocketDiagUDP, "UDP", "udp_diag")
}

func sockets(list func(family uint8) ([]*netlink.Socket, error), protocol, module string) (all []*netlink.Socket, err error) {
	for _, family := range []uint8{syscall.AF_INET, syscall.AF_INET6} {
		some, err := whole(func() ([]*netlink.Socket, error) { return list(family) })
		if err != nil {
			return nil, fmt.Errorf("cannot list the %s connections (kernel modules inet_diag and %s): %w", protocol, module, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// Listening is who listens on one of the TCP ports, in the calling thread's network
// namespace; of the processes it says nothing.
func Listening(ports []uint16) (found []Listener, err error) {
	sockets, err := diagnosed()
	for _, s := range sockets {
		if s.protocol == syscall.IPPROTO_TCP && slices.Contains(ports, s.at.Port()) {
			found = append(found, Listener{Protocol: s.protocol, At: s.at, Both: s.both()})
		}
	}
	return found, err
}

// Takes reports whether the socket takes what is sent to the address.
func (l Listener) Takes(a netip.Addr) bool {
	at := l.At.Addr().Unmap()
	return at == a || at.IsUnspecified() && (l.Both || at.BitLen() == a.BitLen())
}

// SSHPeers is the remote addresses, sorted and distinct, of SSHSessions.
func SSHPeers(ports []uint16) ([]netip.Addr, error) {
	sessions, err := SSHSessions(ports)
	var peers []netip.Addr
	for _, s := range sessions {
		peers = append(peers, s.From)
	}
	slices.SortFunc(peers, netip.Addr.Compare)
	return slices.Compact(peers), err
}

func session(s *netlink.Socket, ports []uint16) (session Session, ok bool) {
	if s.State != netlink.TCP_ESTABLISHED || !slices.Contains(ports, s.ID.SourcePort) {
		return Session{}, false
	}
	from, ok := netip.AddrFromSlice(s.ID.Destination)
	to, _ := netip.AddrFromSlice(s.ID.Source)
	from = from.Unmap()
	return Session{From: from, Peer: s.ID.DestinationPort, To: to.Unmap(), Port: s.ID.SourcePort}, ok && !from.IsLoopback()
}

// attempts is how often a list is asked for that changes while it is read.
const attempts = 10

// whole asks until a list comes that nothing interrupted.
func whole[T any](list func() ([]T, error)) (all []T, err error) {
	for range attempts {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}

// linksByAddress names the link that has each local address. An address that
// several links have (link-local ones may be) tells nothing, nor does one of
// a loopback or dummy link, which is reached by other links.
func linksByAddress() (map[netip.Addr]string, error) {
	names := map[int]string{}
	list, err := whole(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("cannot list the links: %w", err)
	}
	for _, l := range list {
		if l.Type() != "dummy" && l.Attrs().Flags&net.FlagLoopback == 0 {
			names[l.Attrs().Index] = l.Attrs().Name
		}
	}
	addresses, err := whole(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("cannot list the local addresses: %w", err)
	}
	links := map[netip.Addr]string{}
	for _, a := range addresses {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			ip = ip.Unmap()
			if _, twice := links[ip]; twice {
				links[ip] = ""
			} else {
				links[ip] = names[a.LinkIndex]
			}
		}
	}
	return links, nil
}
