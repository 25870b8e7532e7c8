package lab

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// key is how a probe is known again where it arrives: its addresses, protocol and
// the beginning of what IP carried, with ports and checksum or sequence number.
type key struct {
	src, dst netip.Addr
	proto    Protocol
	start    [8]byte
}

func keyOf(src, dst netip.Addr, proto Protocol, segment []byte) key {
	k := key{src: src, dst: dst, proto: proto}
	copy(k.start[:], segment)
	return k
}

// observer sees packets where they leave IP for a transport protocol: raw sockets
// get a copy there, behind the input hook and after defragmentation
// (ip_local_deliver_finish and ip6_protocol_deliver_rcu of the kernel).
type observer struct {
	sockets []rawSocket
	arrived map[key]bool
}

type rawSocket struct {
	fd    int
	ipv6  bool
	proto Protocol
}

// watch makes sure that the flow's packets will be seen.
func (o *observer) watch(f Flow) error {
	for _, s := range o.sockets {
		if s.proto == f.Proto && s.ipv6 == f.From.Is6() {
			return nil
		}
	}
	s := rawSocket{ipv6: f.From.Is6(), proto: f.Proto}
	var err error
	if s.fd, err = unix.Socket(netlinkFamily(f.From), unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(f.Proto)); err != nil {
		return fmt.Errorf("lab: cannot observe protocol %d: %w", f.Proto, err)
	}
	o.sockets = append(o.sockets, s)
	if s.ipv6 {
		return unix.SetsockoptInt(s.fd, unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}
	return nil
}

func (o *observer) close() {
	for _, s := range o.sockets {
		unix.Close(s.fd)
	}
}

// collect notes everything that has arrived.
func (o *observer) collect() error {
	for _, s := range o.sockets {
		for {
			k, err := s.next()
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if err != nil {
				return fmt.Errorf("lab: cannot read what arrived: %w", err)
			}
			o.arrived[k] = true
		}
	}
	return nil
}

// next reads a packet. Sockets of IPv4 give its header, those of IPv6 do not.
func (s rawSocket) next() (key, error) {
	var data, control [128]byte
	n, controls, _, from, err := unix.Recvmsg(s.fd, data[:], control[:], unix.MSG_DONTWAIT)
	if err != nil {
		return key{}, err
	}
	if !s.ipv6 {
		header := int(data[0]&0xf) * 4
		src, dst := netip.AddrFrom4([4]byte(data[12:16])), netip.AddrFrom4([4]byte(data[16:20]))
		return keyOf(src, dst, s.proto, data[min(header, n):n]), nil
	}
	dst, err := destination(control[:controls])
	return keyOf(netip.AddrFrom16(from.(*unix.SockaddrInet6).Addr), dst, s.proto, data[:n]), err
}

// destination is the address in a control message IPV6_PKTINFO (RFC 3542 section 6.2).
func destination(control []byte) (netip.Addr, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= 16 {
			return netip.AddrFrom16([16]byte(m.Data[:16])), nil
		}
	}
	return netip.Addr{}, errors.New("no destination address")
}
