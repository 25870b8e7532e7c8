// Package exposure is what a policy means on one host: who may reach what,
// with nothing left to resolve.
package exposure

import (
	"net/netip"
	"time"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/ngcp"
)

// Inputs is everything a Model is made of.
type Inputs struct {
	Policy  *policy.Policy
	Config  *ngcp.Config  // nil: no config.yml
	Network *ngcp.Network // nil: no network.yml
	Host    string        // the host's name in network.yml
	HostPos diag.Pos      // where that name was written; zero if it is the machine's
	Links   []string      // the links of the machine that the policy is for; nil: not known, or another machine
	Now     time.Time     // decides which entries have expired
}

// Model is the resolved policy of one host.
type Model struct {
	Host       string
	Services   []Service  // every service of the table, then the policy's own; on or off
	Exposures  []Exposure // in the order of Services and of each one's roles
	Deny       addr.Set
	Denials    []policy.Entry            // what makes up Deny
	Allowed    map[string][]policy.Entry // by role: what its allow lists
	NeverBan   addr.Set
	CrowdSec   bool // whom its firewall bouncer bans is refused
	Mediaproxy policy.Mediaproxy
	Log        *policy.Log
	Forward    policy.Forward
	Observe    bool
	ObservePos diag.Pos
	Tests      []policy.Test
}

// Service is a service as it stands on this host.
type Service struct {
	Name        string
	Ports       []policy.Ports // sorted: protocol, port
	PortsFrom   diag.Pos       // zero: built in
	Enabled     bool
	EnabledFrom diag.Pos
	Closed      string // why it is off or nowhere, for people: "kamailio.lb.tls.enable is no"
	Roles       []string
	Interfaces  []string // nil: every one; sorted
	Limit       *Limit
}

// Limit is a service's per-source rate with its exempt sources resolved.
type Limit struct {
	Rate   policy.Rate
	Burst  uint32
	Exempt addr.Set
	BanFor time.Duration // how long who is over the rate is banned; 0: not at all
	Pos    diag.Pos
}

// Exposure is one resolved fact: these sources reach these ports here.
type Exposure struct {
	Service    string
	Role       string
	Ports      []policy.Ports // nil: every protocol and port (cluster)
	Sources    addr.Set       // without except and deny
	Interfaces []string       // kernel names, sorted; nil: every one
	Addresses  []netip.Addr   // local addresses, sorted; nil: every one
	Origin     diag.Pos
	RolePos    diag.Pos // where the role's sources are written; zero: built in
}
