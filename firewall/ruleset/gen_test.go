package ruleset

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// genTable makes valid tables: the kernel and nft accept each. What nft would
// fold into other bytecode (neighbouring bytes of the packet, each compared with
// one value) is left out.
func genTable(t *rapid.T) *Table {
	table := &Table{Family: FamilyInet, Name: "gen", Comment: genComment(t, "table comment")}
	for i := range rapid.IntRange(0, 3).Draw(t, "counters") {
		table.Counters = append(table.Counters, Counter{Name: fmt.Sprintf("counted-%d", i)})
	}
	const leaf = "leaf-1" // where maps may lead: it leads nowhere, so there are no loops
	table.Sets = genSets(t, leaf)
	chains := []string{"prerouting", "input", "forward", "output"}
	for i := range rapid.IntRange(0, 3).Draw(t, "chains") {
		chains = append(chains, fmt.Sprintf("chain.%d-1", i))
	}
	for i, name := range chains {
		c := Chain{Name: name, Rules: genRules(t, table, append(chains[max(4, i+1):], leaf))}
		if i < 4 {
			c.Base = genBase(t, Hook(i))
		}
		table.Chains = append(table.Chains, c)
	}
	table.Chains = append(table.Chains, Chain{Name: leaf, Rules: genRules(t, table, nil)})
	return table
}

func genComment(t *rapid.T, label string) string {
	return rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[ -!#-~]{1,127}`)).Draw(t, label)
}

func genBase(t *rapid.T, hook Hook) *Base {
	return &Base{
		Type:     "filter",
		Hook:     hook,
		Priority: rapid.SampledFrom([]int32{-310, -300, -290, -140, -12, -10, 0, 7, 50, 77, 100}).Draw(t, "priority"),
		Drop:     rapid.Bool().Draw(t, "drop"),
	}
}

// genSets draws a set, a map and a live set of some types.
func genSets(t *rapid.T, leaf string) []Set {
	var sets []Set
	for _, key := range Types {
		mayInterval := key.symbols == nil && key != TypeIfname || key == TypeProto
		for _, kind := range []string{"set", "map", "live"} {
			if !rapid.Bool().Draw(t, key.Name+" "+kind) {
				continue
			}
			s := Set{
				Name:     fmt.Sprintf("%s-%s-1", kind, key.Name),
				Comment:  genComment(t, "set comment"),
				Key:      key,
				Map:      kind == "map",
				Interval: kind != "live" && mayInterval && rapid.Bool().Draw(t, "interval"),
			}
			if kind == "live" {
				s.Dynamic, s.Size = true, 64
				s.Timeout = rapid.Bool().Draw(t, "timeout")
				if s.Timeout {
					s.Lifetime = time.Duration(rapid.IntRange(0, 100000).Draw(t, "lifetime")) * time.Second
				}
			}
			s.Elements = NewElements(key, s.Interval)
			if kind != "live" {
				s.Elements = genElements(t, &s, leaf)
			}
			sets = append(sets, s)
		}
	}
	return sets
}

// genElements draws sorted keys and, for intervals, pairs them up.
func genElements(t *rapid.T, s *Set, leaf string) Elements {
	keys := rapid.SliceOfNDistinct(genValue(s.Key), 0, 12, func(v []byte) string { return string(v) }).Draw(t, "keys")
	slices.SortFunc(keys, slices.Compare)
	e := NewElements(s.Key, s.Interval)
	for len(keys) > 0 {
		from, to := keys[0], keys[0]
		if s.Interval && len(keys) > 1 && rapid.Bool().Draw(t, "range") {
			to, keys = keys[1], keys[1:]
		}
		keys = keys[1:]
		if s.Map {
			e.AppendVerdict(from, to, genVerdict(t, []string{leaf}))
		} else {
			e.Append(from, to)
		}
	}
	return e
}

// genValue draws values that lie close together or at the ends, too.
func genValue(key *DataType) *rapid.Generator[[]byte] {
	switch key {
	case TypeIfname:
		return rapid.Map(rapid.StringMatching(`[a-z]{1,4}[0-9.]{0,3}\*?`), ifname)
	case TypeCTState:
		return rapid.Map(rapid.SampledFrom(ctStates), func(s symbol) []byte {
			return binary.BigEndian.AppendUint32(nil, uint32(s.value))
		})
	case TypeNFProto:
		return rapid.Map(rapid.SampledFrom(nfProtos), func(s symbol) []byte { return []byte{byte(s.value)} })
	}
	edge := rapid.SampledFrom([]byte{0, 1, 2, 254, 255})
	return rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), key.Len, key.Len),
		rapid.SliceOfN(edge, key.Len, key.Len),
		rapid.Map(edge, func(b byte) []byte { return append(make([]byte, key.Len-1), b) }),
		rapid.Map(edge, func(b byte) []byte { return append(slices.Repeat([]byte{255}, key.Len-1), b) }),
	)
}

