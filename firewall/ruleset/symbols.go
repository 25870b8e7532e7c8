package ruleset

// symbol is nft's word for a value.
type symbol struct {
	value uint64
	name  string
}

// nfProtos are nft's words for the families of linux/netfilter.h.
var nfProtos = []symbol{{uint64(FamilyIPv4), "ipv4"}, {uint64(FamilyIPv6), "ipv6"}}

// protocols are the words that nft knows by itself: for others it asks
// /etc/protocols, which a small host has not got.
var protocols = []symbol{
	{protoICMP, "icmp"}, {2, "igmp"}, {protoTCP, "tcp"}, {protoUDP, "udp"}, {protoDCCP, "dccp"}, {50, "esp"},
	{51, "ah"}, {protoICMPv6, "icmpv6"}, {108, "comp"}, {protoSCTP, "sctp"}, {protoUDPLite, "udplite"},
}

// ctStates are the words of nft describe ct state.
var ctStates = []symbol{
	{uint64(StateInvalid), "invalid"}, {uint64(StateEstablished), "established"}, {uint64(StateRelated), "related"},
	{uint64(StateNew), "new"}, {uint64(StateUntracked), "untracked"},
}

// icmpTypes are the words of nft describe icmp type.
var icmpTypes = []symbol{
	{0, "echo-reply"}, {3, "destination-unreachable"}, {4, "source-quench"}, {5, "redirect"}, {8, "echo-request"},
	{9, "router-advertisement"}, {10, "router-solicitation"}, {11, "time-exceeded"}, {12, "parameter-problem"},
	{13, "timestamp-request"}, {14, "timestamp-reply"}, {15, "info-request"}, {16, "info-reply"},
	{17, "address-mask-request"}, {18, "address-mask-reply"},
}

// icmpv6Types are the words of nft describe icmpv6 type.
var icmpv6Types = []symbol{
	{1, "destination-unreachable"}, {2, "packet-too-big"}, {3, "time-exceeded"}, {4, "parameter-problem"},
	{128, "echo-request"}, {129, "echo-reply"}, {130, "mld-listener-query"}, {131, "mld-listener-report"},
	{132, "mld-listener-done"}, {133, "nd-router-solicit"}, {134, "nd-router-advert"}, {135, "nd-neighbor-solicit"},
	{136, "nd-neighbor-advert"}, {137, "nd-redirect"}, {138, "router-renumbering"}, {141, "ind-neighbor-solicit"},
	{142, "ind-neighbor-advert"}, {143, "mld2-listener-report"},
}
