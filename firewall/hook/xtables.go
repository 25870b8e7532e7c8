package hook

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// xt is the structure of a match or target of iptables. Numbers in it are in the
// machine's order, unless said otherwise.
type xt []byte

func (x xt) u8(at int) uint8 {
	if at >= len(x) {
		return 0
	}
	return x[at]
}

func (x xt) u16(at int) uint16 {
	if at+2 > len(x) {
		return 0
	}
	return binary.NativeEndian.Uint16(x[at:])
}

func (x xt) u32(at int) uint32 {
	if at+4 > len(x) {
		return 0
	}
	return binary.NativeEndian.Uint32(x[at:])
}

// xtMatch is a match that we know: of which revisions, how many bytes it has at
// least, and what it says of a packet.
type xtMatch struct {
	first, last uint64
	size        int
	holds       func(m *machine, x xt) Tri
}

// xtMatches is the matches of iptables (linux/netfilter/xt_*.h,
// linux/netfilter_ipv4/ip_tables.h) that say something certain.
var xtMatches = map[string]xtMatch{
	"comment":   {0, 0, 0, func(*machine, xt) Tri { return Yes }},
	"tcp":       {0, 0, 12, xtTCP},
	"udp":       {0, 0, 9, xtUDP},
	"multiport": {1, 1, 48, xtMultiport},
	"icmp":      {0, 0, 4, xtICMP(protoICMP)},
	"icmp6":     {0, 0, 4, xtICMP(protoICMPv6)},
	"conntrack": {2, 3, 154, xtConntrack},
	"state":     {0, 0, 4, xtState},
	"addrtype":  {1, 1, 8, xtAddrtype},
	"mark":      {1, 1, 9, xtMark},
	"connmark":  {1, 1, 9, xtConnmark},
	"pkttype":   {0, 0, 8, xtPkttype},
	"iprange":   {1, 1, 65, xtIprange},
	"rpfilter":  {0, 0, 1, xtRpfilter},
}

// xtWhy is what the other common ones depend on.
var xtWhy = map[string]string{
	"limit": "a limit of its rate", "hashlimit": "a limit of its rate", "recent": "which packets came before", "set": "what is in an ipset",
	"connlimit": "the number of connections", "statistic": "chance", "time": "the time of day", "owner": "who owns the socket",
	"socket": "whether a socket waits for it", "string": "what the packet carries", "u32": "what the packet carries",
	"bpf": "a program (bpf)", "mac": "the link layer's addresses", "physdev": "the port of a bridge", "quota": "a quota",
}

func (m *machine) match(a attributes) did {
	name := a.word(unix.NFTA_MATCH_NAME)
	info := xt(a.find(unix.NFTA_MATCH_INFO))
	known, ok := xtMatches[name]
	rev := a.number(unix.NFTA_MATCH_REV)
	if ok && rev >= known.first && rev <= known.last && len(info) >= known.size {
		return did{match: known.holds(m, info)}
	}
	if what := xtWhy[name]; what != "" {
		return perhaps("it depends on %s (match %s)", what, name)
	}
	return perhaps("match %s of iptables is not understood", name)
}

// ports tells whether a port is one of a range, which of one that the packet
// leaves open is not known.
func (m *machine) portWithin(n, from, to uint16) Tri {
	if m.world.moved {
		return Perhaps
	}
	return port(n).within(binary.BigEndian.AppendUint16(nil, from), binary.BigEndian.AppendUint16(nil, to))
}

// xtTCP is struct xt_tcp of linux/netfilter/xt_tcpudp.h: source and destination
// ports, option, mask and value of the flags, what is inverted.
func xtTCP(m *machine, x xt) Tri {
	const invertSource, invertDestination, invertFlags, invertOption = 1, 2, 4, 8
	if m.packet.Protocol != protoTCP {
		return No
	}
	inverse := x.u8(11)
	all := m.portWithin(m.packet.SrcPort, x.u16(0), x.u16(2)).flip(inverse&invertSource != 0)
	all = all.and(m.portWithin(m.packet.DstPort, x.u16(4), x.u16(6)).flip(inverse&invertDestination != 0))
	flags := cut(m.segment, 13, 1).masked([]byte{x.u8(9)}, []byte{0}) // RFC 9293 section 3.1
	all = all.and(flags.equals([]byte{x.u8(10)}).flip(inverse&invertFlags != 0))
	if x.u8(8) != 0 || inverse&invertOption != 0 {
		all = all.and(Perhaps)
	}
	return all
}

