package compile

import (
	"time"

	"ngcp-fw/firewall/ruleset"
)

// The limit on pings, of all sources together: enough for the monitoring of a
// large network at once, too little to make this host a reflector or to cost it
// time. RFC 1122 section 3.2.2.6 and RFC 4443 section 4.2 want pings answered, but
// not how many.
const (
	echoRate  = 50 // a second
	echoBurst = 100
)

// ICMP errors (IANA, ICMP Parameters) that path MTU discovery (RFC 1191) and
// error reports need. Redirects are not among them.
const (
	icmpUnreachable      = 3 // with "fragmentation needed"
	icmpEcho             = 8
	icmpTimeExceeded     = 11
	icmpParameterProblem = 12
	icmpv6Echo           = 128
)

var (
	icmpNeeded = []byte{icmpUnreachable, icmpTimeExceeded, icmpParameterProblem}
	// What RFC 4890 section 4.4.1 says must not be dropped, and the two codes of
	// 4.4.2 that normally should not, by their IANA numbers, but for 129: replies
	// to pings of this host are established.
	icmpv6Needed = []byte{
		1, 2, 3, 4, // unreachable, packet too big, time exceeded, parameter problem
		130, 131, 132, // multicast listener query, report, done
		133, 134, 135, 136, // router solicitation and advertisement, neighbour discovery
		141, 142, // inverse neighbour discovery
		143,      // multicast listener report, version 2
		148, 149, // certification path (secure neighbour discovery)
		151, 152, 153, // multicast router discovery
	}
)

// icmp accepts the messages a host needs and limits pings. Other types go on:
// replies to this host's own pings are established.
func (b *builder) icmp() []ruleset.Rule {
	echo := b.echo()
	return []ruleset.Rule{
		b.messages("icmp", ruleset.ICMPType, icmpNeeded, icmpEcho, echo),
		b.messages("icmpv6", ruleset.ICMPv6Type, icmpv6Needed, icmpv6Echo, echo),
	}
}

func (b *builder) messages(name string, f *ruleset.Field, needed []byte, echoType byte, echo string) ruleset.Rule {
	e := ruleset.NewElements(f.Type, false)
	before := true
	for _, number := range needed {
		if before && number > echoType {
			e.AppendVerdict([]byte{echoType}, nil, goTo(echo))
			before = false
		}
		e.AppendVerdict([]byte{number}, nil, accept)
	}
	return rule(name, "", lookup(f, b.set(name+"-types", ruleset.Set{Key: f.Type, Map: true, Elements: e})))
}

// echo accepts pings up to the rate.
func (b *builder) echo() string {
	limit := ruleset.Limit{Rate: echoRate, Unit: time.Second, Burst: echoBurst}
	return b.chain("echo", append([]ruleset.Rule{rule("ping", "", limit, accept)}, b.refusal(pingFlood)...)...)
}

const protocolIGMP = 2 // IANA, Assigned Internet Protocol Numbers

// igmp accepts what multicast groups say to each other (224.0.0.0/4, RFC 1112
// section 4): a host that does not hear its router's queries (RFC 3376) loses
// its groups, and with them the heartbeats of its cluster. ICMPv6 carries the
// same for IPv6.
func (b *builder) igmp() string {
	multicast := ruleset.Prefix{Addr: []byte{224, 0, 0, 0}, Length: 4}
	return b.chain("igmp", rule("igmp", "", is(ruleset.IPDaddr, multicast), accept))
}
