package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/addr"
)

// Constants is what rules compare a packet with. Two sources that are in the same
// of the sets share their fate, and so do two destinations, and two ports without
// an edge between them.
type Constants struct {
	Sources      []addr.Set
	Destinations []addr.Set
	Ports        []uint16 // source ports: of ranges, the ends and what is beside them
	Edges        []uint16 // ports to go to: where something begins, or has ended before
	Odd          int      // comparisons of bits that are no prefix: these tell more apart
}

// ConstantsOf looks through a ruleset as the kernel lists it, everybody's tables
// together. It takes rather too much than too little: what a rule compares with
// the destination may be among it, and does no harm but for the work.
func ConstantsOf(messages []ruleset.Message) Constants {
	c := collector{seen: map[string]bool{}, sets: setsOf(messages)}
	for _, m := range messages {
		const generic = 4 // bytes of struct nfgenmsg
		if m.Type == unix.NFT_MSG_NEWRULE && len(m.Body) >= generic {
			c.rule(m.Body[0], m.Body[generic:])
		}
	}
	return c.Constants
}

// collector gathers what it meets, each constant once.
type collector struct {
	Constants
	seen map[string]bool
	sets map[setKey]elementSet
}

type setKey struct {
	family uint8
	table  string
	name   string
}

// kind is what of a packet stands in a register.
type kind uint8

const (
	other kind = iota
	source
	destination
	sourcePort
	destinationPort
)

// load is what a rule has loaded into a register, and how it was masked.
type load struct {
	kind kind
	full int // bytes of a whole address
	mask []byte
}

// registers is what a rule has loaded so far, by the byte that it begins at.
type registers map[int]load

// rule walks through one rule's expressions. They follow each other, so what is
// compared is what was loaded last.
func (c *collector) rule(family uint8, a []byte) {
	table := word(find(a, unix.NFTA_RULE_TABLE))
	have := registers{}
	for _, one := range kernel.Attributes(find(a, unix.NFTA_RULE_EXPRESSIONS)) {
		data := find(one, unix.NFTA_EXPR_DATA)
		switch word(find(one, unix.NFTA_EXPR_NAME)) {
		case "payload":
			have.put(data, unix.NFTA_PAYLOAD_DREG, payload(data))
		case "ct":
			have.put(data, unix.NFTA_CT_DREG, connection(data))
		case "meta":
			have.put(data, unix.NFTA_META_DREG, load{})
		case "bitwise":
			l := have[place(find(data, unix.NFTA_BITWISE_SREG))]
			l.mask = value(data, unix.NFTA_BITWISE_MASK)
			have.put(data, unix.NFTA_BITWISE_DREG, l)
		case "cmp":
			c.cmp(have[place(find(data, unix.NFTA_CMP_SREG))], data)
		case "range":
			c.compared(have[place(find(data, unix.NFTA_RANGE_SREG))], value(data, unix.NFTA_RANGE_FROM_DATA), value(data, unix.NFTA_RANGE_TO_DATA))
		case "lookup":
			c.lookup(have, c.sets[setKey{family, table, word(find(data, unix.NFTA_LOOKUP_SET))}], place(find(data, unix.NFTA_LOOKUP_SREG)))
		case "match":
			c.match(word(find(data, unix.NFTA_MATCH_NAME)), find(data, unix.NFTA_MATCH_INFO))
		}
	}
}

func (r registers) put(data []byte, register uint16, l load) {
	if to := find(data, register); to != nil {
		r[place(to)] = l
	}
}

// Where addresses stand in the headers of RFC 791 and RFC 8200, and how long they
// are.
const (
	source4, destination4, size4 = 12, 16, 4
	source6, destination6, size6 = 8, 24, 16
)

// payload is what an expression loads from the headers. Of a prefix whose length
// is whole bytes, nft loads only those; ports come first in all transport
// protocols.
func payload(a []byte) load {
	base, offset := number(find(a, unix.NFTA_PAYLOAD_BASE)), number(find(a, unix.NFTA_PAYLOAD_OFFSET))
	switch {
	case base == unix.NFT_PAYLOAD_NETWORK_HEADER && offset == source4:
		return load{kind: source, full: size4}
	case base == unix.NFT_PAYLOAD_NETWORK_HEADER && offset == source6:
		return load{kind: source, full: size6}
	case base == unix.NFT_PAYLOAD_NETWORK_HEADER && offset == destination4:
		return load{kind: destination, full: size4}
	case base == unix.NFT_PAYLOAD_NETWORK_HEADER && offset == destination6:
		return load{kind: destination, full: size6}
	case base == unix.NFT_PAYLOAD_TRANSPORT_HEADER && offset == 0:
		return load{kind: sourcePort}
	case base == unix.NFT_PAYLOAD_TRANSPORT_HEADER && offset == 2:
		return load{kind: destinationPort}
	}
	return load{}
}

// connection is what an expression loads of the packet's connection.
func connection(a []byte) load {
	switch number(find(a, unix.NFTA_CT_KEY)) {
	case unix.NFT_CT_SRC_IP, unix.NFT_CT_DST_IP:
		return load{kind: source, full: size4}
	case unix.NFT_CT_SRC_IP6, unix.NFT_CT_DST_IP6:
		return load{kind: source, full: size6}
	case unix.NFT_CT_SRC, unix.NFT_CT_DST: // of either family: that of what it is compared with
		return load{kind: source}
	case unix.NFT_CT_PROTO_SRC, unix.NFT_CT_PROTO_DST:
		return load{kind: sourcePort}
	}
	return load{}
}

