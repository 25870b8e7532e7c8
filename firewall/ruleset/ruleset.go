// Package ruleset is what an nf_tables ruleset is, as pure data: it is written
// as nft text, encoded to netlink messages, decoded from them, compared, and
// asked for the verdict on a packet. It knows nothing of policies or sockets.
//
// A rule is a list of statements. What a statement matches is a row of the
// table of fields (fields.go), whose values have a row of the table of data
// types (types.go); text, encode, decode and evaluate are generic over the
// two, so a new match is a new row.
package ruleset

import "time"

// Family is an nf_tables family, by its number in linux/netfilter.h.
type Family uint8

// The families a host firewall meets.
const (
	FamilyInet Family = 1
	FamilyIPv4 Family = 2
	FamilyIPv6 Family = 10
)

// Table is one nf_tables table and all that is in it.
type Table struct {
	Family   Family
	Name     string
	Comment  string
	Counters []Counter
	Sets     []Set
	Chains   []Chain
	Foreign  []Foreign // objects of kinds this package has no word for
	InPlace  bool      // as read: this kernel changes sets without packets noticing; never compared
}

// Counter is a named counter object.
type Counter struct {
	Name    string
	Packets uint64 // as read; never encoded, never compared
	Bytes   uint64
}

// Set is a named set, or a verdict map where Map is true.
type Set struct {
	Name     string
	Comment  string
	Key      *DataType
	Map      bool          // key : verdict
	Interval bool          // elements may be ranges
	Timeout  bool          // elements may expire
	Dynamic  bool          // packets add elements
	Unnamed  bool          // belongs to one foreign rule, and goes with it
	Size     uint32        // the most elements; 0: no limit
	Lifetime time.Duration // of elements that say nothing else; 0: for ever
	Elements Elements      // sorted by key, disjoint; of a dynamic or timeout set those of the moment
	Raw      []byte        // attributes beyond the above, as read: the set is foreign. nil: none
}

// Live reports whether the set's elements are filled by others than the
// compiler (packets, bans): its content is not part of the ruleset.
func (s *Set) Live() bool { return s.Timeout || s.Dynamic }

// Elements is a compact, sorted list of keys: ranges (From to To, both
// included) in interval sets, single keys (From) otherwise, each with a verdict
// in maps. A million IPv4 ranges take 8 MB.
type Elements struct {
	width    int    // bytes of one key
	interval bool   // two keys an element
	keys     []byte // in the order the kernel compares them: most significant byte first
	verdicts []Verdict
}

// Hook is a place in the packet's path, by its number in linux/netfilter.h.
type Hook uint8

// The hooks.
const (
	HookPrerouting Hook = iota
	HookInput
	HookForward
	HookOutput
	HookPostrouting
)

// Base makes a chain a base chain: called by the kernel at a hook.
type Base struct {
	Type     string // filter
	Hook     Hook
	Priority int32
	Drop     bool // policy drop; otherwise accept
}

// Chain is a list of rules; Base is nil where others jump to it.
type Chain struct {
	Name  string
	Base  *Base
	Rules []Rule
}

// Rule is a list of statements, tried in order until one does not match.
type Rule struct {
	Statements []Statement
	Comment    string // at most 127 bytes, no double quotes
	Origin     string // the policy line it comes from, for people; not encoded, not compared
	Handle     uint64 // the kernel's number for it, as read; not encoded, not compared
}

// Statement is one of the types below.
type Statement interface{ statement() }

// Op is the relation between a field and an operand.
type Op uint8

// The relations. Within is any of: a value's bits, a range, a set.
const (
	Equal Op = iota
	NotEqual
)

// Match passes the packets whose field stands in the relation to the operand.
// A field's dependencies (ip saddr needs meta nfproto ipv4) are Match
// statements of their own, before it; the text leaves them out where nft
// supplies them by itself.
type Match struct {
	Field   *Field
	Op      Op
	Operand Operand
}

// Operand is one of Value, Range, Prefix, Bits and InSet.
type Operand interface{ operand() }

type (
	// Value is one value, in the field's byte order on the wire.
	Value []byte
	// Range is From to To, both included.
	Range struct{ From, To []byte }
	// Prefix is the values whose first Length bits are those of Addr.
	Prefix struct {
		Addr   []byte
		Length int
	}
	// Bits is the values that have at least one of these bits (ct state new,related).
	Bits []byte
	// InSet is the members of the named set.
	InSet string
)

func (Value) operand()  {}
func (Range) operand()  {}
func (Prefix) operand() {}
func (Bits) operand()   {}
func (InSet) operand()  {}

// VerdictMap looks the field up in a named verdict map and does as it says;
// where the map has no such key the rule does not match.
type VerdictMap struct {
	Field *Field
	Map   string
}

// VerdictKind is what becomes of a packet.
type VerdictKind uint8

// The verdicts.
const (
	Accept VerdictKind = iota
	Drop
	Jump
	Goto
	Return
	Continue
)

// Verdict ends a rule; Chain is for Jump and Goto.
type Verdict struct {
	Kind  VerdictKind
	Chain string
}

// Count adds the packet to a named counter, or to the rule's own where Name is "".
type Count struct{ Name string }

// NoTrack keeps the packet out of connection tracking.
type NoTrack struct{}

// Limit passes packets up to the rate (or only those over it).
type Limit struct {
	Rate  uint64
	Unit  time.Duration // a second, minute, hour, day or week
	Burst uint32
	Over  bool
}

// Log reports the packet, to an NFLOG group or the kernel log.
type Log struct {
	Prefix string // at most 127 bytes
	Group  *uint16
}

// Update adds the field's value to a dynamic set, or refreshes it there; with a
// Limit the rule goes on as the limit kept with that element says. Where the set
// is full, the rule ends.
type Update struct {
	Set     string
	Field   *Field
	Timeout time.Duration // of the element, in whole seconds; 0: as the set has it
	Limit   *Limit
}

// Foreign is an expression or object this package has no word for, whole.
type Foreign struct {
	Name string // the kernel's name of its kind
	Data []byte // its attributes as the kernel gave them
}

func (Match) statement()      {}
func (VerdictMap) statement() {}
func (Verdict) statement()    {}
func (Count) statement()      {}
func (NoTrack) statement()    {}
func (Limit) statement()      {}
func (Log) statement()        {}
func (Update) statement()     {}
func (Foreign) statement()    {}

// Message is one netlink message of nf_tables without its header's length,
// sequence and port: what is sent to create an object, or read in a dump.
type Message struct {
	Type  uint8  // NFT_MSG_NEWRULE …
	Flags uint16 // NLM_F_CREATE …
	Body  []byte // nfgenmsg and attributes; empty in a streamed message
	About string // "rule 3 of chain input-1 (sip/peers, policy.yml:41:7)", for errors

	late *elementPart // what the body of a streamed message is made of
}

// AppendBody appends the message's body, also that of a streamed one.
func (m Message) AppendBody(to []byte) []byte {
	if m.late != nil {
		return m.late.append(to)
	}
	return append(to, m.Body...)
}

// Size is how many bytes AppendBody appends at most.
func (m Message) Size() int {
	if m.late != nil {
		return m.late.size()
	}
	return len(m.Body)
}
