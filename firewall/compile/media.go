package compile

import (
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// mediaService is the service whose packets are not tracked. The proxy speaks
// first, so a peer's stream would be "established" whoever the peer is, and ten
// thousand streams would fill the connection table: so nothing tracks them and
// the allowlist is asked about every packet.
const mediaService = "rtp"

// stream is the ports of media that the same exposures open. There is one,
// except where exposures of rtp differ in their ports.
type stream struct {
	indexes   []int // into the model's exposures
	exposures []*exposure.Exposure
	ports     ruleset.Operand
	links     []string // nil: every one but loopback
	open      bool     // to every source on these links
	doors     []*door
}

// media finds the UDP ports that only rtp has. A port that another service has,
// too (5060 within RTP from 5000 to 6000), stays tracked: that service's answers
// have to be known.
func (b *builder) media(segments []segment) (streams []stream) {
	for len(segments) > 0 {
		var same []segment
		indexes := segments[0].exposures
		same, segments = split(segments, func(s segment) bool { return slices.Equal(s.exposures, indexes) })
		exposures := b.exposures(indexes)
		links, somewhere := anyLink(exposures)
		if onlyMedia(exposures) && somewhere {
			s := stream{indexes: indexes, exposures: exposures, ports: b.portsOf(same), links: links}
			s.open = slices.ContainsFunc(s.exposures, func(e *exposure.Exposure) bool {
				return e.Addresses == nil && s.hasLinksOf(e) && b.everyone(e)
			})
			streams = append(streams, s)
		}
	}
	return streams
}

// streamOf is the stream that a segment belongs to, or the zero stream.
func streamOf(s segment, streams []stream) stream {
	for _, m := range streams {
		if slices.Equal(m.indexes, s.exposures) {
			return m
		}
	}
	return stream{}
}

func onlyMedia(exposures []*exposure.Exposure) bool {
	return !slices.ContainsFunc(exposures, func(e *exposure.Exposure) bool { return e.Service != mediaService })
}

// anyLink is the links that at least one of the exposures is for; nil where one
// is for all, and false where there are none.
func anyLink(exposures []*exposure.Exposure) (links []string, somewhere bool) {
	for _, e := range exposures {
		if e.Interfaces == nil {
			return nil, true
		}
		links = append(links, e.Interfaces...)
	}
	return distinct(links), len(links) > 0
}

// untracked keeps media out of connection tracking in both directions: what
// comes to its ports, and what the proxy sends from them before the kernel
// module takes a stream over. The base chains stand there also where nothing is
// left untracked, so there is one state less to change between.
func (b *builder) untracked(streams []stream) {
	in, out := []ruleset.Rule{}, []ruleset.Rule{}
	for _, s := range streams {
		in = append(in, b.notrack(s, ruleset.MetaIifname, ruleset.THDport, ruleset.THSport))
		out = append(out, b.notrack(s, ruleset.MetaOifname, ruleset.THSport, ruleset.THDport))
	}
	b.base("prerouting", ruleset.Base{Hook: ruleset.HookPrerouting, Priority: priorityRaw}, in...)
	b.base("output", ruleset.Base{Hook: ruleset.HookOutput, Priority: priorityRaw}, out...)
}

// notrack is one direction's rule: near is this host's port, far the peer's.
// Only links with media are meant, because the host's own UDP questions leave
// from ports (32768 to 60999, net.ipv4.ip_local_port_range) that overlap those of
// media, and their answers come in by being known.
func (b *builder) notrack(s stream, onLink, near, far *ruleset.Field) ruleset.Rule {
	statements := b.onLinks(onLink, s.links)
	if s.links == nil {
		statements = append(statements, isNot(onLink, link(loopbackLink)))
	}
	statements = append(statements, udp, is(near, s.ports))
	if !s.open {
		statements = append(statements, isNot(far, port(dns)), isNot(far, port(ntp)))
	}
	return rule(mediaService, s.origin(), append(statements, ruleset.NoTrack{})...)
}

var udp = is(ruleset.MetaL4Proto, ruleset.Value{byte(policy.UDP)})

func (s stream) hasLinksOf(e *exposure.Exposure) bool {
	return slices.Equal(e.Interfaces, s.links) && (e.Interfaces == nil) == (s.links == nil)
}

// The far ports whose answers stay tracked where the allowlist of media would not
// let them in: what every host asks others for, DNS (RFC 1035 section 4.2.1) and
// NTP (IANA, Service Name and Port Number Registry). Two comparisons are quicker
// than a look-up in a set, and this is asked about every packet.
const dns, ntp = 53, 123

// portsOf is the segments' ports as one operand.
func (b *builder) portsOf(segments []segment) ruleset.Operand {
	first := segments[0]
	switch {
	case len(segments) > 1:
		return b.portSet(mediaService+"-ports", segments)
	case first.from != first.to:
		return ruleset.Range{From: port(first.from), To: port(first.to)}
	}
	return port(first.from)
}

// fastPath accepts media ahead of everything that other packets have to pass.
// What the allowlist does not hold goes on, as an answer to a question of this
// host may be among it; the map of services then refuses the rest.
func (b *builder) fastPath(streams []stream) (rules []ruleset.Rule) {
	for _, s := range streams {
		linksKnown := !slices.ContainsFunc(s.exposures, func(e *exposure.Exposure) bool { return !s.hasLinksOf(e) })
		chain := b.chain(mediaService, b.accepts(s.exposures, linksKnown, b.learned(s))...)
		statements := append(b.onLinks(ruleset.MetaIifname, s.links), udp, is(ruleset.THDport, s.ports), jump(chain))
		rules = append(rules, rule(mediaService, s.origin(), statements...))
	}
	return rules
}

// origin is where the first of the stream's exposures is written.
func (s stream) origin() string { return s.exposures[0].Origin.Origin() }