// xtUDP is struct xt_udp of linux/netfilter/xt_tcpudp.h.
func xtUDP(m *machine, x xt) Tri {
	if m.packet.Protocol != protoUDP && m.packet.Protocol != protoUDPLite {
		return No
	}
	source := m.portWithin(m.packet.SrcPort, x.u16(0), x.u16(2)).flip(x.u8(8)&1 != 0)
	return source.and(m.portWithin(m.packet.DstPort, x.u16(4), x.u16(6)).flip(x.u8(8)&2 != 0))
}

// xtMultiport is struct xt_multiport_v1 of linux/netfilter/xt_multiport.h: which
// ports, how many, the ports, which of them begin a range, whether inverted.
func xtMultiport(m *machine, x xt) Tri {
	const source, destination, portsAt, rangesAt, invertAt, most = 0, 1, 2, 32, 47, 15
	if !hasPorts(m.packet.Protocol) {
		return No
	}
	in := No
	for i := 0; i < min(int(x.u8(1)), most); i++ {
		from := x.u16(portsAt + 2*i)
		to := from
		if x.u8(rangesAt+i) != 0 && i+1 < most {
			i++
			to = x.u16(portsAt + 2*i)
		}
		if x.u8(0) != destination {
			in = or(in, m.portWithin(m.packet.SrcPort, from, to))
		}
		if x.u8(0) != source {
			in = or(in, m.portWithin(m.packet.DstPort, from, to))
		}
	}
	return in.flip(x.u8(invertAt) != 0)
}

func or(a, b Tri) Tri { return a.not().and(b.not()).not() }

// xtICMP is struct ipt_icmp of linux/netfilter_ipv4/ip_tables.h, and ip6t_icmp of
// linux/netfilter_ipv6/ip6_tables.h: type (255 of IPv4: any), codes from and to,
// whether inverted.
func xtICMP(protocol uint8) func(*machine, xt) Tri {
	return func(m *machine, x xt) Tri {
		if m.packet.Protocol != protocol {
			return No
		}
		code := cut(m.segment, 1, 1).within([]byte{x.u8(1)}, []byte{x.u8(2)})
		is := truth(m.packet.ICMPType == x.u8(0)).and(code)
		if protocol == protoICMP && x.u8(0) == 255 {
			is = Yes
		}
		return is.flip(x.u8(3)&1 != 0)
	}
}

// States as iptables counts them (linux/netfilter/xt_conntrack.h, xt_state.h): the
// first four are those of nf_tables.
const (
	xtCtUntracked    = 1 << 8 // XT_CONNTRACK_STATE_UNTRACKED
	xtStateUntracked = 1 << 6 // XT_STATE_UNTRACKED
)

// stateIn tells whether the packet's state is one of the mask's.
func (m *machine) stateIn(mask, untracked uint32) Tri {
	bit := mask & uint32(ruleset.StateInvalid|ruleset.StateEstablished|ruleset.StateRelated|ruleset.StateNew)
	if mask&untracked != 0 {
		bit |= uint32(ruleset.StateUntracked)
	}
	have := m.state()
	if have.all() {
		return truth(binary.NativeEndian.Uint32(have.data)&bit != 0)
	}
	return Perhaps
}

// xtConntrack is struct xt_conntrack_mtinfo2 and 3 of linux/netfilter/xt_conntrack.h,
// as far as the state is concerned; the rest may be anything.
func xtConntrack(m *machine, x xt) Tri {
	const flagsAt, inverseAt, statesAt = 146, 148, 150
	const state, alias = 1, 1 << 13 // XT_CONNTRACK_STATE, XT_CONNTRACK_STATE_ALIAS
	all := Yes
	if x.u16(flagsAt)&state != 0 {
		all = m.stateIn(uint32(x.u16(statesAt)), xtCtUntracked).flip(x.u16(inverseAt)&state != 0)
	}
	if x.u16(flagsAt)&^(state|alias) != 0 {
		all = all.and(Perhaps)
	}
	return all
}

