package verify

import (
	"slices"

	"ngcp-fw/firewall/ruleset"
)

// axis is something that packets differ in, apart from their addresses.
type axis uint8

const (
	dstPort  axis = iota // of protocols that have ports; first, as boxes differ most in it
	protocol             // IANA's number
	inLink               // index into linkIndex
	outLink              // the same; noLink at the input hook
	srcPort
	icmpType // of ICMP and ICMPv6
	tracking // what connection tracking would call it: index into trackingStates
	ban      // whether the source is in a set of banned ones, and in which
	axes
)

// trackingStates are the states that connection tracking has for a packet.
var trackingStates = []ruleset.CTStates{ruleset.StateNew, ruleset.StateEstablished, ruleset.StateRelated, ruleset.StateInvalid}

// Indexes of trackingStates, and the state of what is not tracked.
const (
	stateNew uint16 = iota
	stateEstablished
	stateRelated
	stateInvalid
	stateUntracked
)

// Numbers on the axis ban.
const (
	isNot   uint16 = iota
	is             // somebody banned it
	offends        // it was over a limit that bans
	listed         // CrowdSec did
)

// box is all packets of one family whose values are in a set on each axis:
// a product of sets. A box with an empty set is no box.
type box struct {
	family    ruleset.Family
	src, dst  *places
	axes      [axes]ranges
	untracked bool   // kept out of connection tracking
	held      string // a live set that holds the source, as far as the way here asks; "": none
}

// side is the two axes that are addresses.
type side bool

const (
	source      side = false
	destination side = true
)

func (b *box) at(s side) *places {
	if s == destination {
		return b.dst
	}
	return b.src
}

func (b box) put(s side, p *places) box {
	if s == destination {
		b.dst = p
	} else {
		b.src = p
	}
	return b
}

func (b box) with(a axis, r ranges) box {
	b.axes[a] = r
	return b
}

// cutAxis divides the box: what is in r on the axis, and what is not. Each is
// nil where it would be empty.
func (b *box) cutAxis(a axis, r ranges) (in, out *box) {
	have := b.axes[a]
	switch {
	case r.covers(have):
		return b, nil
	case !have.overlaps(r):
		return nil, b
	}
	yes := b.with(a, have.intersect(r))
	if no := have.subtract(r); len(no) > 0 {
		rest := b.with(a, no)
		return &yes, &rest
	}
	return &yes, nil
}

// cutPlaces is cutAxis for an address.
func (a *atlas) cutPlaces(b *box, s side, p *places) (in, out *box) {
	yes, no := a.split(b.at(s), p)
	switch {
	case no == a.nowhere:
		return b, nil
	case yes == a.nowhere:
		return nil, b
	}
	inside, outside := b.put(s, yes), b.put(s, no)
	return &inside, &outside
}

// near tells whether the two, of one family, overlap on every axis: then only
// addresses can keep them apart.
func (b *box) near(c *box) bool {
	for i := range b.axes {
		if !b.axes[i].overlaps(c.axes[i]) {
			return false
		}
	}
	return true
}

// meets tells whether the two, of one family, have a packet in common.
func (a *atlas) meets(b, c *box) bool {
	if !b.near(c) {
		return false
	}
	if dst, _ := a.split(b.dst, c.dst); dst == a.nowhere {
		return false
	}
	src, _ := a.split(b.src, c.src)
	return src != a.nowhere
}

// divide cuts c out of b: what is in both (nil: nothing), and the rest in
// pieces.
func (a *atlas) divide(b, c *box) (in *box, rest []*box) {
	if !a.meets(b, c) {
		return nil, []*box{b}
	}
	keep := func(out *box) {
		if out != nil {
			rest = append(rest, out)
		}
	}
	var out *box
	for i := range axes {
		b, out = b.cutAxis(i, c.axes[i])
		keep(out)
	}
	b, out = a.cutPlaces(b, destination, c.dst)
	keep(out)
	b, out = a.cutPlaces(b, source, c.src)
	keep(out)
	return b, rest
}

// without is the boxes less another one.
func (a *atlas) without(boxes []*box, c *box) (rest []*box) {
	for _, b := range boxes {
		_, pieces := a.divide(b, c)
		rest = append(rest, pieces...)
	}
	return slices.Clip(rest)
}
