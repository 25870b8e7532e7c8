package hook

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// maxName is IFNAMSIZ of linux/if.h.
const maxName = 16

func name(s string) bits { return certain(append([]byte(s), make([]byte, max(0, maxName-len(s)))...)) }

// metaLoads is what meta loads, by its key (NFT_META_… of linux/netfilter/nf_tables.h).
// What is missing is unknown.
var metaLoads = map[uint64]func(*machine) bits{
	unix.NFT_META_PROTOCOL: func(m *machine) bits { return net16(m.etherType()) },
	unix.NFT_META_MARK:     func(m *machine) bits { return partly(m.world.mark, ^m.world.markOpen) },
	unix.NFT_META_IIF:      (*machine).linkIndex,
	unix.NFT_META_OIF:      func(*machine) bits { return host32(0) },
	unix.NFT_META_IIFNAME:  (*machine).linkName,
	unix.NFT_META_OIFNAME:  func(*machine) bits { return name("") },
	unix.NFT_META_IIFTYPE:  (*machine).linkKind,
	unix.NFT_META_NFPROTO:  func(m *machine) bits { return certain([]byte{m.family()}) },
	unix.NFT_META_L4PROTO:  func(m *machine) bits { return certain([]byte{m.packet.Protocol}) },
	unix.NFT_META_PKTTYPE:  (*machine).packetType,
}

func (m *machine) meta(a attributes) did {
	key := a.number(unix.NFTA_META_KEY)
	if a.find(unix.NFTA_META_DREG) == nil {
		switch key {
		case unix.NFT_META_MARK:
			m.world.mark, m.world.markOpen = split(m.register(a.number(unix.NFTA_META_SREG), 4))
		case unix.NFT_META_PKTTYPE:
			m.world.moved = true
		}
		return passes
	}
	if load := metaLoads[key]; load != nil {
		return m.set(a.number(unix.NFTA_META_DREG), load(m))
	}
	return m.set(a.number(unix.NFTA_META_DREG), open(16))
}

// split is a number of a register, and which of its bits are not known.
func split(b bits) (n, unknown uint32) {
	if b.len() != 4 {
		return 0, ^uint32(0)
	}
	return binary.NativeEndian.Uint32(b.data), ^binary.NativeEndian.Uint32(b.known)
}

func (m *machine) family() byte {
	if m.packet.Src.Is6() {
		return byte(ruleset.FamilyIPv6)
	}
	return byte(ruleset.FamilyIPv4)
}

func (m *machine) etherType() uint16 {
	if m.packet.Src.Is6() {
		return unix.ETH_P_IPV6
	}
	return unix.ETH_P_IP
}

func (m *machine) linkName() bits {
	if m.packet.In == "" {
		return open(maxName)
	}
	return name(m.packet.In)
}

func (m *machine) linkIndex() bits {
	if l := m.snapshot.link(m.packet.In); l != nil {
		return host32(l.Index)
	}
	return open(4)
}

func (m *machine) linkKind() bits {
	if l := m.snapshot.link(m.packet.In); l != nil && l.Kind != 0 {
		return host16(l.Kind)
	}
	return open(2)
}

// packetType is to whom the link layer sent it (linux/if_packet.h): a packet to an
// address that is not a group's was sent to this host.
func (m *machine) packetType() bits {
	const toHost = 0 // PACKET_HOST
	if m.local() == Yes {
		return certain([]byte{toHost})
	}
	return open(1)
}

// local tells whether the packet's destination is an address of this host. It is
// for this host in any case; a broadcast is known by the host's links.
func (m *machine) local() Tri {
	dst := m.packet.Dst
	switch {
	case m.world.moved:
		return Perhaps
	case !dst.IsValid():
		return Yes
	case dst.IsMulticast():
		return No
	case dst.Is6() || m.snapshot.Owns(dst):
		return Yes
	case dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return No
	}
	return Perhaps
}

// Owns tells whether it is an address of one of the host's interfaces.
func (s *Snapshot) Owns(a netip.Addr) bool {
	for _, l := range s.Links {
		if slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr() == a }) {
			return true
		}
	}
	return false
}

// payload loads from the packet's headers; where there are no such bytes, the
// rule does not match (nft_payload.c). One that writes changes the packet.
func (m *machine) payload(a attributes) did {
	if a.find(unix.NFTA_PAYLOAD_DREG) == nil {
		m.world.moved, m.world.written = true, true
		return passes
	}
	n, offset := int(a.number(unix.NFTA_PAYLOAD_LEN)), int(a.number(unix.NFTA_PAYLOAD_OFFSET))
	value, d := open(n), passes
	switch a.number(unix.NFTA_PAYLOAD_BASE) {
	case unix.NFT_PAYLOAD_NETWORK_HEADER:
		value = cut(m.network, offset, n)
	case unix.NFT_PAYLOAD_TRANSPORT_HEADER:
		value = cut(m.segment, offset, n)
		if offset+n > m.segment.len() {
			d = perhaps("it depends on what the packet carries")
		}
	case unix.NFT_PAYLOAD_LL_HEADER:
		d = perhaps("it depends on the link layer's addresses")
	default:
		d = perhaps("it depends on what the packet carries")
	}
	if m.world.moved {
		value = open(n)
	}
	m.set(a.number(unix.NFTA_PAYLOAD_DREG), value)
	return d
}

// cut is n bytes from the offset on; those beyond the end are unknown.
func cut(b bits, offset, n int) bits {
	if n < 0 || n > registerBytes || offset < 0 || offset > b.len() {
		return open(min(max(n, 0), registerBytes))
	}
	part := bits{b.data[offset:min(offset+n, b.len())], b.known[offset:min(offset+n, b.len())]}
	return join(part, open(n-part.len()))
}
