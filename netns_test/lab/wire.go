package lab

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The routers that the outside is to the host, on every link, and the host to the
// outside. 169.254/16 and fe80::/10 are for links only (RFC 3927, RFC 4291 section
// 2.5.6). The host and its outside have their fe80:: addresses, besides what else
// they have.
var (
	Router4     = netip.MustParseAddr("169.254.0.1")
	Router6     = netip.MustParseAddr("fe80::1")
	hostRouter4 = netip.MustParseAddr("169.254.0.2")
	HostRouter6 = netip.MustParseAddr("fe80::2")
)

const (
	linkTable    = 1000 // routing table of the host's first link; the next link has the next
	outsideTable = 1000 // routing table in which the outside owns everything
	rulePriority = 100  // before the main table's 32766
)

// wire is one link: the host's end, and the outside's.
type wire struct {
	name    string
	addrs   []netip.Addr // of the host
	ns      namespace    // the outside
	netlink *netlink.Handle
	hostEnd netlink.Link
	farEnd  netlink.Link
	frames  int // packet socket at the outside's end
}

// newWire adds the link to the host.
func (h *Host) newWire(number int, l Link) (w *wire, err error) {
	w = &wire{name: l.Name, frames: -1}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.ns, err = newNamespace(); err != nil {
		return nil, err
	}
	if w.netlink, err = netlink.NewHandleAt(w.ns.fd); err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return w.plug(h) },
		func() error { return w.address(h, l.Addrs) },
		func() error { return w.routeHost(h, linkTable+number, number == 0) },
		w.routeOutside,
		func() error { return w.ns.do(w.openFrames) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *wire) close() {
	if w.frames >= 0 {
		unix.Close(w.frames)
	}
	if w.netlink != nil {
		w.netlink.Close()
	}
	if w.ns.fd > 0 {
		w.ns.fd.Close()
	}
}

// plug makes the pair of interfaces and sets them up.
func (w *wire) plug(h *Host) (err error) {
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: w.name}, PeerName: w.name, PeerNamespace: netlink.NsFd(w.ns.fd)}
	if err := h.netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("cannot make a veth pair: %w", err)
	}
	if w.hostEnd, err = h.netlink.LinkByName(w.name); err != nil {
		return err
	}
	if w.farEnd, err = w.netlink.LinkByName(w.name); err != nil {
		return err
	}
	for _, n := range []namespace{h.ns, w.ns} {
		if err := n.do(w.quiet); err != nil {
			return err
		}
	}
	if err := loopbackUp(w.netlink); err != nil {
		return err
	}
	if err := w.netlink.LinkSetUp(w.farEnd); err != nil {
		return err
	}
	return h.netlink.LinkSetUp(w.hostEnd)
}

// quiet sets what has to be set before the link is up: the addresses are those we
// give (addr_gen_mode 1: none of the kernel's), and any source may come.
func (w *wire) quiet() error {
	if err := sysctl("ipv6/conf/"+w.name+"/addr_gen_mode", "1"); err != nil {
		return err
	}
	if err := sysctl("ipv4/conf/all/rp_filter", "0"); err != nil {
		return err
	}
	return sysctl("ipv4/conf/"+w.name+"/rp_filter", "0")
}

// address gives both ends their addresses. Those of the host bring no route to
// their network: everything goes by the outside as router, which owns everything.
func (w *wire) address(h *Host, addrs []string) error {
	for _, text := range addrs {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return err
		}
		if err := addAddress(h.netlink, w.hostEnd, prefix, unix.IFA_F_NOPREFIXROUTE); err != nil {
			return fmt.Errorf("address %s: %w", text, err)
		}
		w.addrs = append(w.addrs, prefix.Addr())
		if prefix.Addr().Is4() && !h.anyIPv4.IsValid() {
			h.anyIPv4 = prefix.Addr()
		}
	}
	if err := addAddress(h.netlink, w.hostEnd, netip.PrefixFrom(HostRouter6, 64), 0); err != nil {
		return err
	}
	return addAddress(w.netlink, w.farEnd, netip.PrefixFrom(Router6, 64), 0)
}

func addAddress(handle *netlink.Handle, link netlink.Link, p netip.Prefix, flags int) error {
	if p.Addr().Is6() {
		flags |= unix.IFA_F_NODAD // usable at once
	}
	return handle.AddrAdd(link, &netlink.Addr{IPNet: ipNet(p), Flags: flags})
}

// routeHost sends what leaves from the link's addresses out by it, and everything
// else by the first link.
func (w *wire) routeHost(h *Host, table int, first bool) error {
	tables := []int{table}
	if first {
		tables = append(tables, unix.RT_TABLE_MAIN)
	}
	for _, router := range []netip.Addr{Router4, Router6} {
		for _, t := range tables {
			if err := defaultRoute(h.netlink, w.hostEnd, router, t); err != nil {
				return err
			}
		}
		if err := neighbour(h.netlink, w.hostEnd, router, w.farEnd); err != nil {
			return err
		}
	}
	for _, a := range w.addrs {
		rule := newRule(a, table)
		rule.Src = ipNet(netip.PrefixFrom(a, a.BitLen()))
		if err := h.netlink.RuleAdd(rule); err != nil {
			return fmt.Errorf("rule from %s: %w", a, err)
		}
	}
	return nil
}

// routeOutside makes everything that arrives outside local there, and sends what
// leaves to the host.
func (w *wire) routeOutside() error {
	lo, err := w.netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	for _, router := range []netip.Addr{hostRouter4, HostRouter6} {
		everything := netip.PrefixFrom(unspecified(router), 0)
		local := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: ipNet(everything), Table: outsideTable,
			Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST}
		if err := w.netlink.RouteAdd(local); err != nil {
			return fmt.Errorf("route that makes %s local: %w", everything, err)
		}
		rule := newRule(router, outsideTable)
		rule.IifName = w.name
		if err := w.netlink.RuleAdd(rule); err != nil {
			return fmt.Errorf("rule for what comes in: %w", err)
		}
		if err := defaultRoute(w.netlink, w.farEnd, router, unix.RT_TABLE_MAIN); err != nil {
			return err
		}
		if err := neighbour(w.netlink, w.farEnd, router, w.hostEnd); err != nil {
			return err
		}
	}
	return nil
}

func newRule(family netip.Addr, table int) *netlink.Rule {
	rule := netlink.NewRule()
	rule.Family, rule.Table, rule.Priority = netlinkFamily(family), table, rulePriority
	return rule
}

func defaultRoute(handle *netlink.Handle, link netlink.Link, router netip.Addr, table int) error {
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(netip.PrefixFrom(unspecified(router), 0)),
		Gw: router.AsSlice(), Table: table, Flags: int(netlink.FLAG_ONLINK)}
	if err := handle.RouteAdd(route); err != nil {
		return fmt.Errorf("default route by %s: %w", router, err)
	}
	return nil
}

// neighbour tells a link the router's hardware address for good, so that no
// packet waits for it.
func neighbour(handle *netlink.Handle, link netlink.Link, router netip.Addr, at netlink.Link) error {
	return handle.NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, Family: netlinkFamily(router),
		State: netlink.NUD_PERMANENT, IP: router.AsSlice(), HardwareAddr: at.Attrs().HardwareAddr})
}

func netlinkFamily(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func unspecified(family netip.Addr) netip.Addr {
	if family.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
