package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// hostAddress is the host's own: RFC 5737.
var hostAddress = [4]byte{192, 0, 2, 10}

// packetHost is a host in a network namespace of its own, with the link eth0 and
// a UDP socket that nobody reads. It lives on a thread, which all of it is done
// on.
type packetHost struct {
	work    chan func()
	link    netlink.Link
	stream  stream
	frame   []byte
	program *ebpf.Program
}

// newPacketHost makes a host whose ruleset load puts there, and which is then
// sent the stream.
func newPacketHost(s stream, load func() error) (h *packetHost, err error) {
	h = &packetHost{work: make(chan func()), stream: s}
	go func() {
		runtime.LockOSThread() // never unlocked, so the thread and the namespace end here
		for f := range h.work {
			f()
		}
	}()
	err = h.do(func() error {
		for _, step := range []func() error{h.plug, h.listen, h.prepare, load} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.close()
	}
	return h, err
}

// do runs f on the host's thread.
func (h *packetHost) do(f func() error) (err error) {
	done := make(chan struct{})
	h.work <- func() { defer close(done); err = f() }
	<-done
	return err
}

func (h *packetHost) close() { close(h.work) }

// plug makes the namespace and the link. The kernel takes frames in for a link
// whose driver is ready for XDP, so a program is attached, which passes all.
func (h *packetHost) plug() error {
	if _, err := netns.New(); err != nil {
		return fmt.Errorf("network namespaces are not allowed here: %w", err)
	}
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "far"}
	if err := netlink.LinkAdd(pair); err != nil {
		return err
	}
	for _, name := range []string{"lo", "far", "eth0"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
		h.link = link
	}
	address, err := netlink.ParseAddr(fmt.Sprintf("%d.%d.%d.%d/24", hostAddress[0], hostAddress[1], hostAddress[2], hostAddress[3]))
	if err != nil {
		return err
	}
	program, err := passing()
	if err != nil {
		return err
	}
	return errors.Join(netlink.AddrAdd(h.link, address), netlink.LinkSetXdpFd(h.link, program.FD()))
}

// listen opens the socket and leaves it to fill up.
func (h *packetHost) listen() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_RCVBUF, 0),
		unix.Bind(s, &unix.SockaddrInet4{Port: int(h.stream.port), Addr: hostAddress}))
}

// prepare loads the program that makes the packets.
func (h *packetHost) prepare() error {
	counter, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		return err
	}
	h.frame = h.stream.frame(h.link.Attrs().HardwareAddr)
	h.program, err = h.stream.program(counter, h.frame)
	return err
}

// cost sends the host so many packets and gives the processor time of one.
// It begins with no connections known.
func (h *packetHost) cost(packets int) (one time.Duration, err error) {
	err = h.do(func() error {
		if err := netlink.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
			return err
		}
		took, err := inject(h.program, h.frame, h.link.Attrs().Index, uint32(packets))
		one = took / time.Duration(packets)
		return err
	})
	return one, err
}
