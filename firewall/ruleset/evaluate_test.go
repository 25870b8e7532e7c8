package ruleset

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEvaluateInputOfAFirewall(t *testing.T) {
	table := richTable()
	lo := packet(6, "127.0.0.1", "127.0.0.1", 1, 2)
	lo.In = "lo"
	rtpOnLo := packet(17, "127.0.0.1", "127.0.0.1", 1, 30000)
	rtpOnLo.In = "lo"
	for _, c := range []struct {
		what    string
		packet  Packet
		want    string
		decided string
	}{
		{"loopback", lo, "accept", "input-1:0"},
		{"tracked loopback", rtpOnLo, "accept", "input-1:0"},
		{"SSH", packet(6, "198.51.100.1", "192.0.2.2", 1024, 22), "accept", "tcp-1:0"},
		{"established", in(packet(6, "198.51.100.1", "192.0.2.2", 22, 1024), StateEstablished), "accept", "input-1:6"},
		{"invalid", in(packet(6, "198.51.100.1", "192.0.2.2", 22, 1024), StateInvalid), "drop", "refuse-1:1"},
		{"not SSH", packet(6, "198.51.100.1", "192.0.2.2", 1024, 23), "drop", "input-1:12"},
		{"spoofed", packet(6, "127.0.0.1", "192.0.2.2", 1024, 22), "drop", "refuse-1:1"},
		{"multicast", packet(2, "192.0.2.1", "224.0.0.1", 0, 0), "accept", "input-1:5"},
		{"DNS", packet(17, "198.51.100.1", "192.0.2.2", 5, 53), "accept", "udp-1:1"},
		{"DHCP", packet(17, "198.51.100.1", "192.0.2.2", 67, 68), "accept", "udp-1:0"},
		{"DHCP from another port", packet(17, "198.51.100.1", "192.0.2.2", 66, 68), "drop", "input-1:12"},
		{"SIP from anyone", packet(17, "198.51.100.1", "192.0.2.2", 5060, 5060), "drop", "input-1:12"},
		{"SIP from a peer", packet(17, "10.0.1.8", "192.0.2.2", 5060, 5060), "accept", "service-sip-1:1"},
		{"SIP from one host to another address", packet(17, "192.0.2.1", "192.0.2.3", 5060, 5060), "accept", "service-sip-1:0"},
		{"SIP from past a peer", packet(17, "10.0.1.9", "192.0.2.2", 5060, 5060), "drop", "input-1:12"},
		{"the last port", packet(17, "10.0.1.9", "192.0.2.2", 5060, 65535), "drop", "udp-1:1"},
		{"untracked RTP", packet(17, "10.0.1.9", "192.0.2.2", 5060, 30000), "drop untracked", "input-1:12"},
		{"ping", ping(protoICMP, 8, "192.0.2.9"), "accept", "icmp-1:0"},
		{"neighbour discovery", ping(protoICMPv6, 135, "fe80::9"), "accept", "icmp-1:1"},
		{"neighbour discovery is no ICMP for IPv4", ping(protoICMP, 135, "192.0.2.9"), "drop", "input-1:12"},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := table.EvaluateInput(c.packet)
			assert.Equal(t, c.want, verdictOf(got))
			assert.Empty(t, got.Unknown)
			require.NotEmpty(t, got.Decided)
			last := got.Decided[len(got.Decided)-1]
			assert.Equal(t, c.decided, last.String())
		})
	}
}

