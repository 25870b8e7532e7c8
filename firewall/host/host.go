// Package host tells what the machine knows of itself: its name, this boot,
// this network namespace, and who is logged in over the network.
package host

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
)

// Hostname is the name the kernel has for the machine.
func Hostname() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("cannot find out the host's name: %w", err)
	}
	return name, nil
}

// bootIDFile holds a random UUID that the kernel draws once a boot (random(4)).
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// BootID tells one boot from another; "" where /proc is not there.
func BootID() string {
	text, err := os.ReadFile(bootIDFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// netNSFile leads to the calling thread's network namespace, by an inode that
// is its own for as long as the namespace lives (namespaces(7)).
const netNSFile = "/proc/thread-self/ns/net"

// NetNS is the inode number of the calling thread's network namespace.
func NetNS() (inode uint64, err error) {
	info, err := os.Stat(netNSFile)
	if err != nil {
		return 0, fmt.Errorf("cannot tell which network namespace this is (is /proc mounted?): %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("cannot tell which network namespace this is: %s has no inode", netNSFile)
	}
	return stat.Ino, nil
}

// SSHPeers is the remote addresses, sorted and distinct, of the TCP connections
// that are established now in the calling thread's network namespace with one
// of the ports on this side. Connections over loopback do not count, and IPv4
// over an IPv6 socket is IPv4.
func SSHPeers(ports []uint16) ([]netip.Addr, error) {
	var peers []netip.Addr
	for _, family := range []uint8{syscall.AF_INET, syscall.AF_INET6} {
		sockets, err := netlink.SocketDiagTCP(family)
		if err != nil {
			return nil, fmt.Errorf("cannot list the TCP connections (kernel modules inet_diag and tcp_diag): %w", err)
		}
		for _, s := range sockets {
			if addr, ok := peer(s, ports); ok {
				peers = append(peers, addr)
			}
		}
	}
	slices.SortFunc(peers, netip.Addr.Compare)
	return slices.Compact(peers), nil
}

func peer(s *netlink.Socket, ports []uint16) (addr netip.Addr, ok bool) {
	if s.State != netlink.TCP_ESTABLISHED || !slices.Contains(ports, s.ID.SourcePort) {
		return netip.Addr{}, false
	}
	addr, ok = netip.AddrFromSlice(s.ID.Destination)
	addr = addr.Unmap()
	return addr, ok && !addr.IsLoopback()
}
