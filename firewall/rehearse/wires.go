package rehearse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

const loopback = "lo"

// wires are the links that packets come by.
type wires struct {
	socket int // of packet(7), which writes to any link
	far    map[string]end
	lo     netlink.Link
	locals map[place]bool
	groups []int // sockets; a group is left with its socket
}

// place is an address at a link.
type place struct {
	addr netip.Addr
	link string
}

// end is where to write what comes in by a link.
type end struct {
	index int // of the other end
	addr  [8]byte
}

// newWires makes the links that the packets come by and the local addresses
// that they go to.
func newWires(packets []ruleset.Packet) (w *wires, err error) {
	w = &wires{far: map[string]end{}, locals: map[place]bool{}}
	if err := openSieve(); err != nil {
		return nil, err
	}
	if err := w.loopback(); err != nil {
		return nil, err
	}
	for _, p := range packets {
		if err := w.link(p.In); err != nil {
			return nil, fmt.Errorf("cannot make the link %s, one end of a veth pair (CONFIG_VETH): %w", p.In, words(err))
		}
		if err := w.local(p.Dst, p.In); err != nil {
			return nil, fmt.Errorf("cannot make %s a local address: %w", p.Dst, words(err))
		}
	}
	if w.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("cannot open a packet socket (CONFIG_PACKET): %w", words(err))
	}
	return w, nil
}

func (w *wires) close() {
	for _, fd := range append(w.groups, w.socket) {
		unix.Close(fd)
	}
}

// send writes an IP packet to where it comes in by the link.
func (w *wires) send(link string, ipv6 bool, packet []byte) error {
	kind := uint16(unix.ETH_P_IP)
	if ipv6 {
		kind = unix.ETH_P_IPV6
	}
	e := w.far[link]
	to := &unix.SockaddrLinklayer{Ifindex: e.index, Addr: e.addr, Halen: hardwareAddr,
		Protocol: binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, kind))}
	if err := unix.Sendto(w.socket, packet, 0, to); err != nil {
		return fmt.Errorf("cannot be sent: %w", words(err))
	}
	return nil
}

const hardwareAddr = 6 // bytes (ETH_ALEN)

// sieve is what the kernel has against packets before any rule, and how far it
// can be switched off: links inherit default, and lo is there already.
var sieve = map[string]string{
	"ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0", "ipv4/conf/lo/rp_filter": "0",
	"ipv4/conf/default/accept_local": "1", "ipv4/conf/lo/accept_local": "1",
	"ipv4/conf/default/route_localnet": "1", "ipv4/conf/lo/route_localnet": "1",
	"ipv6/conf/default/accept_ra": "0",
	// With an address of its own, a link would send by itself.
	"ipv6/conf/default/addr_gen_mode": "1",
	"ipv6/conf/all/disable_ipv6":      "0", "ipv6/conf/default/disable_ipv6": "0", "ipv6/conf/lo/disable_ipv6": "0",
}

func openSieve() error {
	for name, value := range sieve {
		err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0)
		if strings.HasPrefix(name, "ipv6/") && errors.Is(err, fs.ErrNotExist) {
			continue // without IPv6, its packets come to no rule
		}
		if err != nil {
			return fmt.Errorf("cannot set net.%s in the network namespace: %w\nhint: in a container, /proc/sys must be writable", strings.ReplaceAll(name, "/", "."), words(err))
		}
	}
	return nil
}

func (w *wires) loopback() (err error) {
	if w.lo, err = netlink.LinkByName(loopback); err == nil {
		err = netlink.LinkSetUp(w.lo)
	}
	if err != nil {
		return fmt.Errorf("cannot set lo up: %w", words(err))
	}
	w.far[loopback] = end{index: w.lo.Attrs().Index}
	return nil
}

// link makes the link, unless it is there: one end of a pair, whose other end
// has a name that no link of a policy has.
func (w *wires) link(name string) error {
	if _, made := w.far[name]; made {
		return nil
	}
	pair := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: fmt.Sprintf("*%d", len(w.far))}
	pair.Name = name
	if err := netlink.LinkAdd(pair); err != nil {
		return err
	}
	near, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	far, err := netlink.LinkByName(pair.PeerName)
	if err != nil {
		return err
	}
	e := end{index: far.Attrs().Index}
	copy(e.addr[:], near.Attrs().HardwareAddr)
	w.far[name] = e
	return errors.Join(silence(pair.PeerName), netlink.LinkSetUp(near), netlink.LinkSetUp(far)) // in this order the far end can send at once
}

// silence keeps the kernel from sending by the other end on its own behalf.
func silence(far string) error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+far+"/disable_ipv6", []byte("1"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no IPv6 at all
	}
	return err
}
