package ruleset

import (
	"encoding/binary"
	"net/netip"
)

// Field is something of a packet that a rule can look at: one row serves text,
// encode, decode and evaluate.
type Field struct {
	Name  string // nft's: ip saddr
	Type  *DataType
	Load  Load
	Needs []Match                       // what must be matched before, in this order
	Of    func(p Packet) ([]byte, bool) // its value in a packet, in wire order; false: the packet has none
}

// Load is how the kernel fetches a field into a register. Exactly one of
// Meta, CT and Payload is meant, as Kind says.
type Load struct {
	Kind   LoadKind
	Key    uint32 // NFT_META_… or NFT_CT_…
	Base   uint32 // NFT_PAYLOAD_…
	Offset uint32 // bytes from Base
	Bits   int    // how many of its first bits count, the others are taken for 0; 0: all of them
}

// LoadKind is the kernel's expression that loads a field.
type LoadKind uint8

// The loading expressions.
const (
	LoadMeta LoadKind = iota
	LoadCT
	LoadPayload
)

// Keys and bases of linux/netfilter/nf_tables.h.
const (
	metaIifname = 6  // NFT_META_IIFNAME
	metaOifname = 7  // NFT_META_OIFNAME
	metaNFProto = 15 // NFT_META_NFPROTO
	metaL4Proto = 16 // NFT_META_L4PROTO
	ctState     = 0  // NFT_CT_STATE

	baseNetwork   = 1 // NFT_PAYLOAD_NETWORK_HEADER
	baseTransport = 2 // NFT_PAYLOAD_TRANSPORT_HEADER
)

// Protocol numbers (IANA, Assigned Internet Protocol Numbers).
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// The fields. Offsets are those of RFC 791 (IPv4), RFC 8200 (IPv6), RFC 768
// (ports, the same in TCP and SCTP) and RFC 792 and 4443 (ICMP).
var (
	MetaIifname = &Field{Name: "iifname", Type: TypeIfname, Load: meta(metaIifname), Of: inName}
	MetaOifname = &Field{Name: "oifname", Type: TypeIfname, Load: meta(metaOifname), Of: outName}
	MetaNFProto = &Field{Name: "meta nfproto", Type: TypeNFProto, Load: meta(metaNFProto), Of: family}
	MetaL4Proto = &Field{Name: "meta l4proto", Type: TypeProto, Load: meta(metaL4Proto), Of: protocol}
	CTState     = &Field{Name: "ct state", Type: TypeCTState, Load: Load{Kind: LoadCT, Key: ctState}, Of: state}
	IPSaddr     = &Field{Name: "ip saddr", Type: TypeIPv4Addr, Load: payload(baseNetwork, 12), Needs: needIPv4, Of: addr(source, netip.Addr.Is4)}
	IPDaddr     = &Field{Name: "ip daddr", Type: TypeIPv4Addr, Load: payload(baseNetwork, 16), Needs: needIPv4, Of: addr(destination, netip.Addr.Is4)}
	IP6Saddr    = &Field{Name: "ip6 saddr", Type: TypeIPv6Addr, Load: payload(baseNetwork, 8), Needs: needIPv6, Of: addr(source, netip.Addr.Is6)}
	IP6SaddrNet = &Field{Name: "ip6 saddr & ffff:ffff:ffff:ffff::", Type: TypeIPv6Addr, Load: masked(payload(baseNetwork, 8), netBits), Needs: needIPv6, Of: sourceNet} // only looked up in sets
	IP6Daddr    = &Field{Name: "ip6 daddr", Type: TypeIPv6Addr, Load: payload(baseNetwork, 24), Needs: needIPv6, Of: addr(destination, netip.Addr.Is6)}
	THSport     = &Field{Name: "th sport", Type: TypePort, Load: payload(baseTransport, 0), Of: port(func(p Packet) uint16 { return p.SrcPort })} // written udp sport where udp is matched before
	THDport     = &Field{Name: "th dport", Type: TypePort, Load: payload(baseTransport, 2), Of: port(func(p Packet) uint16 { return p.DstPort })}
	ICMPType    = &Field{Name: "icmp type", Type: TypeICMP, Load: payload(baseTransport, 0), Needs: needICMP, Of: icmp(protoICMP)}
	ICMPv6Type  = &Field{Name: "icmpv6 type", Type: TypeICMPv6, Load: payload(baseTransport, 0), Needs: needICMPv6, Of: icmp(protoICMPv6)}
)

