package ruleset

// DataType is a kind of value: how many bytes, and how nft writes it.
type DataType struct {
	Name      string // nft's: ipv4_addr
	ID        uint32 // nft's number for it, kept in a set's key type
	Len       int    // bytes
	HostOrder bool   // least significant byte first in the kernel's registers on this machine
}

// The data types (ids from nft's include/datatype.h).
var (
	TypeNFProto  = &DataType{Name: "nf_proto", ID: 2, Len: 1}
	TypeIPv4Addr = &DataType{Name: "ipv4_addr", ID: 7, Len: 4}
	TypeIPv6Addr = &DataType{Name: "ipv6_addr", ID: 8, Len: 16}
	TypeProto    = &DataType{Name: "inet_proto", ID: 12, Len: 1}
	TypePort     = &DataType{Name: "inet_service", ID: 13, Len: 2}
	TypeICMP     = &DataType{Name: "icmp_type", ID: 14, Len: 1}
	TypeCTState  = &DataType{Name: "ct_state", ID: 26, Len: 4, HostOrder: true}
	TypeICMPv6   = &DataType{Name: "icmpv6_type", ID: 29, Len: 1}
	TypeIfname   = &DataType{Name: "ifname", ID: 41, Len: 16, HostOrder: true}
)