// A line is a chain, a colon and its rules; base chains are at the input hook.
func TestEvaluateVerdicts(t *testing.T) {
	for _, c := range []struct{ what, chains, want, decided string }{
		{"no base chain accepts", "x: drop", "accept", ""},
		{"the policy decides", "base drop:", "drop", "base:-1"},
		{"a rule decides", "base drop: accept", "accept", "base:0"},
		{"every base chain has to accept", "base accept: accept | later accept: drop", "drop", "base:0 later:0"},
		{"a drop ends it", "base accept: drop | later accept: accept", "drop", "base:0"},
		{"jump comes back", "base accept: jump x, drop | x: continue", "drop", "base:1"},
		{"return comes back", "base accept: jump x, drop | x: return, accept", "drop", "base:1"},
		{"return in a base chain is its policy", "base drop: return, accept", "drop", "base:-1"},
		{"goto does not come back", "base accept: goto x, drop | x: continue", "accept", "base:-1"},
		{"goto comes back to the one who jumped", "base accept: jump x, drop | x: goto y, accept | y: continue", "drop", "base:1"},
		{"return after goto too", "base accept: jump x, drop | x: goto y, accept | y: return, accept", "drop", "base:1"},
		{"a limit is kept", "base drop: limit accept", "accept", "base:0"},
		{"nothing is over a limit", "base drop: over accept", "drop", "base:-1"},
		{"an update over its limit does not match", "base drop: meter accept", "drop", "base:-1"},
		{"an update matches", "base drop: update accept", "accept", "base:0"},
		{"what follows a verdict is not done", "base drop: drop accept", "drop", "base:0"},
		{"continue goes on in the rule", "base drop: continue accept", "accept", "base:0"},
		{"notrack comes too late", "base drop: notrack accept", "accept", "base:0"},
		{"a missing chain is unknown", "base drop: jump y, accept", "accept unknown", "base:1"},
		{"a missing set is unknown", "base drop: missing accept", "drop unknown", "base:-1"},
		{"a missing map is unknown", "base drop: nomap, accept", "accept unknown", "base:1"},
		{"a foreign statement is unknown", "base drop: foreign accept", "drop unknown", "base:-1"},
		{"jumps in a circle end", "base accept: jump x | x: jump x", "drop unknown", ""},
		{"gotos in a circle end", "base accept: goto x | x: goto y | y: goto x", "drop unknown", ""},
		{"many circles end", "base accept: jump x, jump x | x: jump x, jump x", "drop unknown", ""},
		{"sixteen jumps are not too many", "base drop: jump 1" + steps(16, "accept"), "accept", "16:0"},
		{"seventeen are", "base drop: jump 1" + steps(17, "accept"), "drop unknown", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := tableOf(c.chains).Evaluate(HookInput, packet(6, "192.0.2.1", "192.0.2.2", 1, 2))
			assert.Equal(t, c.want, verdictOf(got))
			var decided []string
			for _, p := range got.Decided {
				decided = append(decided, p.String())
			}
			assert.Equal(t, c.decided, strings.Join(decided, " "))
		})
	}
}

func TestEvaluateOperands(t *testing.T) {
	p := in(packet(17, "192.0.2.5", "2001:db8::1", 5000, 5060), StateRelated)
	v4 := func(text string) []byte { return value(TypeIPv4Addr, text) }
	for _, c := range []struct {
		match Match
		want  bool
	}{
		{Match{Field: IPSaddr, Operand: Value(v4("192.0.2.5"))}, true},
		{Match{Field: IPSaddr, Operand: Range{v4("192.0.2.5"), v4("192.0.2.5")}}, true},
		{Match{Field: IPSaddr, Operand: Range{v4("192.0.2.0"), v4("192.0.2.4")}}, false},
		{Match{Field: IPSaddr, Op: NotEqual, Operand: Range{v4("192.0.2.0"), v4("192.0.2.4")}}, true},
		{Match{Field: IPSaddr, Operand: Prefix{v4("192.0.2.4"), 30}}, true},
		{Match{Field: IPSaddr, Operand: Prefix{v4("192.0.2.6"), 31}}, false},
		{Match{Field: IPSaddr, Operand: Prefix{v4("0.0.0.0"), 0}}, true},
		{Match{Field: IPSaddr, Operand: Prefix{v4("192.0.2.5"), 32}}, true},
		{Match{Field: IPSaddr, Operand: Prefix{v4("192.0.0.0"), 16}}, true},
		{Match{Field: IPDaddr, Op: NotEqual, Operand: Value(v4("192.0.2.5"))}, false}, // an IPv6 packet has none
		{Match{Field: CTState, Operand: Bits(value(TypeCTState, "0x6"))}, true},
		{Match{Field: CTState, Operand: Value(value(TypeCTState, "0x6"))}, false},
		{Match{Field: CTState, Op: NotEqual, Operand: Bits(value(TypeCTState, "0x9"))}, true},
		{is(MetaIifname, Equal, "eth0"), true},
		{Match{Field: MetaIifname, Operand: Prefix{ifname("eth"), 24}}, true},
		{is(MetaOifname, NotEqual, "lo"), true}, // no interface is none of that name
		{is(THSport, Equal, "5000"), true},
		{is(ICMPType, NotEqual, "8"), false},
		{is(MetaNFProto, Equal, "ipv4"), true},
	} {
		table := &Table{Family: FamilyInet}
		rule := Rule{Statements: []Statement{c.match, Verdict{Kind: Accept}}}
		table.Chains = []Chain{{Name: "c", Base: &Base{Hook: HookInput, Drop: true}, Rules: []Rule{rule}}}
		assert.Equal(t, c.want, table.Evaluate(HookInput, p).Accept, table.RuleText(&rule))
	}
}

func TestEvaluateByPriorityAndState(t *testing.T) {
	invalid := on(is(CTState, Equal, "invalid"), Verdict{Kind: Drop})
	table := &Table{Family: FamilyInet, Chains: []Chain{
		{Name: "second", Base: &Base{Hook: HookOutput, Priority: 5}, Rules: []Rule{on(is(CTState, Equal, "untracked"), Verdict{Kind: Accept})}},
		{Name: "first", Base: &Base{Hook: HookOutput, Priority: -300}, Rules: []Rule{on(is(CTState, Equal, "invalid"), NoTrack{})}},
	}}
	p := packet(17, "192.0.2.1", "192.0.2.2", 1, 2)
	got := table.Evaluate(HookOutput, p)
	assert.Equal(t, Outcome{Accept: true, Untracked: true, Decided: []Place{{"first", -1}, {"second", 0}}}, got)

	table = &Table{Family: FamilyIPv6, Chains: []Chain{{Name: "c", Base: &Base{Hook: HookInput}, Rules: []Rule{invalid}}}}
	assert.Empty(t, table.Evaluate(HookInput, p).Decided, "a table for IPv6 does not see IPv4")
	assert.True(t, table.Evaluate(Hook(9), p).Accept)
}

