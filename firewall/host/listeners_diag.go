package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// diagnosis is one row of the kernel's socket table.
type diagnosis struct {
	protocol uint8
	at       netip.AddrPort
	only6    bool // of an IPv6 socket: it takes no IPv4 (IPV6_V6ONLY of ipv6(7))
	link     uint32
	uid      uint32
	inode    uint32
}

// both tells whether the socket takes what is sent to either family's addresses.
func (s diagnosis) both() bool { return s.at.Addr() == netip.IPv6Unspecified() && !s.only6 }

// listening is which states of sockets take what anybody sends, by protocol
// (net/tcp_states.h): UDP has only one for sockets without a peer.
var listening = map[uint8]uint32{unix.IPPROTO_TCP: 1 << netlink.TCP_LISTEN, unix.IPPROTO_UDP: 1 << netlink.TCP_CLOSE}

// diagnosed is the listening sockets of both protocols and families.
func diagnosed() (all []diagnosis, err error) {
	for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			found, err := diagnose(family, protocol)
			if errors.Is(err, unix.ENOENT) && family == unix.AF_INET6 {
				continue // a kernel without IPv6
			}
			if err != nil {
				return nil, fmt.Errorf("cannot list the listening sockets (kernel modules inet_diag, tcp_diag and udp_diag): %w", err)
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

// patience is how often a list is asked for that changed while it was written.
const patience = 3

func diagnose(family, protocol uint8) (found []diagnosis, err error) {
	var answers [][]byte
	for range patience {
		request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
		request.AddData(diagRequest{family, protocol})
		if answers, err = request.Execute(unix.NETLINK_INET_DIAG, 0); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, err
	}
	for _, answer := range answers {
		if s, ok := parseSocket(answer, protocol); ok {
			found = append(found, s)
		}
	}
	return found, nil
}

// Sizes of linux/inet_diag.h: struct inet_diag_req_v2 and inet_diag_msg.
const (
	diagRequestSize = 56
	diagAnswerSize  = 72
)

// diagRequest asks for the listening sockets of a family and protocol.
type diagRequest struct{ family, protocol uint8 }

// Len is struct inet_diag_req_v2's.
func (diagRequest) Len() int { return diagRequestSize }

// Serialize writes family, protocol, extensions, a blank, and the wanted states;
// the rest would name one diagnosis.
func (r diagRequest) Serialize() []byte {
	b := make([]byte, diagRequestSize)
	b[0], b[1] = r.family, r.protocol
	binary.NativeEndian.PutUint32(b[4:], listening[r.protocol])
	return b
}

// only6Attribute is INET_DIAG_SKV6ONLY of linux/inet_diag.h.
const only6Attribute = 11

// parseSocket reads struct inet_diag_msg and the attributes behind it: family,
// state, timer, retransmissions; ports and addresses in the network's order; link,
// cookie, expiry, queues; user and inode. ok is false for what is none, or has no
// port yet.
func parseSocket(b []byte, protocol uint8) (s diagnosis, ok bool) {
	if len(b) < diagAnswerSize {
		return s, false
	}
	from := b[8:24]
	if b[0] == unix.AF_INET {
		from = from[:4]
	}
	a, _ := netip.AddrFromSlice(from)
	s = diagnosis{
		protocol: protocol, at: netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(b[4:])),
		link: binary.NativeEndian.Uint32(b[40:]), uid: binary.NativeEndian.Uint32(b[64:]), inode: binary.NativeEndian.Uint32(b[68:]),
	}
	s.only6 = b[0] == unix.AF_INET6 && only6(b[diagAnswerSize:])
	return s, s.at.Port() != 0
}

// only6 finds INET_DIAG_SKV6ONLY, which the kernel gives with every listening
// IPv6 socket, asked or not (inet_diag_msg_attrs_fill of net/ipv4/inet_diag.c,
// since 4.3). nl's own reader of attributes panics on the truncated ones.
func only6(attributes []byte) bool {
	const header = 4 // struct nlattr of linux/netlink.h, whose values are filled up to 4 bytes
	for len(attributes) > header {
		size := int(binary.NativeEndian.Uint16(attributes))
		if size < header || size > len(attributes) {
			return false
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == only6Attribute && size > header {
			return attributes[header] != 0
		}
		attributes = attributes[min((size+3)&^3, len(attributes)):]
	}
	return false
}
