package rehearse

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// local makes the address one of this host: a group and a link-local address on
// the link, any other one on all links. What always is one stays as it is.
func (w *wires) local(a netip.Addr, link string) error {
	at := place{addr: a}
	if a.IsLinkLocalUnicast() || a.IsMulticast() {
		at.link = link
	}
	if w.locals[at] || a.IsUnspecified() || a.IsLoopback() {
		return nil
	}
	w.locals[at] = true
	on := w.lo
	if at.link != "" {
		var err error
		if on, err = netlink.LinkByName(link); err != nil {
			return err
		}
	}
	if a.IsMulticast() {
		return w.join(a, on.Attrs().Index)
	}
	// A route is enough of an address, and there at once.
	return netlink.RouteAppend(&netlink.Route{LinkIndex: on.Attrs().Index, Table: unix.RT_TABLE_LOCAL,
		Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST,
		Dst: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}})
}

// join listens to a group; a socket of its own for each, because one may have few
// (igmp_max_memberships).
func (w *wires) join(group netip.Addr, link int) error {
	family := unix.AF_INET
	if group.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	w.groups = append(w.groups, fd)
	if group.Is6() {
		return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
			&unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(link)})
	}
	return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
		&unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(link)})
}
