package compile

import (
	"slices"
	"time"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// learnFrom is from how many ranges in one family on an allowlist of media is not
// asked about every packet: its sources are learned into a hash when their first
// packet has passed. Below that, one look-up in the tree costs no more than one
// in the hash (netns_test/bench, lookups).
const learnFrom = 8

// A learned set holds seenSize sources: six times the ten thousand calls of a
// large host. Those beyond it are accepted by way of their allowlist, as before.
// Each is forgotten after a while and learned again, so that callers of yesterday
// take no room.
const (
	seenSize     = 65536
	seenLifetime = 5 * time.Minute
)

// door is the exposures of a stream that differ only in their sources, in one
// family: one rule lets all of them in.
type door struct {
	family    *family
	exposures []*exposure.Exposure
	sources   addr.Set
	name      string        // the rule's comment
	seen      ruleset.InSet // sources that were accepted; "": none are learned
}

// doors is the stream's exposures by family, links and local addresses. A stream
// with a limit has none: its packets have to meet the meter.
func (b *builder) doors(s stream) (doors []*door) {
	if slices.ContainsFunc(s.exposures, func(e *exposure.Exposure) bool { return b.limit(e) != nil }) {
		return nil
	}
	for _, f := range families {
		for left := s.exposures; len(left) > 0; {
			first := left[0]
			var same []*exposure.Exposure
			same, left = split(left, func(e *exposure.Exposure) bool { return sameScope(e, first) })
			if d := b.door(f, same); f.has(d.sources) && !nowhere(first) && f.reaches(first) {
				doors = append(doors, d)
			}
		}
	}
	return doors
}

func sameScope(e, other *exposure.Exposure) bool {
	return slices.Equal(e.Interfaces, other.Interfaces) && (e.Interfaces == nil) == (other.Interfaces == nil) &&
		slices.Equal(e.Addresses, other.Addresses) && (e.Addresses == nil) == (other.Addresses == nil)
}

func (b *builder) door(f *family, exposures []*exposure.Exposure) *door {
	d := &door{family: f, exposures: exposures, name: who(exposures[0])}
	for _, e := range exposures {
		if b.everyoneOf(f, e) {
			d.sources, d.name = f.all, who(e)
			return d
		}
		d.sources = d.sources.Union(f.only(e.Sources))
	}
	return d
}

// learns tells whether the door's sources are learned: where asking its
// allowlists costs more than asking the hash.
func (d *door) learns() bool {
	ranges := d.sources.Len4() + d.sources.Len6()
	return ranges >= learnFrom || len(d.exposures) > 1 && !d.family.whole(d.sources)
}

// express is the first rules of all, one a door: they accept media that nothing
// speaks against. Whatever they do not match goes the long way, where it meets
// every reason for a refusal in its place.
func (b *builder) express(streams []stream) (rules []ruleset.Rule) {
	for i := range streams {
		s := &streams[i]
		s.doors = b.doors(*s)
		for _, d := range s.doors {
			e := d.exposures[0]
			statements := append(b.onLinks(ruleset.MetaIifname, e.Interfaces), udp, is(ruleset.THDport, s.ports))
			statements = append(statements, b.knows(d)...)
			statements = append(statements, b.clean(d)...)
			rules = append(rules, rule(d.name, s.origin(), append(statements, b.passes(e)...)...))
		}
	}
	return rules
}

// knows matches what the door is for: its local addresses, and its sources.
func (b *builder) knows(d *door) (matches []ruleset.Statement) {
	e := d.exposures[0]
	if d.learns() {
		d.name = mediaService + " learned"
		d.seen = ruleset.InSet(b.set(ruleset.LearnedPrefix+mediaService+d.family.digit, ruleset.Set{
			Comment: "accepted of late", Key: d.family.saddr.Type, Dynamic: true, Timeout: true, Size: seenSize, Lifetime: seenLifetime,
			Elements: ruleset.NewElements(d.family.saddr.Type, false),
		}))
		return append(b.local(d.family, e), is(d.family.saddr, d.seen))
	}
	if d.family.whole(d.sources) {
		return b.local(d.family, e)
	}
	matches, _ = b.scopeOf(e, d.family)
	return matches
}

// clean matches the packets that no rule on the long way would refuse. Sources
// are learned behind those rules, so of them only what may change meanwhile has
// to be asked.
func (b *builder) clean(d *door) (matches []ruleset.Statement) {
	f := d.family
	for _, m := range b.isBanned(f) {
		matches = append(matches, isNot(m.Field, m.Operand))
	}
	if d.seen == "" && b.model.Deny.Overlaps(d.sources) {
		matches = append(matches, isNot(f.saddr, b.denies(f)))
	}
	if d.seen == "" && d.sources.Overlaps(f.own) {
		matches = append(matches, isNot(f.saddr, f.loopback))
	}
	return append(matches, isNot(f.daddr, f.loopback))
}

// learned ends a rule of the media chain: the source is noted, and accepted. These
// are two rules, as noting fails where the set is full.
func (b *builder) learned(s stream) ending {
	return func(e *exposure.Exposure, f *family) []ruleset.Statement {
		for _, d := range s.doors {
			if d.family == f && d.seen != "" && slices.Contains(d.exposures, e) {
				return []ruleset.Statement{goTo(b.learn(d))}
			}
		}
		return b.passes(e)
	}
}

func (b *builder) learn(d *door) string {
	key := "learn " + string(d.seen)
	if b.shared[key] == "" {
		b.shared[key] = b.chain("learn-"+mediaService+d.family.digit,
			rule("learn", "", ruleset.Update{Set: string(d.seen), Field: d.family.saddr}),
			rule(mediaService, "", b.passes(d.exposures[0])...))
	}
	return b.shared[key]
}
