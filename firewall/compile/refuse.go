package compile

import (
	"slices"
	"strings"
	"time"

	"ngcp-fw/firewall/ruleset"
)

// accepted is how the names of the counters of accepted packets begin: a dash
// and the service follow.
const accepted = "accepted"

// Why a packet is refused: the name of the counter, where refused and limited
// have the service behind them, and the words in the log.
const (
	banned    = "banned"
	denied    = "denied"
	spoofed   = "spoofed"
	invalid   = "invalid"
	pingFlood = "ping-flood"
	forwarded = "forwarded"
	refused   = "refused" // no service accepts it, or the service's roles do not hold the source
	limited   = "limited" // over the service's rate
)

// refusal gives the rules that end a chain by refusing: what the policy wants
// to be logged is a rule of its own, because a log over its rate must not stop
// the refusal. While the policy only observes, the packet is counted and logged
// all the same, its source is noted, and it is accepted.
func (b *builder) refusal(reason string, services ...string) []ruleset.Rule {
	words := strings.Join(reasonWords(reason, services), " ")
	end := b.counts(reason, services)
	if b.model.Observe {
		end = append(end, accept)
	} else {
		end = append(end, drop)
	}
	return slices.Concat(b.noted(reason, services), b.logged(reason, words), []ruleset.Rule{rule(words, "", end...)})
}

// While the policy only observes, observedSize sources a family are noted for each
// counter that they would be refused by, for a day: enough to find out whom a
// policy forgets, and too little for a scan to take the kernel's memory.
const (
	observedSize     = 1024
	observedLifetime = 24 * time.Hour
)

// noted gives the rules that note whom the services would refuse. They belong to the
// generation, as what it refuses does; a set that is full ends its rule only.
func (b *builder) noted(reason string, services []string) (rules []ruleset.Rule) {
	if !b.model.Observe || !slices.Contains([]string{refused, limited}, reason) {
		return nil
	}
	for _, counter := range counterNames(reason, services) {
		for _, f := range families {
			set := ruleset.Set{Comment: "would be refused", Key: f.saddr.Type, Dynamic: true, Timeout: true, Size: observedSize, Lifetime: observedLifetime,
				Elements: ruleset.NewElements(f.saddr.Type, false)}
			key := "observed " + counter + f.digit
			if b.shared[key] == "" {
				b.shared[key] = b.set(ruleset.LearnedPrefix+counter+f.digit, set)
			}
			rules = append(rules, rule("note "+counter, "", ruleset.Update{Set: b.shared[key], Field: f.saddr}))
		}
	}
	return rules
}

// counts counts a refusal.
func (b *builder) counts(reason string, services []string) (all []ruleset.Statement) {
	for _, name := range counterNames(reason, services) {
		all = append(all, b.count(name))
	}
	return all
}

// counterNames is the counters of a reason: one for each service that shares the
// port, or the reason's own.
func counterNames(reason string, services []string) (names []string) {
	if len(services) == 0 {
		return []string{reason}
	}
	for _, s := range services {
		names = append(names, reason+"-"+s)
	}
	return names
}

func reasonWords(reason string, services []string) []string {
	return append([]string{reason}, services...)
}

// refuse names the chain that refuses for this reason, which is called like its
// counter. Rules that match in the middle of a chain go there, so that they
// match once for log and counter.
func (b *builder) refuse(reason string, services ...string) string {
	wish := strings.Join(reasonWords(reason, services), "-")
	key := "refusal " + wish
	if b.shared[key] == "" {
		b.shared[key] = b.chain(wish, b.refusal(reason, services...)...)
	}
	return b.shared[key]
}

// logBurst is how many packets are logged at once before the rate counts: nft's
// own default.
const logBurst = 5

// logged gives the rule that reports a packet, if the policy wants any. Each reason
// has the policy's rate, so that a scan does not keep what else happens out of the
// log; not each rule, for a scan would then be logged once at each service. The
// bucket is an element of a set; a set needs a key, so IPv4 and IPv6 have one each.
func (b *builder) logged(reason, words string) []ruleset.Rule {
	l := b.model.Log
	if l == nil {
		return nil
	}
	rate := limitOf(l.Rate, logBurst)
	meter := b.live(meterName("log-"+reason, rate), ruleset.Set{Key: ruleset.TypeNFProto, Dynamic: true, Size: uint32(len(families))})
	prefix := shorten(TableName+" "+words, prefixMax-len(": ")) + ": "
	return []ruleset.Rule{rule("log "+words, l.Pos.Origin(),
		ruleset.Update{Set: meter, Field: ruleset.MetaNFProto, Limit: rate},
		ruleset.Log{Prefix: prefix, Group: l.Group})}
}
