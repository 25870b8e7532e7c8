// Package policy is the operator's policy file: its language, its parsed form,
// and the place in the file that everything in it came from.
package policy

import (
	"fmt"
	"net/netip"
	"time"

	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

// Policy is one parsed policy file. Lists keep the order of the file.
type Policy struct {
	File       string // as the operator named it; "" for the built-in policy
	NGCP       NGCP
	Roles      []Role    // only those written in the file
	Services   []Service // only those written in the file
	Deny       []Entry
	NeverBan   []Entry
	CrowdSec   bool // there are sets for its firewall bouncer to fill
	Mediaproxy Mediaproxy
	Log        *Log // nil: dropped packets are counted but not logged
	Forward    Forward
	Observe    bool
	ObservePos diag.Pos
	Tests      []Test
	// AcceptedRisks are the warnings that the operator has looked at and lives with.
	AcceptedRisks []AcceptedRisk
}

// NGCP names the deployed configuration that ports and switches come from.
type NGCP struct {
	Config  []Word // later files over earlier ones; paths as written
	Network Word
	Host    Word
}

// Word is a text and its place; the zero Word was not written.
type Word struct {
	Text string
	Pos  diag.Pos
}

// Role is a named group of sources.
type Role struct {
	Name     Word
	Allow    []Entry
	AllowPos diag.Pos // zero: allow is not written, the built-in default holds
	Except   []Entry
}

// Entry is one item of a list of sources.
type Entry struct {
	Pos     diag.Pos
	Text    string   // as written: 192.0.2.0/24, any, lists/noc.txt
	Sources addr.Set // what it stands for; empty for a Role entry
	List    string   // path of the list file as written, if it is one
	Role    string   // never-ban only: all sources of this role
	Comment string
	Owner   string
	Expires time.Time // last day of validity at 00:00 UTC; zero: never
}

// Service is what the file says of a service: a built-in one's changes, or a
// service of one's own. Nil and zero fields were not written.
type Service struct {
	Name          Word
	Enabled       *Switch
	Ports         []Ports
	Roles         []Word
	RolesPos      diag.Pos
	Interfaces    []Word
	InterfacesPos diag.Pos // non-zero: written, so an empty list means none
	Addresses     []Address
	AddressesPos  diag.Pos
	Limit         *Limit
}

// Switch is a boolean and its place.
type Switch struct {
	On  bool
	Pos diag.Pos
}

// Protocol is a transport protocol.
type Protocol uint8

// The transport protocols services use, by their IANA numbers.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// Protocols are the transport protocols with their names in the policy.
var Protocols = []struct {
	Protocol Protocol
	Name     string
}{{TCP, "tcp"}, {UDP, "udp"}, {SCTP, "sctp"}}

// HasPorts reports whether it is one of Protocols.
func HasPorts(p Protocol) bool {
	for _, row := range Protocols {
		if row.Protocol == p {
			return true
		}
	}
	return false
}

// String is the protocol's name in the policy.
func (p Protocol) String() string {
	for _, row := range Protocols {
		if row.Protocol == p {
			return row.Name
		}
	}
	return fmt.Sprintf("protocol %d", uint8(p))
}

// String is 5060/udp or 30000-40000/udp.
func (p Ports) String() string {
	if p.From == p.To {
		return fmt.Sprintf("%d/%s", p.From, p.Protocol)
	}
	return fmt.Sprintf("%d-%d/%s", p.From, p.To, p.Protocol)
}

// Ports is a port or a range of ports of one protocol, both ends included.
type Ports struct {
	Protocol Protocol
	From, To uint16
	Pos      diag.Pos
}

// Address is a local address and its place.
type Address struct {
	Addr netip.Addr
	Pos  diag.Pos
}

// Rate is Count packets in Unit (a second, minute, hour or day).
type Rate struct {
	Count uint32
	Unit  time.Duration
}

// Limit is the rate of new traffic one source may send to a service.
type Limit struct {
	Rate   Rate
	Burst  uint32        // packets above the rate that pass at once; default 5 as in nft
	Exempt []Word        // roles it does not hold for
	BanFor time.Duration // how long a source over the rate is banned, in whole seconds; 0: not at all
	Pos    diag.Pos
}

// Log says where dropped packets are logged.
type Log struct {
	Rate  Rate
	Group *uint16 // NFLOG group; nil: the kernel log
	Pos   diag.Pos
}

// Forward is what happens to packets that are routed through the host.
type Forward string

// The values of forward.
const (
	ForwardIgnore Forward = "ignore"
	ForwardDrop   Forward = "drop"
)

// Mediaproxy says who keeps rtpengine's rule, and its table's number.
type Mediaproxy struct {
	Rule  string // auto, xtables, daemon, off
	Table int    // 0 to 63
	Pos   diag.Pos
}

// Test is one expectation about a flow.
type Test struct {
	Flow   Flow
	Accept bool
	Pos    diag.Pos
}

// Flow is a question about one packet of a new flow.
type Flow struct {
	From     netip.Addr
	FromPort uint16     // 0: any
	To       netip.Addr // invalid: any address of this host
	ToPort   uint16
	Protocol Protocol
	In       string // interface it comes in by; "": see the policy's interfaces
}
