package verify

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// law is what the policy says of every packet, as clauses of which the first
// one that speaks of a packet counts; who is not spoken of is dropped. It is
// written from the words of the policy language and knows nothing of how rules
// are compiled.
type law struct {
	atlas   *atlas
	links   *linkIndex
	clauses map[ruleset.Family][]clause
}

// clause is what becomes of a box's packets.
type clause struct {
	box     *box
	verdict verdict
}

type verdict uint8

const (
	accept verdict = iota
	drop
	free // the policy does not care
)

// families are IPv4 and IPv6, with all addresses and those of loopback, which
// never come from outside (RFC 1122 section 3.2.1.3 (g), RFC 4291 section
// 2.5.3).
var families = []struct {
	family   ruleset.Family
	all, own addr.Set
}{
	{ruleset.FamilyIPv4, addr.Any4(), addr.Of(netip.MustParsePrefix("127.0.0.0/8"))},
	{ruleset.FamilyIPv6, addr.Any6(), addr.Of(netip.MustParsePrefix("::1/128"))},
}

// every is all packets of a family that come to this host by a link.
func every(a *atlas, links *linkIndex, f ruleset.Family) box {
	all := addr.Any4()
	if f == ruleset.FamilyIPv6 {
		all = addr.Any6()
	}
	b := box{family: f, src: a.of(all), dst: a.of(all)}
	b.axes = [axes]ranges{inLink: links.all(), outLink: only(noLink), protocol: allBytes, srcPort: allPorts, dstPort: allPorts,
		icmpType: allBytes, tracking: upTo(len(trackingStates)), ban: {{isNot, listed}}}
	return b
}

func newLaw(m *exposure.Model, links *linkIndex, a *atlas) *law {
	l := &law{a, links, map[ruleset.Family][]clause{}}
	for _, f := range families {
		all := every(a, links, f.family)
		if m.Observe {
			l.say(accept, all)
			continue
		}
		l.say(accept, all.with(inLink, only(loopback)))
		l.refusals(m, all, f.own)
		l.icmp(all)
		l.tracked(m, all)
		l.host(all)
		for i := range m.Exposures {
			l.exposure(&m.Exposures[i], all)
		}
	}
	return l
}

func (l *law) say(v verdict, boxes ...box) {
	for i := range boxes {
		b := &boxes[i]
		l.clauses[b.family] = append(l.clauses[b.family], clause{b, v})
	}
}

// refusals come before everything that accepts: bans, but for those they do not
// touch, the policy's deny, and loopback's addresses on other links.
func (l *law) refusals(m *exposure.Model, all box, own addr.Set) {
	bannable := l.atlas.of(all.src.Subtract(m.NeverBan))
	denied := l.atlas.of(all.src.Intersect(m.Deny))
	spoofed := l.atlas.of(own)
	l.say(drop, all.with(ban, bans(m)).put(source, bannable), all.put(source, denied),
		all.put(source, spoofed), all.put(destination, spoofed))
}

// bans is the kinds of ban there are: nobody offends where no limit bans, nor does
// CrowdSec ban where the policy has no sets for it.
func bans(m *exposure.Model) ranges {
	kinds := []uint16{is}
	if slices.ContainsFunc(m.Services, func(s exposure.Service) bool { return s.Limit != nil && s.Limit.BanFor > 0 }) {
		kinds = append(kinds, offends)
	}
	if m.CrowdSec {
		kinds = append(kinds, listed)
	}
	return only(kinds...)
}

// ICMP messages that every host needs, by their IANA numbers: unreachable, echo
// request, time exceeded, parameter problem; of ICMPv6 the errors, echo request,
// and what RFC 4890 section 4.4.1 has for multicast listeners, routers,
// neighbours and their certificates.
var (
	icmpNeeded   = ranges{{3, 3}, {8, 8}, {11, 12}}
	icmpv6Needed = ranges{{1, 4}, {128, 128}, {130, 136}, {141, 143}, {148, 149}, {151, 153}}
)

func (l *law) icmp(all box) {
	if all.family == ruleset.FamilyIPv4 {
		l.say(accept, all.with(protocol, only(protoICMP)).with(icmpType, icmpNeeded))
	} else {
		l.say(accept, all.with(protocol, only(protoICMPv6)).with(icmpType, icmpv6Needed))
	}
}

// queries are the ports whose answers, DNS and NTP, stay tracked among media.
var queries = only(53, 123)

// tracked is what connection tracking decides: established and related are
// accepted, invalid dropped, except of media, which it does not know. Answers to
// the host's queries it knows even there, unless media is open to all: then an
// invalid one may pass.
func (l *law) tracked(m *exposure.Model, all box) {
	known := all.with(tracking, only(stateEstablished, stateRelated))
	invalid := all.with(tracking, only(stateInvalid))
	accepted, refused := []*box{&known}, []*box{&invalid}
	for _, stream := range l.media(m, all) {
		answers := stream.with(srcPort, queries)
		l.say(free, answers.with(tracking, only(stateInvalid)))
		stream.axes[srcPort] = allPorts.subtract(queries)
		accepted, refused = l.atlas.without(accepted, &stream), l.atlas.without(refused, &stream)
	}
	for _, b := range accepted {
		l.say(accept, *b)
	}
	for _, b := range refused {
		l.say(drop, *b)
	}
}

