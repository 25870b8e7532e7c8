package compile

import (
	"encoding/binary"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
)

// Priorities of the hooks (enum nf_ip_hook_priorities of
// linux/netfilter_ipv4.h; nft calls them raw and filter).
const (
	// raw comes before connection tracking (-200), the last place for notrack,
	// and after defragmentation (-400), which the look at ct state switches on:
	// even of a fragmented packet the ports can be seen.
	priorityRaw = -300
	// filter is 0, where iptables, Docker and rtpengine's own chain stand: ours
	// comes before, so they see only what the policy accepts.
	priorityFilter = 0 - 10
)

const loopbackLink = "lo"

// input decides on what is for this host. The order is explained at the top of
// the package.
func (b *builder) input(ports map[policy.Protocol][]segment, streams []stream) {
	loopback := rule("loopback", "", is(ruleset.MetaIifname, link(loopbackLink)), accept)
	var rules []ruleset.Rule
	for _, part := range [][]ruleset.Rule{
		b.express(streams), {loopback}, b.bans(), b.denials(), b.spoofs(), b.fastPath(streams), b.icmp(),
		{b.connections()}, b.cluster(), {b.services(ports, streams)}, b.refusal(refused),
	} {
		rules = append(rules, part...)
	}
	b.base("input", ruleset.Base{Hook: ruleset.HookInput, Priority: priorityFilter, Drop: true}, rules...)
}

// forward drops what is routed through the host, where the policy says so.
func (b *builder) forward() {
	if b.model.Forward == policy.ForwardDrop {
		b.base("forward", ruleset.Base{Hook: ruleset.HookForward, Priority: priorityFilter, Drop: true}, b.refusal(forwarded)...)
	}
}

// bans refuses the sources in banned4 and banned6, which the ban command and
// other programs fill: sets of ranges with timeouts, whose names are promised.
// They are mostly empty or small, so never-ban is asked only about who is found.
func (b *builder) bans() (rules []ruleset.Rule) {
	for _, f := range families {
		for _, found := range b.isBanned(f) {
			statements := append([]ruleset.Statement{found}, b.bannable(f)...)
			rules = append(rules, rule(banned, "", append(statements, goTo(b.refuse(banned)))...))
		}
	}
	return rules
}

// isBanned is the matches by which a source is banned: by somebody, by CrowdSec, or
// by a limit.
func (b *builder) isBanned(f *family) []ruleset.Match {
	matches := []ruleset.Match{is(f.saddr, b.banned(f))}
	if b.model.CrowdSec {
		matches = append(matches, is(f.saddr, b.crowdSec(f)))
	}
	if b.bansOffenders() {
		matches = append(matches, is(f.host, b.offenders(f)))
	}
	return matches
}

// bannable matches the sources that bans touch: all where there is no other.
func (b *builder) bannable(f *family) []ruleset.Statement {
	if !f.has(b.model.NeverBan) {
		return nil
	}
	return []ruleset.Statement{isNot(f.saddr, b.addresses(f, "never-ban", "bans do not touch these", b.model.NeverBan))}
}

func (b *builder) banned(f *family) ruleset.InSet {
	return ruleset.InSet(b.live(Banned+f.digit, ruleset.Set{Key: f.saddr.Type, Interval: true, Timeout: true}))
}

// Banned, with 4 or 6 behind it, is the name of the set of banned sources.
const Banned = "banned"

// CrowdSec, with 4 or 6 behind it, is the name of the set that CrowdSec's firewall
// bouncer fills. It is one of addresses, not of ranges: the bouncer (0.0.25) tells the
// kernel where an element begins and not where it ends, so that in a set of ranges
// each of its bans would be of all higher addresses, too; and it empties the set when
// it stops.
const CrowdSec = "crowdsec"

func (b *builder) crowdSec(f *family) ruleset.InSet {
	return ruleset.InSet(b.live(CrowdSec+f.digit, ruleset.Set{Key: f.saddr.Type, Timeout: true}))
}

// denials refuses the policy's deny list.
func (b *builder) denials() (rules []ruleset.Rule) {
	for _, f := range families {
		if f.has(b.model.Deny) {
			rules = append(rules, rule(denied, "deny", is(f.saddr, b.denies(f)), goTo(b.refuse(denied))))
		}
	}
	return rules
}

func (b *builder) denies(f *family) ruleset.InSet {
	return b.addresses(f, "deny", "refused before everything", b.model.Deny)
}

// spoofs refuses loopback addresses on real links: services that listen on
// loopback only trust them.
func (b *builder) spoofs() (rules []ruleset.Rule) {
	for _, f := range families {
		for _, field := range []*ruleset.Field{f.saddr, f.daddr} {
			rules = append(rules, rule(spoofed, "", is(field, f.loopback), goTo(b.refuse(spoofed))))
		}
	}
	return rules
}

// connections lets the packets of known connections in. New and untracked ones
// go on.
func (b *builder) connections() ruleset.Rule {
	e := ruleset.NewElements(ruleset.TypeCTState, false)
	for _, row := range []struct {
		state   ruleset.CTStates
		verdict ruleset.Verdict
	}{ // in ascending order, as the elements have to be
		{ruleset.StateInvalid, goTo(b.refuse(invalid))},
		{ruleset.StateEstablished, accept},
		{ruleset.StateRelated, accept},
	} {
		e.AppendVerdict(binary.BigEndian.AppendUint32(nil, uint32(row.state)), nil, row.verdict)
	}
	states := b.set("states", ruleset.Set{Key: ruleset.TypeCTState, Map: true, Elements: e})
	return rule("connections", "", lookup(ruleset.CTState, states))
}

// Ports of DHCP: RFC 2131 section 4.1, RFC 8415 section 7.2.
const (
	dhcpServer, dhcpClient     = 67, 68
	dhcpv6Server, dhcpv6Client = 547, 546
)

// dhcp lets a server's replies to this host's DHCP client in: they answer a
// broadcast or multicast, so connection tracking does not know them. A DHCPv6
// server sends from its link-local address (fe80::/10, RFC 4291 section 2.5.6).
//
// The look at the client's port and that at the server's are in two chains
// because nft melts matches on neighbouring ports in one rule into one match of
// both, and our bytes would differ from those that nft makes of our text.
func (b *builder) dhcp() []ruleset.Rule {
	linkLocal := ruleset.Prefix{Addr: append([]byte{0xfe, 0x80}, make([]byte, 14)...), Length: 10}
	v4 := b.chain("dhcp", rule("dhcp", "", families[0].is(), is(ruleset.THSport, port(dhcpServer)), accept))
	v6 := b.chain("dhcpv6", rule("dhcpv6", "", is(ruleset.IP6Saddr, linkLocal), is(ruleset.THSport, port(dhcpv6Server)), accept))
	return []ruleset.Rule{
		rule("dhcp", "", is(ruleset.THDport, port(dhcpClient)), jump(v4)),
		rule("dhcpv6", "", is(ruleset.THDport, port(dhcpv6Client)), jump(v6)),
	}
}
