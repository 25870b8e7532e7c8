package compile

import (
	"strings"

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
// all the same, and accepted.
func (b *builder) refusal(reason string, services ...string) []ruleset.Rule {
	words := strings.Join(reasonWords(reason, services), " ")
	end := b.counts(reason, services)
	if b.model.Observe {
		end = append(end, accept)
	} else {
		end = append(end, drop)
	}
	return append(b.logged(words), rule(words, "", end...))
}

// counts names the counters of a reason: one for each service that shares the
// port, or the reason's own.
func (b *builder) counts(reason string, services []string) (all []ruleset.Statement) {
	if len(services) == 0 {
		return []ruleset.Statement{b.count(reason)}
	}
	for _, s := range services {
		all = append(all, b.count(reason+"-"+s))
	}
	return all
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

// logged gives the rule that reports a packet, if the policy wants any. The
// rate is the policy's for all reasons together, not for each rule that logs: a
// scan would else be logged once at each service. The bucket they share is an
// element of a set; a set needs a key, so IPv4 and IPv6 have one each.
func (b *builder) logged(words string) []ruleset.Rule {
	l := b.model.Log
	if l == nil {
		return nil
	}
	rate := limitOf(l.Rate, logBurst)
	meter := b.live(meterName("log", rate), ruleset.Set{Key: ruleset.TypeNFProto, Dynamic: true, Size: uint32(len(families))})
	prefix := shorten(TableName+" "+words, prefixMax-len(": ")) + ": "
	return []ruleset.Rule{rule("log "+words, l.Pos.Origin(),
		ruleset.Update{Set: meter, Field: ruleset.MetaNFProto, Limit: rate},
		ruleset.Log{Prefix: prefix, Group: l.Group})}
}
