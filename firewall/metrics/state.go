package metrics

import "time"

// State is what is known of a host at one moment.
type State struct {
	Version string // of the program
	Failed  bool   // the kernel did not answer; nothing below is known

	InForce    bool // our table is in the kernel
	Asleep     bool // and no packet from outside meets it
	Drift      int  // in how many things the kernel differs from what was applied
	Generation *Generation
	Deadline   time.Time // until which what is in force has to be confirmed; zero: it need not be
	Fallback   bool      // what is in force came by a restore that had to fall back
	FellBack   time.Time // when a restore last did; zero: never

	Accepted []Traffic
	Dropped  []Traffic
	Bans     []Bans
	Limits   []Limit
	Sets     []Set
	Entries  *Entries // nil: unknown
	Media    Media
	Tracked  *Tracking // nil: the kernel tracks no connections
}

// Generation is what is known of the generation in force, or of the last one that
// was.
type Generation struct {
	Number         uint64
	Policy, Digest string // the file's name, and the SHA-256 of its text in hex
	Applied        time.Time
	Confirmed      bool
	Observe        bool // nothing is dropped
}

// Traffic is what a counter of the ruleset has met.
type Traffic struct {
	Service string // "": none has to do with it
	Reason  string // of a refusal
	Packets uint64
	Bytes   uint64
}

// Bans is how many bans of a kind there are.
type Bans struct {
	Kind   string
	Number int
}

// Limit is a service's meter for one family, ipv4 or ipv6.
type Limit struct {
	Service, Family string
	Set             string // its name in the table
	Sources         int    // that it remembers
	Size            int    // the most that it can
}

// Set is a set of addresses.
type Set struct {
	Name     string
	Elements int
	Size     int // the most; 0: no limit
}

// Entries is about the policy's entries that have a last day.
type Entries struct {
	Ending   int       // within 30 days
	Outdated int       // have ended since the policy was applied, and still hold
	Next     time.Time // the first moment at which one of those to come ends; zero: none does
}

// Media is about rtpengine's module and the rule that hands media to it.
type Media struct {
	Wanted   bool // a rule should be there
	InForce  bool // media of both families meets it
	Module   bool // is loaded
	Findings int
	Rules    []MediaRule
	Tables   []MediaTable
}

// MediaRule is the rules of a family, ipv4 or ipv6.
type MediaRule struct {
	Family  string
	Present bool
	Packets uint64
}

// MediaTable is one of rtpengine's tables in the kernel.
type MediaTable struct{ Table, Streams int }

// Tracking is how full the table of connections is.
type Tracking struct{ Entries, Limit int }