const mediaService = "rtp"

// media is the packets that are not tracked: those to the UDP ports that no
// other service than rtp has, on the links it is open on.
func (l *law) media(m *exposure.Model, all box) (streams []box) {
	byLinks, links := map[string]ranges{}, map[string]ranges{}
	for _, s := range segments(m) {
		on, others := ranges(nil), false
		for i := range m.Exposures {
			if e := &m.Exposures[i]; ports(e, policy.UDP).contains(s.from) {
				on, others = union(on, l.linksOf(e)), others || e.Service != mediaService
			}
		}
		if !others && len(on) > 0 {
			key := fmt.Sprint(on)
			byLinks[key], links[key] = byLinks[key].with(s), on
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byLinks)) {
		streams = append(streams, all.with(protocol, only(protoUDP)).with(inLink, links[key]).with(dstPort, byLinks[key]))
	}
	return streams
}

// segments cuts the UDP ports where some exposure begins or ends.
func segments(m *exposure.Model) (list []span) {
	edges := []uint32{0, 1 << 16}
	for _, e := range m.Exposures {
		for _, p := range e.Ports {
			if p.Protocol == policy.UDP {
				edges = append(edges, uint32(p.From), uint32(p.To)+1)
			}
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	for i := range edges[1:] {
		list = append(list, span{uint16(edges[i]), uint16(edges[i+1] - 1)})
	}
	return list
}

// host is what a host needs besides: IGMP to multicast groups (224.0.0.0/4, RFC
// 1112 section 4), and the replies of DHCP servers (RFC 2131 section 4.1; RFC 8415
// section 7.2, from link-local addresses).
func (l *law) host(all box) {
	udp := all.with(protocol, only(protoUDP))
	if all.family == ruleset.FamilyIPv6 {
		linkLocal := l.atlas.of(addr.Of(netip.MustParsePrefix("fe80::/10")))
		l.say(accept, udp.put(source, linkLocal).with(srcPort, only(547)).with(dstPort, only(546)))
		return
	}
	groups := l.atlas.of(addr.Of(netip.MustParsePrefix("224.0.0.0/4")))
	l.say(accept, udp.with(srcPort, only(67)).with(dstPort, only(68)),
		all.with(protocol, only(protoIGMP)).put(destination, groups))
}

// exposure accepts its sources: to its ports, or to everything where it has
// none.
func (l *law) exposure(e *exposure.Exposure, all box) {
	all = all.put(source, l.atlas.of(family(e.Sources, all.family))).with(inLink, l.linksOf(e))
	if e.Addresses != nil {
		var b addr.Builder
		for _, a := range e.Addresses {
			b.AddRange(a, a)
		}
		all = all.put(destination, l.atlas.of(family(b.Set(), all.family)))
	}
	switch {
	case all.src == l.atlas.nowhere || all.dst == l.atlas.nowhere || len(all.axes[inLink]) == 0:
	case e.Ports == nil:
		l.say(accept, all)
	default:
		for _, row := range policy.Protocols {
			if open := ports(e, row.Protocol); len(open) > 0 {
				l.say(accept, all.with(protocol, only(uint16(row.Protocol))).with(dstPort, open))
			}
		}
	}
}

func (l *law) linksOf(e *exposure.Exposure) (r ranges) {
	if e.Interfaces == nil {
		return l.links.all()
	}
	for _, name := range e.Interfaces {
		i := l.links.index(name)
		r = union(r, only(i))
	}
	return r
}

func family(s addr.Set, f ruleset.Family) addr.Set {
	if f == ruleset.FamilyIPv4 {
		return s.Only4()
	}
	return s.Only6()
}

// ports is what the exposure opens of a protocol.
func ports(e *exposure.Exposure, p policy.Protocol) (r ranges) {
	for _, open := range e.Ports {
		if open.Protocol == p {
			r = union(r, ranges{{open.From, open.To}})
		}
	}
	return r
}

// breaches gives the parts of a box, all of which met one verdict, of which the
// law says another.
func (l *law) breaches(b *box, accepted bool) (all []*box) {
	rest := []*box{b}
	for _, c := range l.clauses[b.family] {
		if !b.near(c.box) {
			continue
		}
		var next []*box
		for _, r := range rest {
			in, out := l.atlas.divide(r, c.box)
			if in != nil && c.verdict != free && (c.verdict == accept) != accepted {
				all = append(all, in)
			}
			next = append(next, out...)
		}
		if rest = next; len(rest) == 0 {
			return all
		}
	}
	if accepted {
		all = append(all, rest...)
	}
	return all
}
