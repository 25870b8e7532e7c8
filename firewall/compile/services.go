package compile

import (
	"fmt"
	"slices"
	"strings"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// services leads a new packet to the chain of the service it is for: by its
// protocol, then by its port. What it finds nothing for comes back.
func (b *builder) services(ports map[policy.Protocol][]segment, streams []stream) ruleset.Rule {
	e := ruleset.NewElements(ruleset.TypeProto, false)
	e.AppendVerdict([]byte{protocolIGMP}, nil, jump(b.igmp()))
	for _, row := range policy.Protocols { // by ascending number, as the elements have to be
		var before []ruleset.Rule
		var media []stream
		if row.Protocol == policy.UDP {
			before, media = b.dhcp(), streams
		}
		if rules := append(before, b.ports(row.Name, ports[row.Protocol], media)...); len(rules) > 0 {
			e.AppendVerdict([]byte{byte(row.Protocol)}, nil, jump(b.chain(row.Name, rules...)))
		}
	}
	protocols := b.set("protocols", ruleset.Set{Key: ruleset.TypeProto, Map: true, Elements: e})
	return rule("services", "", lookup(ruleset.MetaL4Proto, protocols))
}

// ports is the rule that leads each open port of a protocol to its service: in
// a hash, or a tree where there are ranges. What media accepts was accepted long
// before, so what comes to its ports here is refused; where that can be nobody,
// the ports are left out, for their range would make a tree of a hash.
func (b *builder) ports(protocol string, segments []segment, streams []stream) []ruleset.Rule {
	segments, _ = split(segments, func(s segment) bool { return !streamOf(s, streams).open })
	if len(segments) == 0 {
		return nil
	}
	interval := ranged(segments)
	e := ruleset.NewElements(ruleset.TypePort, interval)
	for _, s := range segments {
		decides := b.service
		if streamOf(s, streams).exposures != nil {
			decides = b.noService
		}
		e.AppendVerdict(port(s.from), port(s.to), goTo(decides(s.exposures)))
	}
	name := b.set(protocol+"-ports", ruleset.Set{Key: ruleset.TypePort, Map: true, Interval: interval, Elements: e})
	return []ruleset.Rule{rule(protocol+" services", "", lookup(ruleset.THDport, name))}
}

// service names the chain that decides for these exposures. Ports that the same
// exposures open share it, whatever their protocol.
func (b *builder) service(exposures []int) string {
	services := b.serviceNames(exposures)
	key := fmt.Sprint("service ", exposures)
	if b.shared[key] == "" {
		rules := b.accepts(b.exposures(exposures), false, b.accepted)
		if !decidesAll(rules) {
			rules = append(rules, b.refusal(refused, services...)...)
		}
		b.shared[key] = b.chain("service-"+strings.Join(services, "."), rules...)
	}
	return b.shared[key]
}

// noService names the chain that refuses for these exposures.
func (b *builder) noService(exposures []int) string {
	return b.refuse(refused, b.serviceNames(exposures)...)
}

// serviceNames gives each exposure's service once, in the model's order.
func (b *builder) serviceNames(exposures []int) (services []string) {
	for _, e := range b.exposures(exposures) {
		if s := e.Service; !slices.Contains(services, s) {
			services = append(services, s)
		}
	}
	return services
}

// accepts gives the rules that accept what the exposures allow. Those without a
// limit come first: whom one service accepts, another one's limit must not
// refuse. Known links need not be looked at again.
func (b *builder) accepts(exposures []*exposure.Exposure, linksKnown bool, end ending) (rules []ruleset.Rule) {
	metered, free := split(exposures, func(e *exposure.Exposure) bool { return b.limit(e) != nil })
	done := map[string]bool{} // the scopes that are accepted already
	for _, e := range free {
		rules = append(rules, allow(e, b.scopes(e, linksKnown, done), end)...)
	}
	for _, e := range metered {
		rules = append(rules, b.metered(e, b.scopes(e, linksKnown, done), passed(free, e), end)...)
	}
	return rules
}

// decidesAll tells whether nothing gets past the rules: the last one counts,
// and so accepts, whatever comes, or leads all that comes elsewhere.
func decidesAll(rules []ruleset.Rule) bool {
	if len(rules) == 0 {
		return false
	}
	switch rules[len(rules)-1].Statements[0].(type) {
	case ruleset.Count, ruleset.Verdict:
		return true
	}
	return false
}

// passed is the sources that other exposures accept wherever e holds.
func passed(others []*exposure.Exposure, e *exposure.Exposure) (s addr.Set) {
	for _, o := range others {
		if slices.Equal(o.Interfaces, e.Interfaces) && slices.Equal(o.Addresses, e.Addresses) {
			s = s.Union(o.Sources)
		}
	}
	return s
}

// ending is how a rule for the exposure's packets ends, in a family or, nil, in
// both.
type ending func(e *exposure.Exposure, f *family) []ruleset.Statement

// passes counts and accepts.
func (b *builder) passes(e *exposure.Exposure) []ruleset.Statement {
	return []ruleset.Statement{b.count(accepted + "-" + e.Service), accept}
}

func (b *builder) accepted(e *exposure.Exposure, _ *family) []ruleset.Statement { return b.passes(e) }

// allow is the rules that let an exposure's packets in, one a scope.
func allow(e *exposure.Exposure, scopes []scope, end ending) (rules []ruleset.Rule) {
	for _, s := range scopes {
		rules = append(rules, rule(who(e), e.Origin.Origin(), append(slices.Clip(s.matches), end(e, s.family)...)...))
	}
	return rules
}

// exposures is the model's exposures with these indexes.
func (b *builder) exposures(indexes []int) []*exposure.Exposure {
	list := make([]*exposure.Exposure, len(indexes))
	for n, i := range indexes {
		list[n] = &b.model.Exposures[i]
	}
	return list
}

// split parts a list, in its order, into what passes the test and the rest.
func split[T any](list []T, test func(T) bool) (yes, no []T) {
	for _, x := range list {
		if test(x) {
			yes = append(yes, x)
		} else {
			no = append(no, x)
		}
	}
	return yes, no
}

// who is the exposure in a rule's comment.
func who(e *exposure.Exposure) string { return e.Service + "/" + e.Role }