func genVerdict(t *rapid.T, targets []string) Verdict {
	kinds := []VerdictKind{Accept, Drop, Return, Continue}
	if len(targets) > 0 {
		kinds = append(kinds, Jump, Goto)
	}
	v := Verdict{Kind: rapid.SampledFrom(kinds).Draw(t, "verdict")}
	if v.Kind == Jump || v.Kind == Goto {
		v.Chain = rapid.SampledFrom(targets).Draw(t, "target")
	}
	return v
}

func genRules(t *rapid.T, table *Table, targets []string) []Rule {
	var rules []Rule
	for range rapid.IntRange(0, 4).Draw(t, "rules") {
		g := ruleGen{T: t, table: table}
		rules = append(rules, Rule{Statements: g.statements(targets), Comment: genComment(t, "comment")})
	}
	return rules
}

// ruleGen builds one rule; matched are the fields it may not contradict.
type ruleGen struct {
	*rapid.T
	table      *Table
	done       []Statement
	loaded     bool // one value of the packet's bytes is matched
	noContrary map[*Field]byte
}

func (g *ruleGen) statements(targets []string) []Statement {
	g.noContrary = map[*Field]byte{}
	for range rapid.IntRange(0, 4).Draw(g.T, "matches") {
		g.match(rapid.SampledFrom(Fields).Draw(g.T, "field"))
	}
	for _, s := range g.table.Sets {
		if s.Dynamic && rapid.IntRange(0, 3).Draw(g.T, "update") == 0 {
			g.update(s)
		}
	}
	g.effects()
	if targets != nil && rapid.Bool().Draw(g.T, "vmap") && g.verdictMap() {
		return g.done
	}
	if len(g.done) == 0 || rapid.Bool().Draw(g.T, "verdict") {
		g.done = append(g.done, genVerdict(g.T, targets))
	}
	return g.done
}

// need puts a field's dependencies in place, and tells whether they can be.
func (g *ruleGen) need(f *Field) bool {
	for _, m := range f.Needs {
		if want := m.Operand.(Value)[0]; g.noContrary[m.Field] != 0 && g.noContrary[m.Field] != want {
			return false
		}
	}
	for _, m := range f.Needs {
		if g.noContrary[m.Field] == 0 {
			g.noContrary[m.Field] = m.Operand.(Value)[0]
			g.done = append(g.done, m)
		}
	}
	return true
}

func (g *ruleGen) match(f *Field) {
	if f.Load.Bits > 0 && !g.hasSet(f) || !g.need(f) {
		return
	}
	m := Match{Field: f, Op: rapid.SampledFrom([]Op{Equal, NotEqual}).Draw(g.T, "op"), Operand: g.operand(f)}
	if value, single := m.Operand.(Value); single {
		switch {
		case f.Load.Kind == LoadPayload:
			if g.loaded { // of two neighbours, with == or !=, nft makes one
				return
			}
			g.loaded = true
		case m.Op == Equal && (f == MetaNFProto || f == MetaL4Proto):
			if g.noContrary[f] != 0 || value[0] == 0 {
				return
			}
			g.noContrary[f] = value[0]
		}
	}
	g.done = append(g.done, m)
}

