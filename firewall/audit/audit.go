// Package audit tells what really listens on a host and who can really reach it:
// the sockets, held against all base chains of the input path, ours and others',
// and against what the policy says.
package audit

import (
	"net/netip"

	"ngcp-fw/firewall/host"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

// Reach is who gets to a socket.
type Reach string

// The reaches. Any: a source that is in no role gets in; roles: only those of
// roles that have limits; local: only this host itself; nobody: not even that.
const (
	ReachAny    Reach = "any"
	ReachRoles  Reach = "roles"
	ReachLocal  Reach = "local"
	ReachNobody Reach = "nobody"
)

// Code names a kind of finding.
type Code string

// Finding is what is wrong with a socket, in words; of two findings the one whose
// code stands further up in Codes is the worse one.
type Finding struct {
	Code Code
	Text string // a sentence without its point
}

// Entry is a socket, several that differ in nothing that matters, or open ports of
// the policy: those where nobody listens, which have no address and no process, and
// those of media, with what is to be said of the rule that forwards it.
type Entry struct {
	Protocol policy.Protocol
	Address  netip.Addr // unspecified: every one of its family
	Both     bool       // :: takes IPv4, too
	Link     string     // it takes packets of this link only
	Port     uint16
	LastPort uint16 // of sockets that were folded, and of open ranges; otherwise Port
	Sockets  int    // how many; 0: it is about the policy's ports, not about sockets
	Client   bool   // of UDP: by its port and who reaches it, a client's that waits for answers
	host.Owner
	User string // whom the process runs as

	Service string   // of the policy, that has the port; "": none
	Origin  diag.Pos // where the service's port is written, if Service is not empty

	Reach Reach
	Roles []string // that get in, sorted; of ReachAny, those the policy names
	From  addr.Set // who gets in
	Links []string // by which; nil: by every one that there is
	Why   string   // the chain and rule that decides for the widest source that gets in, or keeps all out

	Findings []Finding // the worst first

	ephemeral bool // of UDP: at a port that clients get, and none of the policy's
}

// Report is an audit.
type Report struct {
	Entries   []Entry // the worst findings first
	InForce   bool    // our own table is in the kernel
	Elsewhere host.Elsewhere
	Unseen    int      // processes that we may not look into
	Doubts    []string // what could not be looked at
}

// Findings is how many there are.
func (r *Report) Findings() (n int) {
	for _, e := range r.Entries {
		n += len(e.Findings)
	}
	return n
}
