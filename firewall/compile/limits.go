package compile

import (
	"fmt"
	"time"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// meterSize is the most sources a meter remembers in a family: a bound on the
// kernel's memory. Where more send at a time, as in a flood from forged
// addresses, those beyond it are not limited: a full meter must not lock the
// subscribers out.
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

// meter refuses what a source sends over the service's rate. It stands behind
// the matches of the accept that follows it, so only sources that would be
// accepted fill it. Sources in passed were accepted before; the other exempt
// ones are looked up. IPv6 sources are metered by address.
func (b *builder) meter(e *exposure.Exposure, l *exposure.Limit, s scope, passed addr.Set) ruleset.Rule {
	f, statements := s.family, s.matches
	if exempt := l.Exempt.Intersect(e.Sources).Subtract(passed); f.has(exempt) {
		set := b.addresses(f, "exempt-"+e.Service, "not limited", l.Exempt)
		statements = append(statements, isNot(f.saddr, set))
	}
	rate := limitOf(l.Rate, l.Burst)
	meter := b.live(meterName("limit-"+e.Service+f.digit, rate), ruleset.Set{
		Key: f.saddr.Type, Dynamic: true, Timeout: true, Size: meterSize, Lifetime: lifetime(l),
	})
	rate.Over = true
	statements = append(statements, ruleset.Update{Set: meter, Field: f.saddr, Limit: rate})
	return rule(who(e)+" limit", l.Pos.Origin(), append(statements, goTo(b.refuse(limited, e.Service)))...)
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