// hasSet tells whether there is a set for the field, which is all that a masked
// one can be compared with.
func (g *ruleGen) hasSet(f *Field) bool {
	return slices.ContainsFunc(g.table.Sets, func(s Set) bool { return s.Key == f.Type && !s.Map })
}

func (g *ruleGen) operand(f *Field) Operand {
	var choices []Operand
	for _, s := range g.table.Sets {
		if s.Key == f.Type && !s.Map {
			choices = append(choices, InSet(s.Name))
		}
	}
	if f.Load.Bits > 0 {
		return rapid.SampledFrom(choices).Draw(g.T, "operand")
	}
	choices = append(choices, Value(genValue(f.Type).Draw(g.T, "value")))
	switch {
	case f.Type == TypeCTState:
		choices = append(choices, Bits(binary.BigEndian.AppendUint32(nil, rapid.SampledFrom([]uint32{1, 2, 6, 8, 72}).Draw(g.T, "bits"))))
	case f.Type == TypeIfname:
		choices = append(choices, Prefix{Addr: ifname("eth"), Length: 24})
	case f.Type != TypeNFProto:
		from, to := genValue(f.Type).Draw(g.T, "from"), genValue(f.Type).Draw(g.T, "to")
		if slices.Compare(from, to) > 0 {
			from, to = to, from
		}
		choices = append(choices, Range{From: from, To: to})
	}
	if f.Type == TypeIPv4Addr || f.Type == TypeIPv6Addr {
		choices = append(choices, g.prefix(f.Type))
	}
	return rapid.SampledFrom(choices).Draw(g.T, "operand")
}

func (g *ruleGen) prefix(key *DataType) Prefix {
	length := rapid.IntRange(0, 8*key.Len-1).Draw(g.T, "length")
	addr := genValue(key).Draw(g.T, "addr")
	for i := range addr {
		addr[i] &= byte(uint16(0xff00) >> min(8, max(0, length-8*i)))
	}
	return Prefix{Addr: addr, Length: length}
}

func (g *ruleGen) update(s Set) {
	for _, f := range Fields {
		if f.Type == s.Key && f.Load.Kind == LoadPayload && rapid.Bool().Draw(g.T, "of this field") && g.need(f) {
			u := Update{Set: s.Name, Field: f}
			if s.Timeout && rapid.Bool().Draw(g.T, "for a time") {
				u.Timeout = time.Duration(rapid.IntRange(1, 1_000_000).Draw(g.T, "seconds")) * time.Second
			}
			if rapid.Bool().Draw(g.T, "limited") {
				l := g.limit()
				u.Limit = &l
			}
			g.done = append(g.done, u)
			return
		}
	}
}

func (g *ruleGen) limit() Limit {
	return Limit{
		Rate:  rapid.Uint64Range(1, 1000).Draw(g.T, "rate"),
		Unit:  rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}).Draw(g.T, "unit"),
		Burst: rapid.Uint32Range(1, 20).Draw(g.T, "burst"),
		Over:  rapid.Bool().Draw(g.T, "over"),
	}
}

// effects draws statements without a verdict.
func (g *ruleGen) effects() {
	l := Log{Prefix: rapid.StringMatching(`[ -!#%-~]{0,127}`).Draw(g.T, "prefix")} // $ is a variable in nft's log prefix
	if group := rapid.Uint16().Draw(g.T, "group"); rapid.Bool().Draw(g.T, "grouped") {
		l.Group = &group
	}
	all := []Statement{NoTrack{}, g.limit(), l, Count{}}
	for _, c := range g.table.Counters {
		all = append(all, Count{Name: c.Name})
	}
	for _, s := range all {
		if rapid.IntRange(0, 4).Draw(g.T, "effect") == 0 {
			g.done = append(g.done, s)
		}
	}
}

func (g *ruleGen) verdictMap() bool {
	for _, s := range g.table.Sets {
		for _, f := range Fields {
			if s.Map && s.Key == f.Type && rapid.Bool().Draw(g.T, "map") && g.need(f) {
				g.done = append(g.done, VerdictMap{Field: f, Map: s.Name})
				return true
			}
		}
	}
	return false
}