// xtState is struct xt_state_info of linux/netfilter/xt_state.h.
func xtState(m *machine, x xt) Tri { return m.stateIn(x.u32(0), xtStateUntracked) }

// xtAddrtype is struct xt_addrtype_info_v1 of linux/netfilter/xt_addrtype.h: types
// of the source, of the destination, flags.
func xtAddrtype(m *machine, x xt) Tri {
	const invertSource, invertDestination, unicast, local = 1, 2, 2, 4 // XT_ADDRTYPE_…
	flags, all := x.u32(4), Yes
	if x.u16(0) != 0 {
		in := Perhaps
		if m.snapshot.routes != nil && m.snapshot.routes(m.packet.Src, 0) == Yes && !m.snapshot.Owns(m.packet.Src) {
			in = truth(x.u16(0)&unicast != 0)
		}
		all = in.flip(flags&invertSource != 0)
	}
	if x.u16(2) != 0 {
		in := Perhaps
		if m.local() == Yes {
			in = truth(x.u16(2)&local != 0)
		}
		all = all.and(in.flip(flags&invertDestination != 0))
	}
	if flags&^(invertSource|invertDestination) != 0 {
		all = all.and(Perhaps)
	}
	return all
}

// xtMark is struct xt_mark_mtinfo1 of linux/netfilter/xt_mark.h: value, mask,
// whether inverted.
func xtMark(m *machine, x xt) Tri {
	return markIs(partly(m.world.mark, ^m.world.markOpen), x)
}

// xtConnmark is struct xt_connmark_mtinfo1 of linux/netfilter/xt_connmark.h.
func xtConnmark(m *machine, x xt) Tri {
	if m.tracked() != Yes || m.packet.State != ruleset.StateNew {
		return Perhaps
	}
	return markIs(partly(m.world.ctMark, ^m.world.ctMarkOpen), x)
}

func markIs(mark bits, x xt) Tri {
	return mark.masked(x[4:8], make([]byte, 4)).equals(x[:4]).flip(x.u8(8) != 0)
}

// xtPkttype is struct xt_pkttype_info of linux/netfilter/xt_pkttype.h.
func xtPkttype(m *machine, x xt) Tri {
	return m.packetType().equals([]byte{byte(x.u32(0))}).flip(x.u32(4) != 0)
}

// xtIprange is struct xt_iprange_mtinfo of linux/netfilter/xt_iprange.h: first and
// last source, first and last destination, each of 16 bytes, flags.
func xtIprange(m *machine, x xt) Tri {
	const source, destination, invertSource, invertDestination = 1, 2, 1 << 4, 1 << 5
	if m.world.moved {
		return Perhaps
	}
	flags, all := x.u8(64), Yes
	within := func(a netip.Addr, at int) Tri {
		b := address(a, m.packet.Src)
		return b.within(x[at:at+b.len()], x[at+16:at+16+b.len()])
	}
	if flags&source != 0 {
		all = within(m.packet.Src, 0).flip(flags&invertSource != 0)
	}
	if flags&destination != 0 {
		all = all.and(within(m.packet.Dst, 32).flip(flags&invertDestination != 0))
	}
	return all
}

// xtRpfilter is struct xt_rpfilter_info of linux/netfilter/xt_rpfilter.h.
func xtRpfilter(m *machine, x xt) Tri {
	const loose, invert = 1, 1 << 3 // XT_RPFILTER_…
	l := m.snapshot.link(m.packet.In)
	if m.snapshot.routes == nil || l == nil || x.u8(0)&^(loose|invert) != 0 {
		return Perhaps
	}
	link := l.Index
	if x.u8(0)&loose != 0 {
		link = 0
	}
	return m.snapshot.routes(m.packet.Src, link).flip(x.u8(0)&invert != 0)
}