// cmp takes note of a value: where it is an end of a range, of what is up to it.
func (c *collector) cmp(l load, a []byte) {
	v := value(a, unix.NFTA_CMP_DATA)
	switch number(find(a, unix.NFTA_CMP_OP)) {
	case unix.NFT_CMP_EQ, unix.NFT_CMP_NEQ:
		c.compared(l, v, v)
	case unix.NFT_CMP_LT, unix.NFT_CMP_GTE: // what is below it
		if bytes.ContainsFunc(v, func(r rune) bool { return r != 0 }) {
			c.compared(l, make([]byte, len(v)), before(v))
		}
	default:
		c.compared(l, make([]byte, len(v)), v)
	}
}

// compared takes note of a range that a load is compared with. What follows a
// source in its header is the destination, and nft loads both at once where it can.
func (c *collector) compared(l load, from, to []byte) {
	ofPorts := l.kind == sourcePort || l.kind == destinationPort
	if l.kind != other && !isPrefix(l.mask) || ofPorts && l.mask != nil {
		c.Odd++
	}
	switch l.kind {
	case source:
		c.addSet(l.sources(from, to))
		c.Destinations = append(c.Destinations, l.sources(from, to))
		if l.full > 0 && len(from) > l.full && len(to) > l.full {
			rest := load{kind: destination, full: l.full, mask: l.mask[min(l.full, len(l.mask)):]}
			c.compared(rest, from[l.full:], to[l.full:])
		}
	case destination:
		c.Destinations = append(c.Destinations, l.sources(from, to))
	case sourcePort:
		c.addPorts(from, to)
		c.addEdges(from, to)
		if len(from) > 2 && len(to) > 2 {
			c.addEdges(from[2:], to[2:])
		}
	case destinationPort:
		c.addEdges(from, to)
	}
}

// isPrefix tells whether the mask's ones come before its zeros.
func isPrefix(mask []byte) bool {
	ended := false
	for _, b := range mask {
		for bit := byte(1 << 7); bit > 0; bit >>= 1 {
			if ended && b&bit != 0 {
				return false
			}
			ended = ended || b&bit == 0
		}
	}
	return true
}

// sources is the addresses that begin with what is in the range, where the mask
// lets the other bits be anything.
func (l load) sources(from, to []byte) (s addr.Set) {
	full := l.full
	if full == 0 {
		full = len(from)
	}
	high := bytes.Clone(to)
	for i := range min(len(high), len(l.mask)) {
		high[i] |= ^l.mask[i]
	}
	var b addr.Builder
	b.AddRange(filled(from, full, 0), filled(high, full, 0xff))
	return b.Set()
}

// filled is the address that begins with the bytes; what is behind it does not
// count.
func filled(b []byte, full int, fill byte) netip.Addr {
	b = b[:min(len(b), full)]
	if len(b) == 0 {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(append(bytes.Clone(b), bytes.Repeat([]byte{fill}, full-len(b))...))
	return a
}

func (c *collector) addSet(s addr.Set) {
	if key := fingerprint(s); !s.IsEmpty() && !c.seen[key] {
		c.seen[key] = true
		c.Sources = append(c.Sources, s)
	}
}

// fingerprint tells sets apart.
func fingerprint(s addr.Set) string {
	var b strings.Builder
	for r := range s.Ranges() {
		fmt.Fprintf(&b, "%s-%s ", r.From, r.To)
	}
	return b.String()
}

func (c *collector) addPorts(from, to []byte) {
	if len(from) >= 2 && len(to) >= 2 {
		c.addPortRange(binary.BigEndian.Uint16(from), binary.BigEndian.Uint16(to))
	}
}

func (c *collector) addEdges(from, to []byte) {
	if len(from) >= 2 && len(to) >= 2 {
		c.Edges = append(c.Edges, binary.BigEndian.Uint16(from), binary.BigEndian.Uint16(to)+1)
	}
}

func (c *collector) addPortRange(low, high uint16) {
	c.addPort(low)
	if low < high {
		c.addPort(low-1, high, high+1)
	}
}

func (c *collector) addPort(ports ...uint16) {
	for _, port := range ports {
		if port != 0 && !slices.Contains(c.Ports, port) {
			c.Ports = append(c.Ports, port)
		}
	}
}

// match takes note of iptables' matches that look at addresses and ports
// (linux/netfilter/xt_iprange.h, xt_tcpudp.h, xt_multiport.h).
func (c *collector) match(name string, info []byte) {
	port := func(at int) uint16 { return binary.NativeEndian.Uint16(info[at:]) }
	switch {
	case name == "iprange" && len(info) >= 65:
		for _, full := range []int{size4, size6} {
			c.compared(load{kind: source, full: full}, info[:full], info[16:16+full])
			c.compared(load{kind: destination, full: full}, info[32:32+full], info[48:48+full])
		}
	case (name == "tcp" || name == "udp") && len(info) >= 8:
		if port(0) > 0 || port(2) < 0xffff {
			c.addPortRange(port(0), port(2))
		}
		c.Edges = append(c.Edges, port(4), port(6)+1)
	case name == "multiport" && len(info) >= 48:
		for i := range min(int(info[1]), 15) {
			c.Edges = append(c.Edges, port(2+2*i), port(2+2*i)+1)
			if destinations := info[0] == 1; !destinations {
				c.addPort(port(2 + 2*i))
			}
		}
	}
}
