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
		if key == unix.NFT_META_MARK {
			b := m.register(a.number(unix.NFTA_META_SREG), 4)
			m.world.mark, m.world.markOpen = split(b)
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
	case dst.Is6() || m.snapshot.owns(dst):
		return Yes
	case dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return No
	}
	return Perhaps
}

func (s *Snapshot) owns(a netip.Addr) bool {
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
		m.world.moved = true
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

// conntrackPriority is NF_IP_PRI_CONNTRACK of linux/netfilter_ipv4.h: before it,
// nothing is tracked.
const conntrackPriority = -200

// tracked tells whether the packet has a connection by now.
func (m *machine) tracked() Tri {
	switch {
	case m.base.stage() == 2 && m.base.priority <= conntrackPriority:
		return No
	case m.world.mayTrack:
		return Perhaps
	}
	return truth(!m.world.noTrack)
}

// state is the packet's conntrack state, as bits of linux/netfilter/nf_conntrack_common.h.
func (m *machine) state() bits {
	before := m.base.stage() == 2 && m.base.priority <= conntrackPriority
	switch {
	case m.world.mayTrack:
		return partly(0, ^uint32(ruleset.StateUntracked|ruleset.StateInvalid|m.packet.State))
	case m.world.noTrack:
		return host32(uint32(ruleset.StateUntracked))
	case before:
		return host32(uint32(ruleset.StateInvalid))
	}
	return host32(uint32(m.packet.State))
}

func (m *machine) ct(a attributes) did {
	key := a.number(unix.NFTA_CT_KEY)
	if a.find(unix.NFTA_CT_DREG) == nil {
		if key == unix.NFT_CT_MARK {
			m.world.ctMark, m.world.ctMarkOpen = split(m.register(a.number(unix.NFTA_CT_SREG), 4))
		}
		return passes
	}
	dreg := a.number(unix.NFTA_CT_DREG)
	if key == unix.NFT_CT_STATE {
		return m.set(dreg, m.state())
	}
	m.set(dreg, m.connection(key, a.number(unix.NFTA_CT_DIRECTION)))
	d := did{match: m.tracked()}
	if d.match == Perhaps {
		d.why = "it depends on whether the packet is tracked"
	}
	return d
}

// connection is what ct loads of a new connection (NFT_CT_…).
func (m *machine) connection(key, direction uint64) bits {
	if m.packet.State != ruleset.StateNew || m.world.moved {
		return open(16)
	}
	const original = 0 // IP_CT_DIR_ORIGINAL
	switch key {
	case unix.NFT_CT_DIRECTION:
		return certain([]byte{original})
	case unix.NFT_CT_STATUS:
		// Expected, answered, assured, confirmed, and translated: none of it yet.
		return partly(0, 0x3f)
	case unix.NFT_CT_MARK:
		return partly(m.world.ctMark, ^m.world.ctMarkOpen)
	case unix.NFT_CT_L3PROTOCOL:
		return certain([]byte{m.family()})
	case unix.NFT_CT_PROTOCOL:
		return certain([]byte{m.packet.Protocol})
	case unix.NFT_CT_PROTO_SRC, unix.NFT_CT_PROTO_DST:
		return m.connectionPort(key, direction)
	case unix.NFT_CT_SRC, unix.NFT_CT_DST, unix.NFT_CT_SRC_IP, unix.NFT_CT_DST_IP, unix.NFT_CT_SRC_IP6, unix.NFT_CT_DST_IP6:
		return m.connectionAddr(key, direction)
	}
	return open(16)
}

func (m *machine) connectionPort(key, direction uint64) bits {
	if !hasPorts(m.packet.Protocol) {
		return open(2)
	}
	if (key == unix.NFT_CT_PROTO_SRC) == (direction == 0) {
		return port(m.packet.SrcPort)
	}
	return port(m.packet.DstPort)
}

func (m *machine) connectionAddr(key, direction uint64) bits {
	source := key == unix.NFT_CT_SRC || key == unix.NFT_CT_SRC_IP || key == unix.NFT_CT_SRC_IP6
	if source == (direction == 0) {
		return address(m.packet.Src, m.packet.Src)
	}
	return address(m.packet.Dst, m.packet.Src)
}

// Results of fib (linux/netfilter/nf_tables.h) and types of routes (linux/rtnetlink.h).
const (
	fibOif, fibOifname, fibType = 1, 2, 3 // NFT_FIB_RESULT_…

	routeLocal = 2 // RTN_LOCAL
)

// fib asks the routes: for the type of an address, or, of the source, whether
// there is a way back.
func (m *machine) fib(a attributes) did {
	flags, dreg := a.number(unix.NFTA_FIB_FLAGS), a.number(unix.NFTA_FIB_DREG)
	result := a.number(unix.NFTA_FIB_RESULT)
	value := open(16)
	switch {
	case result == fibType && flags&unix.NFTA_FIB_F_DADDR != 0:
		if m.local() == Yes && flags&unix.NFTA_FIB_F_IIF == 0 {
			value = host32(routeLocal)
		}
	case result != fibType && flags&unix.NFTA_FIB_F_SADDR != 0:
		value = m.wayBack(flags, result)
	}
	m.set(dreg, value)
	if !value.all() {
		return did{match: Yes, why: "it depends on the routes"}
	}
	return passes
}

// wayBack is whether the host has a route to the source, by the packet's
// interface where the flags say so.
func (m *machine) wayBack(flags, result uint64) bits {
	l := m.snapshot.link(m.packet.In)
	if m.snapshot.routes == nil || l == nil || flags&unix.NFTA_FIB_F_MARK != 0 && m.world.markOpen != 0 {
		return open(16)
	}
	link := uint32(0)
	if flags&unix.NFTA_FIB_F_IIF != 0 {
		link = l.Index
	}
	there := m.snapshot.routes(m.packet.Src, link)
	switch {
	case there == Perhaps:
		return open(16)
	case flags&unix.NFTA_FIB_F_PRESENT != 0:
		return certain([]byte{byte(Yes) & byte(there)})
	case there == No && result == fibOif:
		return host32(0)
	case there == No:
		return name("")
	case link == 0:
		return open(16)
	case result == fibOif:
		return host32(link)
	}
	return name(m.packet.In)
}

func (m *machine) notrack(attributes) did {
	m.world.noTrack, m.world.mayTrack = true, false
	return passes
}

// limit passes packets up to a rate, or only those over it.
func (m *machine) limit(a attributes) did {
	const over = 1 // NFT_LIMIT_F_INV
	if slices.Contains(m.snapshot.LimitsKept, familyName(m.base.table.family)+" "+m.base.table.name) {
		return did{match: truth(a.number(unix.NFTA_LIMIT_FLAGS)&over == 0)}
	}
	return perhaps("it depends on a limit of its rate")
}

// Kinds of named objects that can stop a rule, or more (NFT_OBJECT_… of
// linux/netfilter/nf_tables.h).
const objectQuota, objectLimit, objectConnlimit, objectSynproxy = 2, 4, 5, 10

func (m *machine) objref(a attributes) did {
	const setName = 5 // NFTA_OBJREF_SET_NAME
	if a.find(setName) != nil {
		return perhaps("it depends on what is in map %s", a.word(setName))
	}
	switch a.number(unix.NFTA_OBJREF_IMM_TYPE) {
	case objectQuota:
		return perhaps("it depends on a quota")
	case objectLimit:
		return perhaps("it depends on a limit of its rate")
	case objectConnlimit:
		return perhaps("it depends on the number of connections")
	case objectSynproxy:
		return elsewhere("a proxy (synproxy) answers it")
	}
	return passes
}

// nat of the destination sends the packet elsewhere; of the source, it accepts.
func (m *machine) nat(a attributes) did {
	if a.number(unix.NFTA_NAT_TYPE) == unix.NFT_NAT_DNAT {
		return elsewhere("its destination is changed (dnat)")
	}
	return decides(nfAccept)
}
