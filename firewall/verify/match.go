package verify

import "ngcp-fw/firewall/ruleset"

// subset is the values of a field that an operand stands for: numbers, or
// places where the field is an address.
type subset struct {
	numbers ranges
	places  *places
}

// fieldAxes are the fields that are axes of a box. The rest are the family,
// addresses and ct state.
var fieldAxes = map[*ruleset.Field]axis{
	ruleset.MetaIifname: inLink, ruleset.MetaOifname: outLink, ruleset.MetaL4Proto: protocol,
	ruleset.THSport: srcPort, ruleset.THDport: dstPort, ruleset.ICMPType: icmpType, ruleset.ICMPv6Type: icmpType,
}

// Protocols by their IANA numbers.
const (
	protoICMP   = 1
	protoIGMP   = 2
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
	protoSCTP   = 132
)

// fieldProtocols are the protocols in whose header a field is: DCCP (33) and
// UDP-Lite (136) have ports, too.
var fieldProtocols = map[*ruleset.Field]ranges{
	ruleset.THSport: only(protoTCP, protoUDP, 33, protoSCTP, 136), ruleset.THDport: only(protoTCP, protoUDP, 33, protoSCTP, 136),
	ruleset.ICMPType: only(protoICMP), ruleset.ICMPv6Type: only(protoICMPv6),
}

var addressFields = map[*ruleset.Field]struct {
	side   side
	family ruleset.Family
}{
	ruleset.IPSaddr: {source, ruleset.FamilyIPv4}, ruleset.IPDaddr: {destination, ruleset.FamilyIPv4},
	ruleset.IP6Saddr: {source, ruleset.FamilyIPv6}, ruleset.IP6Daddr: {destination, ruleset.FamilyIPv6},
}

// netFields are the fields that are a part of an address. They are only
// understood where a live set is asked, of which both answers are tried.
var netFields = map[*ruleset.Field]ruleset.Family{ruleset.IP6SaddrNet: ruleset.FamilyIPv6}

// lacks reports whether the box's packets have no such field for their family.
func (b *box) lacks(f *ruleset.Field) bool {
	family, isNet := netFields[f]
	a, isAddress := addressFields[f]
	return isNet && family != b.family || isAddress && a.family != b.family
}

// knows reports whether boxes can be divided by the field.
func knows(f *ruleset.Field) bool {
	_, isAxis := fieldAxes[f]
	_, isAddress := addressFields[f]
	return isAxis || isAddress || f == ruleset.MetaNFProto || f == ruleset.CTState
}

// cut divides a box by a field that is known: the packets whose value is in the subset, the
// others, and those that have no such field, of which the kernel would read
// other bytes.
func (w *walk) cut(b *box, f *ruleset.Field, s subset) (in, out, lacks *box) {
	if a, ok := addressFields[f]; ok {
		if a.family != b.family {
			return nil, nil, b
		}
		in, out = w.atlas.cutPlaces(b, a.side, s.places)
		return in, out, nil
	}
	switch {
	case f == ruleset.MetaNFProto:
		in, out = either(b, s.numbers.contains(uint16(b.family)))
		return in, out, nil
	case f == ruleset.CTState:
		in, out = w.cutState(b, s.numbers)
		return in, out, nil
	}
	if has := fieldProtocols[f]; has != nil {
		if b, lacks = b.cutAxis(protocol, has); b == nil {
			return nil, nil, lacks
		}
	}
	in, out = b.cutAxis(fieldAxes[f], s.numbers)
	return in, out, lacks
}

func either(b *box, holds bool) (in, out *box) {
	if holds {
		return b, nil
	}
	return nil, b
}

// cutState divides by ct state: of what is not tracked, and before tracking,
// all packets have the same.
func (w *walk) cutState(b *box, states ranges) (in, out *box) {
	switch {
	case b.untracked:
		return either(b, states.contains(stateUntracked))
	case w.early:
		return either(b, states.contains(stateInvalid))
	}
	return b.cutAxis(tracking, states)
}
