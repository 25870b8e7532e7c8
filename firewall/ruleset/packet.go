package ruleset

import (
	"fmt"
	"net/netip"
)

// CTStates is a conntrack state, as the bits of linux/netfilter/nf_conntrack_common.h.
type CTStates uint32

// The conntrack states that nft knows.
const (
	StateInvalid     CTStates = 1
	StateEstablished CTStates = 2
	StateRelated     CTStates = 4
	StateNew         CTStates = 8
	StateUntracked   CTStates = 64
)

// Packet is what a ruleset can see of one packet.
type Packet struct {
	In, Out  string // interfaces; "" where there is none
	Src, Dst netip.Addr
	Protocol uint8  // 6, 17, 1, 58 …
	SrcPort  uint16 // of tcp, udp, sctp
	DstPort  uint16
	ICMPType uint8
	State    CTStates
}

// Outcome is what a hook's base chains make of a packet.
type Outcome struct {
	Accept    bool
	Untracked bool    // a notrack statement was met
	Decided   []Place // the rules that gave a verdict, first to last; the policy of a base chain is Rule -1
	Unknown   []Place // foreign statements in the way: the outcome is a guess where there are any
}

// Place is a rule's place in a table.
type Place struct {
	Chain string
	Rule  int // 0 is the first; -1 the base chain's policy
}

// String is the chain and the rule's number.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.Chain, p.Rule) }
