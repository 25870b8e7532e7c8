// Package ngcp reads NGCP's own configuration: config.yml for ports and
// switches, network.yml for hosts, their links and what the links are for.
package ngcp

import (
	"net/netip"

	"ngcp-fw/policy/diag"
)

// Source is a file as it was read.
type Source struct {
	Name string // as the operator named it
	Data []byte
}

// Config is the merged tree of one or more config.yml files. Only values that
// are asked for by their path ever leave it: the files are full of passwords.
// A nil Config has no options.
type Config struct {
	roots []node // oldest first, each one a mapping
}

// Scalar is one option's value and its place.
type Scalar struct {
	Path  string // kamailio.lb.port
	Text  string // without quotes
	Pos   diag.Pos
	Width int // characters the value takes in the file; 0 if it spans lines

	wrong *fault // why there is no text: the option is no single value
}

// Socket is one of kamailio.lb.extra_sockets. The zero Addr means any.
type Socket struct {
	Name     string
	Protocol string // "udp" or "tcp"
	Addr     netip.Addr
	Port     uint16
	Pos      diag.Pos
}

// Network is network.yml.
type Network struct {
	File  string // as the operator named it
	Hosts []Host // sorted by name
}

// Host is one machine of network.yml.
type Host struct {
	Name   string
	Roles  []string // node functions: lb, proxy, mgmt, rtp, db …
	Peer   string
	Status string
	Links  []Link   // those listed in interfaces, in its order
	Pos    diag.Pos // of its name
}

// Link is one interface of a host.
type Link struct {
	Name   string       // as listed: eth0, vlan300, eth0:1
	Device string       // the kernel's name of it: eth0 for eth0:1
	Addrs  []netip.Addr // own and shared, IPv4 and IPv6
	Types  []string     // sip_ext, ha_int …
	Pos    diag.Pos     // of the name over its block
}
