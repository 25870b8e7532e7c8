package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Link is a link of the host.
type Link struct {
	Name  string
	Addrs []string // of the host, with their prefix lengths: 192.0.2.10/24
}

// Host is the host behind the firewall, with its links.
type Host struct {
	ns      namespace
	netlink *netlink.Handle
	links   []*wire
	anyIPv4 netip.Addr // of the host's addresses: what ARP can ask for
	probing sync.Mutex // who holds it sends probes
	sent    uint32     // numbers probes
}

// T is what New needs of a test.
type T interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// New builds a host for a test and takes it away at the test's end. Where network
// namespaces are not allowed, it skips the test.
func New(t T, links ...Link) *Host {
	t.Helper()
	h, err := Build(links...)
	if errors.Is(err, errNotAllowed) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(h.Close)
	return h
}

// Build builds a host; Close takes it away. At least one of the links needs an
// IPv4 address.
func Build(links ...Link) (*Host, error) {
	h := &Host{}
	if err := h.build(links); err != nil {
		h.Close()
		return nil, fmt.Errorf("lab: %w", err)
	}
	return h, nil
}

func (h *Host) build(links []Link) (err error) {
	if h.ns, err = newNamespace(); err != nil {
		return err
	}
	if h.netlink, err = netlink.NewHandleAt(h.ns.fd); err != nil {
		return err
	}
	if err := loopbackUp(h.netlink); err != nil {
		return err
	}
	if err := h.ns.do(hostSysctls); err != nil {
		return err
	}
	for i, l := range links {
		w, err := h.newWire(i, l)
		if err != nil {
			return fmt.Errorf("link %s: %w", l.Name, err)
		}
		h.links = append(h.links, w)
	}
	if !h.anyIPv4.IsValid() {
		return errors.New("a link of the host needs an IPv4 address")
	}
	return nil
}

// hostSysctls lets packets in that a router far away would have sent: nobody but
// the firewall decides on sources. New namespaces inherit the machine's values.
func hostSysctls() error {
	for _, name := range []string{"all", "default"} {
		if err := sysctl("ipv4/conf/"+name+"/rp_filter", "0"); err != nil {
			return err
		}
	}
	return nil
}

// Close takes the host and its outside away.
func (h *Host) Close() {
	for _, w := range h.links {
		w.close()
	}
	h.links = nil
	if h.netlink != nil {
		h.netlink.Close()
		h.netlink = nil
	}
	if h.ns.fd > 0 {
		h.ns.fd.Close()
	}
}

// Do runs f on a thread in the host's namespace. Sockets opened and processes
// started there belong to the host.
func (h *Host) Do(f func() error) error { return h.ns.do(f) }

// Sysctl sets a value below /proc/sys/net of the host: "ipv4/ip_forward", "1".
func (h *Host) Sysctl(name, value string) error {
	return h.Do(func() error { return sysctl(name, value) })
}

// Netlink is a netlink connection in the host's namespace.
func (h *Host) Netlink() *netlink.Handle { return h.netlink }

// Connections is the host's connection table, of both families.
func (h *Host) Connections() (all []*netlink.ConntrackFlow, err error) {
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		flows, err := h.netlink.ConntrackTableList(netlink.ConntrackTable, family)
		if err != nil {
			return nil, err
		}
		all = append(all, flows...)
	}
	return all, nil
}

// link finds a link by its name; the first one where the name is empty.
func (h *Host) link(name string) (*wire, error) {
	for _, w := range h.links {
		if name == "" || w.name == name {
			return w, nil
		}
	}
	return nil, fmt.Errorf("lab: the host has no link %q", name)
}

func loopbackUp(handle *netlink.Handle) error {
	lo, err := handle.LinkByName("lo")
	if err != nil {
		return err
	}
	return handle.LinkSetUp(lo)
}
