package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// openFrames opens the packet socket at the outside's end, on a thread there. It
// sends frames of any kind and receives ARP.
func (w *wire) openFrames() (err error) {
	const kind = unix.SOCK_RAW | unix.SOCK_CLOEXEC
	if w.frames, err = unix.Socket(unix.AF_PACKET, kind, int(networkOrder(etherARP))); err != nil {
		return fmt.Errorf("cannot open a packet socket: %w", err)
	}
	timeout := unix.Timeval{Sec: 5}
	if err := unix.SetsockoptTimeval(w.frames, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return err
	}
	return unix.Bind(w.frames, w.linkAddr(etherARP))
}

func (w *wire) linkAddr(etherType uint16) *unix.SockaddrLinklayer {
	return &unix.SockaddrLinklayer{Protocol: networkOrder(etherType), Ifindex: w.farEnd.Attrs().Index}
}

func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// send sends an IP packet to the host, as a router on the link would.
func (w *wire) send(dst netip.Addr, packet []byte) error {
	etherType := uint16(etherIPv4)
	if dst.Is6() {
		etherType = etherIPv6
	}
	return w.sendFrame(w.hardwareAddr(dst), etherType, packet)
}

func (w *wire) sendFrame(to net.HardwareAddr, etherType uint16, payload []byte) error {
	frame := append(bytes.Clone(to), w.farEnd.Attrs().HardwareAddr...)
	frame = append(binary.BigEndian.AppendUint16(frame, etherType), payload...)
	return unix.Sendto(w.frames, frame, 0, w.linkAddr(etherType))
}

var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// hardwareAddr is where the link layer carries a packet: for groups, RFC 1112
// section 6.4 and RFC 2464 section 7.
func (w *wire) hardwareAddr(dst netip.Addr) net.HardwareAddr {
	raw := dst.AsSlice()
	switch {
	case dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return broadcast
	case dst.Is4() && dst.IsMulticast():
		return net.HardwareAddr{0x01, 0x00, 0x5e, raw[1] & 0x7f, raw[2], raw[3]}
	case dst.IsMulticast():
		return append(net.HardwareAddr{0x33, 0x33}, raw[12:]...)
	}
	return w.hostEnd.Attrs().HardwareAddr
}

// sync returns when the host has handled everything that was sent to it before
// on this link: it answers an ARP probe (RFC 5227 section 2.1.1) that went behind,
// from a hardware address with the number in it.
func (w *wire) sync(host netip.Addr, number uint32) error {
	const ethernet, request, reply = 1, 1, 2 // IANA, ARP Parameters
	token := binary.BigEndian.AppendUint32([]byte{0x02, 0}, number)
	arp := []byte{0, ethernet, etherIPv4 >> 8, etherIPv4 & 0xff, 6, 4, 0, request}
	arp = append(append(arp, token...), 0, 0, 0, 0)
	arp = append(append(arp, 0, 0, 0, 0, 0, 0), host.AsSlice()...)
	if err := w.sendFrame(broadcast, etherARP, arp); err != nil {
		return err
	}
	for {
		var frame [64]byte
		n, _, err := unix.Recvfrom(w.frames, frame[:], 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("lab: the host does not answer on %s: %w", w.name, err)
		}
		const operation, target = 14 + 6, 14 + 18
		if n >= target+6 && frame[operation+1] == reply && bytes.Equal(frame[target:target+6], token) {
			return nil
		}
	}
}