// Neither random tables nor random packets make it panic or hang.
func TestEvaluateAnything(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		table := genTable(r)
		p := Packet{In: "eth0", Protocol: rapid.Byte().Draw(r, "protocol"), State: CTStates(rapid.Byte().Draw(r, "state"))}
		if rapid.Bool().Draw(r, "addresses") {
			p.Src, _ = netip.AddrFromSlice(genValue(TypeIPv4Addr).Draw(r, "src"))
			p.Dst, _ = netip.AddrFromSlice(genValue(TypeIPv6Addr).Draw(r, "dst"))
		}
		got := table.EvaluateInput(p)
		assert.Empty(r, got.Unknown)
		assert.Equal(r, got, table.Renumbered(1).EvaluateInput(p))
	})
}

func BenchmarkEvaluateAMillionElements(b *testing.B) {
	e := NewElements(TypeIPv4Addr, true)
	for i := range uint64(1_000_000) {
		e.Append(wire(4000*i, 4), wire(4000*i+7, 4))
	}
	table := &Table{Family: FamilyInet, Sets: []Set{{Name: "s", Key: TypeIPv4Addr, Interval: true, Elements: e}}, Chains: []Chain{
		{Name: "c", Base: &Base{Hook: HookInput}, Rules: []Rule{on(Match{Field: IPSaddr, Operand: InSet("s")}, Verdict{Kind: Drop})}}}}
	p := packet(17, "192.0.2.1", "192.0.2.2", 1, 2)
	for b.Loop() {
		table.EvaluateInput(p)
	}
}

func in(p Packet, state CTStates) Packet {
	p.State = state
	return p
}

func ping(proto, kind uint8, src string) Packet {
	p := packet(proto, src, src, 0, 0)
	p.ICMPType = kind
	return p
}

func verdictOf(o Outcome) string {
	text := "drop"
	if o.Accept {
		text = "accept"
	}
	if o.Untracked {
		text += " untracked"
	}
	if o.Unknown != nil {
		text += " unknown"
	}
	return text
}

// steps is n chains, each of which jumps to the next; the last does as told.
func steps(n int, last string) string {
	var b strings.Builder
	for i := 1; i < n; i++ {
		b.WriteString(" | " + TypePort.Format(port16(uint16(i))) + ": jump " + TypePort.Format(port16(uint16(i+1))))
	}
	return b.String() + " | " + TypePort.Format(port16(uint16(n))) + ": " + last
}

// tableOf reads chains of the form "base drop: jump x, accept | x: return".
func tableOf(chains string) *Table {
	table := &Table{Family: FamilyInet, Sets: []Set{{Name: "s", Key: TypeIPv4Addr, Dynamic: true}}}
	for priority, text := range strings.Split(chains, "|") {
		head, rules, _ := strings.Cut(strings.TrimSpace(text), ":")
		name, policy, base := strings.Cut(head, " ")
		c := Chain{Name: name}
		if base {
			c.Base = &Base{Hook: HookInput, Priority: int32(priority), Drop: policy == "drop"}
		}
		for _, rule := range strings.Split(rules, ",") {
			if words := strings.Fields(rule); len(words) > 0 {
				c.Rules = append(c.Rules, ruleOf(words))
			}
		}
		table.Chains = append(table.Chains, c)
	}
	return table
}

func ruleOf(words []string) (r Rule) {
	statements := map[string]Statement{
		"accept": Verdict{Kind: Accept}, "drop": Verdict{Kind: Drop}, "return": Verdict{Kind: Return}, "continue": Verdict{Kind: Continue},
		"limit": Limit{Rate: 1}, "over": Limit{Rate: 1, Over: true}, "notrack": NoTrack{}, "foreign": Foreign{Name: "x"},
		"meter": Update{Set: "s", Field: IPSaddr, Limit: &Limit{Over: true}}, "update": Update{Set: "s", Field: IPSaddr},
		"missing": Match{Field: IPSaddr, Operand: InSet("missing")}, "nomap": VerdictMap{Field: IPSaddr, Map: "missing"},
	}
	for i, word := range words {
		switch word {
		case "jump":
			return Rule{Statements: append(r.Statements, Verdict{Jump, words[i+1]})}
		case "goto":
			return Rule{Statements: append(r.Statements, Verdict{Goto, words[i+1]})}
		}
		r.Statements = append(r.Statements, statements[word])
	}
	return r
}