// Fields lists every row, for those who look one up by what it loads.
var Fields = []*Field{
	MetaIifname, MetaOifname, MetaNFProto, MetaL4Proto, CTState,
	IPSaddr, IPDaddr, IP6Saddr, IP6SaddrNet, IP6Daddr, THSport, THDport, ICMPType, ICMPv6Type,
}

// What nft 1.0.6 puts before a field in an inet table, in its order.
var (
	needIPv4   = []Match{{Field: MetaNFProto, Operand: Value{byte(FamilyIPv4)}}}
	needIPv6   = []Match{{Field: MetaNFProto, Operand: Value{byte(FamilyIPv6)}}}
	needICMP   = []Match{needIPv4[0], {Field: MetaL4Proto, Operand: Value{protoICMP}}}
	needICMPv6 = []Match{needIPv6[0], {Field: MetaL4Proto, Operand: Value{protoICMPv6}}}
)

func meta(key uint32) Load { return Load{Kind: LoadMeta, Key: key} }

func payload(base, offset uint32) Load {
	return Load{Kind: LoadPayload, Base: base, Offset: offset}
}

func masked(l Load, bits int) Load {
	l.Bits = bits
	return l
}

// netBits is the prefix of a link: its hosts take as many addresses of it as they
// like (RFC 4291 section 2.5.4, RFC 8981).
const netBits = 64

// A packet without such an interface has the empty name: the kernel matches
// iifname != "lo" there, too (net/netfilter/nft_meta.c).
func inName(p Packet) ([]byte, bool)  { return ifname(p.In), true }
func outName(p Packet) ([]byte, bool) { return ifname(p.Out), true }

// ifnameLen is IFNAMSIZ of linux/if.h, the closing zero included.
const ifnameLen = 16

func ifname(name string) []byte {
	padded := make([]byte, ifnameLen)
	copy(padded, name)
	return padded
}

func family(p Packet) ([]byte, bool) {
	switch {
	case p.Src.Is4():
		return []byte{byte(FamilyIPv4)}, true
	case p.Src.Is6():
		return []byte{byte(FamilyIPv6)}, true
	}
	return nil, false
}

func protocol(p Packet) ([]byte, bool) { return []byte{p.Protocol}, true }

func state(p Packet) ([]byte, bool) {
	return binary.BigEndian.AppendUint32(nil, uint32(p.State)), true
}

func source(p Packet) netip.Addr      { return p.Src }
func destination(p Packet) netip.Addr { return p.Dst }

func addr(of func(Packet) netip.Addr, is func(netip.Addr) bool) func(Packet) ([]byte, bool) {
	return func(p Packet) ([]byte, bool) {
		a := of(p)
		return a.AsSlice(), is(a)
	}
}

func sourceNet(p Packet) ([]byte, bool) {
	net, err := p.Src.Prefix(netBits)
	return net.Addr().AsSlice(), err == nil && p.Src.Is6()
}

func port(of func(Packet) uint16) func(Packet) ([]byte, bool) {
	return func(p Packet) ([]byte, bool) {
		switch p.Protocol {
		case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
			return binary.BigEndian.AppendUint16(nil, of(p)), true
		}
		return nil, false
	}
}

func icmp(proto uint8) func(Packet) ([]byte, bool) {
	return func(p Packet) ([]byte, bool) {
		return []byte{p.ICMPType}, p.Protocol == proto
	}
}
