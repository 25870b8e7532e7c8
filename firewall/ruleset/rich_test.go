package ruleset

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// richTable is a small firewall that has every field, operand and statement.
func richTable() *Table {
	group := uint16(5)
	refuse := func(reason string) []Rule {
		return []Rule{
			{Statements: []Statement{Limit{Rate: 10, Unit: time.Second, Burst: 5}, Log{Prefix: "ngcp-fw " + reason + ": ", Group: &group}}},
			{Statements: []Statement{Count{Name: reason}, Verdict{Kind: Drop}}, Comment: reason},
		}
	}
	jump := func(to string) []Rule {
		return []Rule{{Statements: []Statement{Verdict{Jump, to}}, Comment: "generation 1"}}
	}
	return &Table{
		Family: FamilyInet, Name: "rich", Comment: "written by a test",
		Counters: []Counter{{Name: "banned"}, {Name: "refused"}, {Name: "accepted-sip", Packets: 7, Bytes: 700}},
		Sets: []Set{
			{Name: "banned4", Key: TypeIPv4Addr, Interval: true, Timeout: true},
			{Name: "limit-sip4", Key: TypeIPv4Addr, Dynamic: true, Timeout: true, Size: 65536, Lifetime: 90 * time.Second},
			{Name: "from-peers4-1", Comment: "peers", Key: TypeIPv4Addr, Interval: true, Elements: addrs(TypeIPv4Addr,
				"0.0.0.0-0.255.255.255", "10.0.0.0-10.0.0.255", "10.0.1.0-10.0.1.7", "10.0.1.8-10.0.1.8", "192.0.2.1-192.0.2.5", "224.0.0.0-255.255.255.255")},
			{Name: "from-peers6-1", Key: TypeIPv6Addr, Interval: true, Elements: addrs(TypeIPv6Addr, "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1-fe80::3")},
			{Name: "states-1", Key: TypeCTState, Map: true, Elements: verdicts(TypeCTState, "invalid", Verdict{Goto, "refuse-1"}, "established", Verdict{}, "related", Verdict{})},
			{Name: "protocols-1", Key: TypeProto, Map: true, Elements: verdicts(TypeProto,
				"icmp", Verdict{Jump, "icmp-1"}, "tcp", Verdict{Jump, "tcp-1"}, "udp", Verdict{Jump, "udp-1"}, "icmpv6", Verdict{Jump, "icmp-1"})},
			{Name: "udp-ports-1", Key: TypePort, Map: true, Interval: true, Elements: verdicts(TypePort, "53", Verdict{}, "5060", Verdict{Jump, "service-sip-1"}, "65535", Verdict{Kind: Drop})},
			{Name: "offenders6", Key: TypeIPv6Addr, Dynamic: true, Timeout: true, Size: 65536},
		},
		Chains: []Chain{
			{Name: "prerouting", Base: &Base{Type: "filter", Hook: HookPrerouting, Priority: -300}, Rules: jump("prerouting-1")},
			{Name: "input", Base: &Base{Type: "filter", Hook: HookInput, Priority: -10, Drop: true}, Rules: jump("input-1")},
			{Name: "prerouting-1", Rules: []Rule{{Statements: []Statement{
				is(MetaIifname, NotEqual, "lo"), is(MetaL4Proto, Equal, "udp"),
				Match{Field: THDport, Operand: Range{value(TypePort, "30000"), value(TypePort, "40000")}}, NoTrack{}}, Comment: "rtp"}}},
			{Name: "refuse-1", Rules: refuse("banned")},
			{Name: "icmp-1", Rules: []Rule{
				on(is(ICMPType, Equal, "echo-request"), Limit{Rate: 50, Unit: time.Second, Burst: 100}, Verdict{Kind: Accept}),
				on(is(ICMPv6Type, Equal, "nd-neighbor-solicit"), Verdict{Kind: Accept}),
			}},
			{Name: "tcp-1", Rules: []Rule{
				on(is(MetaL4Proto, Equal, "tcp"), is(THDport, Equal, "22"), Count{}, Verdict{Kind: Accept}),
				on(is(THSport, NotEqual, "22"), Verdict{Kind: Return}),
			}},
			{Name: "udp-1", Rules: []Rule{
				{Statements: []Statement{is(MetaNFProto, Equal, "ipv4"), is(MetaL4Proto, Equal, "udp"), is(THDport, Equal, "68"),
					Match{Field: THSport, Operand: Range{value(TypePort, "67"), value(TypePort, "67")}}, Verdict{Kind: Accept}}, Comment: "DHCP"},
				on(is(MetaL4Proto, Equal, "udp"), VerdictMap{Field: THDport, Map: "udp-ports-1"}),
			}},
			{Name: "service-sip-1", Rules: []Rule{
				on(is(IPSaddr, Equal, "192.0.2.1"), is(IPDaddr, NotEqual, "192.0.2.2"), Count{Name: "accepted-sip"}, Verdict{Kind: Accept}),
				on(Match{Field: IPSaddr, Operand: InSet("from-peers4-1")}, Count{Name: "accepted-sip"}, Verdict{Kind: Accept}),
				on(Match{Field: IP6Saddr, Op: NotEqual, Operand: InSet("from-peers6-1")}, Verdict{Kind: Continue}),
				on(Match{Field: IP6SaddrNet, Op: NotEqual, Operand: InSet("offenders6")},
					Update{Set: "offenders6", Field: IP6SaddrNet, Timeout: 90 * time.Minute}),
				on(Match{Field: IP6SaddrNet, Operand: InSet("offenders6")}, Verdict{Kind: Drop}),
				on(Update{Set: "limit-sip4", Field: IPSaddr, Limit: &Limit{Rate: 50, Unit: time.Second, Burst: 100, Over: true}}, Verdict{Goto, "refuse-1"}),
			}},
			{Name: "input-1", Rules: append([]Rule{
				{Statements: []Statement{is(MetaIifname, Equal, "lo"), Verdict{Kind: Accept}}, Comment: "loopback"},
				on(Match{Field: MetaOifname, Operand: Prefix{ifname("eth"), 24}}, Verdict{Kind: Accept}),
				on(Match{Field: IPSaddr, Operand: InSet("banned4")}, Verdict{Goto, "refuse-1"}),
				on(Match{Field: IPSaddr, Operand: Prefix{value(TypeIPv4Addr, "127.0.0.0"), 8}}, Verdict{Goto, "refuse-1"}),
				on(Match{Field: IP6Daddr, Op: NotEqual, Operand: Prefix{value(TypeIPv6Addr, "fe80::"), 10}}, Verdict{Kind: Continue}),
				on(Match{Field: IPDaddr, Operand: Range{value(TypeIPv4Addr, "224.0.0.0"), value(TypeIPv4Addr, "239.255.255.255")}}, Verdict{Kind: Accept}),
				on(VerdictMap{Field: CTState, Map: "states-1"}),
				on(Match{Field: CTState, Operand: Bits(value(TypeCTState, "0x48"))}, Verdict{Kind: Continue}),
				on(Match{Field: CTState, Op: NotEqual, Operand: Bits(value(TypeCTState, "0x6"))}, Verdict{Kind: Continue}),
				on(is(CTState, Equal, "new"), Verdict{Kind: Continue}),
				on(VerdictMap{Field: MetaL4Proto, Map: "protocols-1"}),
			}, refuse("refused")...)},
		},
	}
}

