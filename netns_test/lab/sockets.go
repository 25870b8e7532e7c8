package lab

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a real connection may take. What a firewall drops is to be
// found out by Probe, which does not wait.
const patience = 5 * time.Second

// Dial connects from the host: tcp, udp. An invalid from is one of the host's own choice.
func (h *Host) Dial(network string, from, to netip.AddrPort) (net.Conn, error) {
	return dial(h.ns, network, from, to)
}

// Listen opens a server's socket in the host.
func (h *Host) Listen(network string, at netip.AddrPort) (net.Listener, error) {
	return listen(h.ns, network, at)
}

// ListenPacket opens a UDP socket in the host.
func (h *Host) ListenPacket(network string, at netip.AddrPort) (net.PacketConn, error) {
	return listenPacket(h.ns, network, at)
}

// Outside is the far side of one of the host's links.
type Outside struct{ wire *wire }

// Outside is the far side of a link; empty: of the first.
func (h *Host) Outside(link string) (Outside, error) {
	w, err := h.link(link)
	return Outside{w}, err
}

// Dial connects to the host from any address.
func (o Outside) Dial(network string, from, to netip.AddrPort) (net.Conn, error) {
	return dial(o.wire.ns, network, from, to)
}

// DialIP opens a socket of a protocol over IP, ip4:icmp for example, from any address.
func (o Outside) DialIP(network string, from, to netip.Addr) (*net.IPConn, error) {
	conn, err := dialFrom(o.wire.ns, network, &net.IPAddr{IP: from.AsSlice(), Zone: from.Zone()}, to.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.IPConn), nil
}

// Listen opens a server's socket at any address, or at all: 0.0.0.0, ::.
func (o Outside) Listen(network string, at netip.AddrPort) (net.Listener, error) {
	return listen(o.wire.ns, network, at)
}

// ListenPacket opens a UDP socket at any address.
func (o Outside) ListenPacket(network string, at netip.AddrPort) (net.PacketConn, error) {
	return listenPacket(o.wire.ns, network, at)
}

// Do runs f on a thread outside.
func (o Outside) Do(f func() error) error { return o.wire.ns.do(f) }

func dial(n namespace, network string, from, to netip.AddrPort) (net.Conn, error) {
	var local net.Addr
	if from.IsValid() {
		local = socketAddr(network, from)
	}
	return dialFrom(n, network, local, to.String())
}

func dialFrom(n namespace, network string, from net.Addr, to string) (conn net.Conn, err error) {
	d := net.Dialer{Timeout: patience, LocalAddr: from, Control: transparent}
	err = n.do(func() error {
		conn, err = d.Dial(network, to)
		return err
	})
	return conn, err
}

func socketAddr(network string, a netip.AddrPort) net.Addr {
	if network[:3] == "udp" {
		return net.UDPAddrFromAddrPort(a)
	}
	return net.TCPAddrFromAddrPort(a)
}

func listen(n namespace, network string, at netip.AddrPort) (l net.Listener, err error) {
	c := net.ListenConfig{Control: transparent}
	err = n.do(func() error {
		l, err = c.Listen(context.Background(), network, at.String())
		return err
	})
	return l, err
}

func listenPacket(n namespace, network string, at netip.AddrPort) (p net.PacketConn, err error) {
	c := net.ListenConfig{Control: transparent}
	err = n.do(func() error {
		p, err = c.ListenPacket(context.Background(), network, at.String())
		return err
	})
	return p, err
}

// transparent lets a socket have any local address (ip(7), IP_TRANSPARENT).
func transparent(network, _ string, raw syscall.RawConn) error {
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if strings.HasSuffix(strings.Split(network, ":")[0], "6") {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	var err error
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }); e != nil {
		return e
	}
	return err
}
