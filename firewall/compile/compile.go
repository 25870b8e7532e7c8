// Package compile turns a host's exposures into a ruleset: the same exposures
// give the same bytes. It is a pure function; docs/ruleset.md draws the hooks
// and shows a whole table.
//
// # The path of a packet
//
// Two base chains at priority raw keep media out of connection tracking, one at
// the input hook decides, and one at the forward hook drops where the policy
// says so. A base chain holds one rule, the jump into the chain of the same
// name and the generation's number: a change loads new chains beside the old
// ones and then swaps that one rule, so no packet ever meets half a policy.
// Base chains, counters, bans and rate meters keep their names, and so their
// content, over generations.
//
// The chain input-N takes its decisions in this order:
//
//  1. media that no rule below would refuse is accepted, in one rule a family,
//     because this is nearly every packet: ports that only the service rtp has
//     are not tracked, so its allowlist decides, or what was learned from it;
//  2. loopback is accepted;
//  3. banned and denied sources are refused, before anything could accept them,
//     so that their established flows end, too;
//  4. a loopback address on a real link is refused;
//  5. media that is not decided yet;
//  6. ICMP, still before connection tracking's word: the second ping of a series
//     is "established" and would never meet a limit, and an error about an
//     untracked flow is "invalid" although the host needs it;
//  7. established and related are accepted, invalid is refused;
//  8. the cluster's other hosts reach every port on the internal links;
//  9. one verdict map leads to the transport protocol, a second one to the chain
//     of the service: two look-ups, however many services there are, and in that
//     chain one look-up a role, however long its list;
//  10. the rest is refused.
//
// # No way out by accident
//
// A jump comes back where its chain decides nothing, a goto never does. So
// chains that may pass a packet on (media, icmp, dhcp, cluster, the protocols)
// are jumped to, and chains that always end in a verdict (a service, a refusal)
// are gone to. Every chain gone to ends in a rule without a match, and so does
// input-N: every packet meets exactly one accept or one counted refusal, and
// the base chain's own policy drop never decides.
//
// # The mediaproxy
//
// The rule that hands RTP to rtpengine's kernel module is not part of this
// table: it needs a table of its own family (ip filter, ip6 filter) and must
// fail without taking the firewall along. Model.Mediaproxy is not looked at.
package compile

import (
	"cmp"
	"slices"
	"strings"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// The table's family and name: the only table this program writes.
const (
	Family    = ruleset.FamilyInet
	TableName = "ngcp-fw"
)

const tableComment = "Written by ngcp-fw: changes made here are lost, change the policy instead"

// builder collects the parts of one table.
type builder struct {
	model      *exposure.Model
	generation uint64
	table      *ruleset.Table
	limits     map[string]*exposure.Limit // by service; only services that have one
	chainNames names
	setNames   names
	counted    map[string]bool   // counters there are
	shared     map[string]string // sets and chains that several rules use, by content
	lists      []list            // sets of addresses there are
}

// Compile gives the table that puts the model into force. Names that belong to
// the generation end in its number.
func Compile(m *exposure.Model, generation uint64) *ruleset.Table {
	b := &builder{
		model: m, generation: generation, limits: limits(m),
		table:   &ruleset.Table{Family: Family, Name: TableName, Comment: tableComment},
		counted: map[string]bool{}, shared: map[string]string{},
	}
	ports := openings(m)
	streams := b.media(ports[policy.UDP])
	b.untracked(streams)
	b.input(ports, streams)
	b.forward()
	b.arrange()
	return b.table
}

// arrange brings the table into the order people read it in: sets and counters
// by name, chains along the path of a packet, the services by their ports.
func (b *builder) arrange() {
	t := b.table
	slices.SortFunc(t.Counters, func(x, y ruleset.Counter) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(t.Sets, func(x, y ruleset.Set) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortStableFunc(t.Chains, func(x, y ruleset.Chain) int { return cmp.Compare(place(x), place(y)) })
}

// reading is the order of chains by the first word of their names; those it
// does not name, the refusals, come last.
var reading = []string{"prerouting", "input", "forward", "output", mediaService, "learn", "echo", "cluster", "igmp",
	"tcp", "udp", "sctp", "dhcp", "dhcpv6", "service"}

// place is where a chain stands in the table: base chains first, in the order
// a packet meets them.
func place(c ruleset.Chain) int {
	if c.Base != nil {
		return int(c.Base.Hook)
	}
	word, _, _ := strings.Cut(c.Name, "-")
	word, _, _ = strings.Cut(word, ".")
	if i := slices.Index(reading, word); i >= 0 {
		return int(ruleset.HookPostrouting) + i
	}
	return int(ruleset.HookPostrouting) + len(reading)
}