func foreignTable() *Table {
	return &Table{
		Family: FamilyIPv4, Name: "filter", Foreign: []Foreign{{Name: "flowtable", Data: make([]byte, 30)}},
		Sets: []Set{
			{Name: "pairs", Key: nil, Raw: make([]byte, 12)},
			{Name: "banned", Key: TypeIPv4Addr, Timeout: true, Elements: single(TypeIPv4Addr, "192.0.2.1")},
		},
		Chains: []Chain{{Name: "INPUT", Rules: []Rule{
			{Statements: []Statement{is(MetaL4Proto, Equal, "udp"), Count{}, Foreign{Name: "target", Data: make([]byte, 40)}}, Comment: "rtpengine"},
			{Statements: []Statement{is(IPSaddr, Equal, "192.0.2.1"), Verdict{Kind: Drop}}},
		}}},
	}
}

// on is a rule whose first match has its dependencies before it.
func on(statements ...Statement) Rule {
	var rule []Statement
	known := context{}
	for _, s := range statements {
		if f := fieldOf(s); f != nil {
			for _, need := range f.Needs {
				if _, has := known[need.Field]; !has {
					rule = append(rule, need)
					known.learn(need)
				}
			}
		}
		known.learn(s)
		rule = append(rule, s)
	}
	return Rule{Statements: rule}
}

func is(f *Field, op Op, text string) Match {
	return Match{Field: f, Op: op, Operand: Value(value(f.Type, text))}
}

func value(t *DataType, text string) []byte {
	v, err := t.Parse(text)
	if err != nil {
		panic(err)
	}
	return v
}

func single(key *DataType, texts ...string) Elements {
	e := NewElements(key, false)
	for _, text := range texts {
		e.Append(value(key, text), nil)
	}
	return e
}

func addrs(key *DataType, ranges ...string) Elements {
	e := NewElements(key, true)
	for _, r := range ranges {
		for i := range r {
			if r[i] == '-' {
				e.Append(value(key, r[:i]), value(key, r[i+1:]))
			}
		}
	}
	return e
}

// verdicts takes key and verdict in turn; ports are intervals of one.
func verdicts(key *DataType, pairs ...any) Elements {
	e := NewElements(key, key == TypePort)
	for i := 0; i < len(pairs); i += 2 {
		v := value(key, pairs[i].(string))
		e.AppendVerdict(v, v, pairs[i+1].(Verdict))
	}
	return e
}

func packet(proto uint8, src, dst string, sport, dport uint16) Packet {
	return Packet{In: "eth0", Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Protocol: proto, SrcPort: sport, DstPort: dport}
}

func port16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
