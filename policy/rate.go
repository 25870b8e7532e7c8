package policy

import (
	"math"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// DefaultBurst is the burst of a limit that does not give one: packets, as in
// nft(8), LIMIT STATEMENT.
const DefaultBurst = 5

// defaultLogRate is enough to see what is going on, and too little to fill a
// disk unseen.
var defaultLogRate = Rate{Count: 10, Unit: time.Second}

// maxRate keeps a packet's share of a second at one nanosecond or more, which
// is the kernel's unit (net/netfilter/nft_limit.c).
const maxRate = 1_000_000_000

var units = []struct {
	name string
	unit time.Duration
}{{"second", time.Second}, {"minute", time.Minute}, {"hour", time.Hour}, {"day", 24 * time.Hour}}

// String is 50/second.
func (r Rate) String() string {
	for _, u := range units {
		if u.unit == r.Unit {
			return strconv.FormatUint(uint64(r.Count), 10) + "/" + u.name
		}
	}
	return strconv.FormatUint(uint64(r.Count), 10) + "/" + r.Unit.String()
}

// PerSecond is how many there may be in a second.
func (r Rate) PerSecond() float64 { return float64(r.Count) / r.Unit.Seconds() }

func parseRate(text string) (Rate, error) {
	count, name, slash := strings.Cut(text, "/")
	number, err := parseNumber(count)
	switch {
	case !slash:
		return Rate{}, problem("bad-rate", "write it as 50/second; minute, hour and day are known as well", "%s is not a rate", show(text))
	case err != nil || number < 1 || number > maxRate:
		return Rate{}, problem("bad-rate", "", "a rate must be a whole number from 1 to %d, not %s", maxRate, show(count))
	}
	names := make([]string, len(units))
	for i, u := range units {
		if u.name == name {
			return Rate{uint32(number), u.unit}, nil
		}
		names[i] = u.name
	}
	return Rate{}, problem("bad-rate", DidYouMean(name, names), "%s is not a unit of time", show(name))
}

func (p *parser) rate(n *yaml.Node) Rate {
	value, ok := p.scalar(n, "rate", "text such as 50/second")
	if !ok {
		return Rate{}
	}
	rate, err := parseRate(value)
	p.check(n, err)
	return rate
}

var limitKeys = []row[Limit]{
	{key: "rate", required: true, parse: func(p *parser, n *yaml.Node, into *Limit) { into.Rate = p.rate(n) }},
	{key: "burst", parse: parseBurst},
	{key: "exempt", parse: func(p *parser, n *yaml.Node, into *Limit) { into.Exempt = p.roleRefs(n, "exempt") }},
	{key: "ban-for", parse: parseBanFor},
}

func parseBurst(p *parser, n *yaml.Node, into *Limit) {
	if burst, ok := p.number(n, "burst", 1, math.MaxUint32); ok {
		into.Burst = uint32(burst)
	}
}

func parseLimit(p *parser, n *yaml.Node, into *Service) {
	limit := Limit{Burst: DefaultBurst, Pos: p.pos(n)}
	hint := ""
	if n.Kind == yaml.ScalarNode {
		hint = "write {rate: 50/second}"
	}
	if n.Kind != yaml.MappingNode {
		p.wrongType(n, "limit", "a mapping", hint)
		return
	}
	fields(p, n, "limit", limitKeys, &limit)
	if highest := limit.Rate.maxBurst(); uint64(limit.Burst) > highest {
		p.fail(n, "bad-number", "", "burst must be at most %d at a rate of %s", highest, limit.Rate)
	}
	into.Limit = &limit
}

// maxBurst is the burst up to which the kernel's token count, burst times the
// nanoseconds of one packet (net/netfilter/nft_limit.c), stays far from its 64
// bits: not every kernel notices where it overflows.
func (r Rate) maxBurst() uint64 {
	if r.Count == 0 {
		return math.MaxUint32
	}
	return math.MaxInt64 / (uint64(r.Unit) / uint64(r.Count))
}
