package compile

import (
	"fmt"
	"slices"
	"time"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// meterSize is the most sources a meter remembers in a family: a bound on the
// kernel's memory. Where more send at a time, as in a flood from forged
// addresses, those beyond it are not limited, for a full meter must not lock the
// subscribers out; of administrators, who are few, they are refused.
const meterSize = 65536

// A source is forgotten when its bucket has long been full again: at least a
// minute, so that busy sources keep their element, and at most a week.
const (
	meterShortest = time.Minute
	meterLongest  = 7 * 24 * time.Hour
)

// limits finds the services that have a limit.
func limits(m *exposure.Model) map[string]*exposure.Limit {
	found := map[string]*exposure.Limit{}
	for _, s := range m.Services {
		if s.Limit != nil {
			found[s.Name] = s.Limit
		}
	}
	return found
}

// limit is what holds for the exposure's sources: nil if all of them are exempt.
func (b *builder) limit(e *exposure.Exposure) *exposure.Limit {
	l := b.limits[e.Service]
	if l == nil || l.Exempt.Covers(e.Sources) {
		return nil
	}
	return l
}

// metered is the rules for an exposure with a limit. They stand behind the
// matches of the accept, so only sources that would be accepted fill the meter.
// Sources in passed were accepted before; the other exempt ones are looked up.
//
// A source that a full meter has no room for is accepted, unless the exposure is
// guarded: then it is refused.
func (b *builder) metered(e *exposure.Exposure, scopes []scope, passed addr.Set, end ending) (rules []ruleset.Rule) {
	m := meter{exposure: e, limit: b.limit(e)}
	m.exempt = m.limit.Exempt.Intersect(e.Sources).Subtract(passed)
	if guarded(e) {
		return b.within(m, scopes, end)
	}
	for _, s := range byFamily(scopes) {
		rules = append(rules, b.over(m, s))
	}
	return append(rules, allow(e, scopes, end)...)
}

// guarded reports whether the exposure is for administrators, by its role or as NGCP
// means its service; what is open to the subscribers is not.
func guarded(e *exposure.Exposure) bool {
	return e.Role == policy.Administrators || e.Role != policy.Subscribers && exposure.IsAdmin(e.Service)
}

// meter is what an exposure's rates are held by.
type meter struct {
	exposure *exposure.Exposure
	limit    *exposure.Limit
	exempt   addr.Set // of its sources, as far as nothing accepted them before
}

// over refuses what a source sends over the rate. Whom the meter has no room for
// goes on, to the accept.
func (b *builder) over(m meter, s scope) ruleset.Rule {
	f, statements := s.family, slices.Clip(s.matches)
	if f.has(m.exempt) {
		statements = append(statements, isNot(f.saddr, b.exempt(m, f)))
	}
	rate := limitOf(m.limit.Rate, m.limit.Burst)
	set := b.meterSet("limit-", m, f, rate)
	rate.Over = true
	return rule(who(m.exposure)+" limit", m.limit.Pos.Origin(),
		append(statements, ruleset.Update{Set: set, Field: f.host, Limit: rate}, goTo(b.limited(m)))...)
}

// within accepts what a source sends within the rate, and refuses the rest:
// whatever the meter has no room for, too.
func (b *builder) within(m meter, scopes []scope, end ending) (rules []ruleset.Rule) {
	e, rate := m.exposure, limitOf(m.limit.Rate, m.limit.Burst)
	for _, s := range byFamily(scopes) {
		f, matches := s.family, slices.Clip(s.matches)
		add := func(origin string, test ruleset.Statement) {
			rules = append(rules, rule(who(e), origin, append(append(matches, test), end(e, f)...)...))
		}
		if f.has(m.exempt) {
			add(e.Origin.Origin(), is(f.saddr, b.exempt(m, f)))
		}
		add(m.limit.Pos.Origin(), ruleset.Update{Set: b.meterSet("within-", m, f, rate), Field: f.host, Limit: rate})
	}
	for _, s := range scopes {
		rules = append(rules, rule(who(e)+" limit", m.limit.Pos.Origin(), append(slices.Clip(s.matches), goTo(b.limited(m)))...))
	}
	return rules
}

func (b *builder) exempt(m meter, f *family) ruleset.InSet {
	return b.addresses(f, "exempt-"+m.exposure.Service, "not limited", m.limit.Exempt)
}

// meterSet names the set that remembers the service's sources in a family. Its
// elements hold the limit they were made with, so what is over the rate and what
// is within it need sets of their own.
func (b *builder) meterSet(kind string, m meter, f *family, rate *ruleset.Limit) string {
	return b.live(meterName(kind+m.exposure.Service+f.digit, rate), ruleset.Set{
		Key: f.saddr.Type, Dynamic: true, Timeout: true, Size: meterSize, Lifetime: lifetime(m.limit),
	})
}

// limited names the chain that refuses what is over the rate, and bans who sent
// it where the limit says so. These are rules of their own, as a set that is full
// ends a rule.
func (b *builder) limited(m meter) string {
	service := m.exposure.Service
	wish := limited + "-" + service
	key := "refusal " + wish
	if b.shared[key] == "" {
		b.shared[key] = b.chain(wish, append(b.offences(m.limit), b.refusal(limited, service)...)...)
	}
	return b.shared[key]
}

// offences note the source among the offenders, for the time of its ban, unless
// bans do not touch it.
func (b *builder) offences(l *exposure.Limit) (rules []ruleset.Rule) {
	if l.BanFor == 0 {
		return nil
	}
	for _, f := range families {
		statements := append(b.bannable(f), ruleset.Update{Set: string(b.offenders(f)), Field: f.host, Timeout: l.BanFor})
		rules = append(rules, rule("ban", l.Pos.Origin(), statements...))
	}
	return rules
}

// Offenders, with 4 or 6 behind it, is the name of the set of sources that were
// over a limit that bans. Packets cannot fill sets of ranges such as banned4, so
// it is a hash, of IPv6 by /64.
const Offenders = "offenders"

// offendersSize is the most offenders in a family. Those beyond it are held to
// their rate, but not banned.
const offendersSize = 65536

func (b *builder) offenders(f *family) ruleset.InSet {
	return ruleset.InSet(b.live(Offenders+f.digit, ruleset.Set{Key: f.saddr.Type, Dynamic: true, Timeout: true, Size: offendersSize}))
}

// bansOffenders tells whether a limit bans.
func (b *builder) bansOffenders() bool {
	for _, l := range b.limits {
		if l.BanFor > 0 {
			return true
		}
	}
	return false
}

// limitOf is the rate in the ruleset's words. Without a burst it is the 5
// packets that nft means by none.
func limitOf(r policy.Rate, burst uint32) *ruleset.Limit {
	const nftBurst = 5
	if burst == 0 {
		burst = nftBurst
	}
	return &ruleset.Limit{Rate: uint64(r.Count), Unit: r.Unit, Burst: burst}
}

// meterName tells the rate, too. The kernel keeps with each element the limit
// it was made with, so a changed rate needs new elements, while an unchanged
// one keeps them over generations.
func meterName(wish string, l *ruleset.Limit) string {
	units := map[time.Duration]string{time.Second: "second", time.Minute: "minute", time.Hour: "hour", 24 * time.Hour: "day"}
	return fmt.Sprintf("%s-%d/%s.%d", wish, l.Rate, units[l.Unit], l.Burst)
}

// lifetime is how long an empty bucket takes to fill, in whole seconds.
func lifetime(l *exposure.Limit) time.Duration {
	seconds := uint64(l.Burst) * uint64(l.Rate.Unit/time.Second) / uint64(max(l.Rate.Count, 1))
	return max(meterShortest, time.Duration(min(seconds, uint64(meterLongest/time.Second)))*time.Second)
}

// live adds a set that packets or people fill, once. Its name stays over
// generations.
func (b *builder) live(name string, s ruleset.Set) string {
	if b.shared[name] == "" {
		b.shared[name], s.Name = name, name
		s.Elements = ruleset.NewElements(s.Key, s.Interval)
		b.table.Sets = append(b.table.Sets, s)
	}
	return name
}
