package ruleset

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
}

// LoadKind is the kernel's expression that loads a field.
type LoadKind uint8

// The loading expressions.
const (
	LoadMeta LoadKind = iota
	LoadCT
	LoadPayload
)

// The fields, with the numbers of linux/netfilter/nf_tables.h.
var (
	MetaIifname = &Field{Name: "iifname", Type: TypeIfname}
	MetaOifname = &Field{Name: "oifname", Type: TypeIfname}
	MetaNFProto = &Field{Name: "meta nfproto", Type: TypeNFProto}
	MetaL4Proto = &Field{Name: "meta l4proto", Type: TypeProto}
	CTState     = &Field{Name: "ct state", Type: TypeCTState}
	IPSaddr     = &Field{Name: "ip saddr", Type: TypeIPv4Addr}
	IPDaddr     = &Field{Name: "ip daddr", Type: TypeIPv4Addr}
	IP6Saddr    = &Field{Name: "ip6 saddr", Type: TypeIPv6Addr}
	IP6Daddr    = &Field{Name: "ip6 daddr", Type: TypeIPv6Addr}
	THSport     = &Field{Name: "th sport", Type: TypePort} // written udp sport where udp is matched before
	THDport     = &Field{Name: "th dport", Type: TypePort}
	ICMPType    = &Field{Name: "icmp type", Type: TypeICMP}
	ICMPv6Type  = &Field{Name: "icmpv6 type", Type: TypeICMPv6}
)
