package compile

import (
	"bytes"
	"encoding/binary"

	"ngcp-fw/firewall/ruleset"
)

// rule is the statements with what their fields need before them: a match that
// is already there is not repeated, as nft does it.
func rule(comment, origin string, statements ...ruleset.Statement) ruleset.Rule {
	var all []ruleset.Statement
	for _, s := range statements {
		for _, need := range needs(s) {
			if !has(all, need) {
				all = append(all, need)
			}
		}
		if m, ok := s.(ruleset.Match); !ok || !has(all, m) {
			all = append(all, s)
		}
	}
	return ruleset.Rule{Statements: all, Comment: shorten(comment, commentMax), Origin: origin}
}

func needs(s ruleset.Statement) []ruleset.Match {
	switch s := s.(type) {
	case ruleset.Match:
		return s.Field.Needs
	case ruleset.VerdictMap:
		return s.Field.Needs
	case ruleset.Update:
		return s.Field.Needs
	}
	return nil
}

// has tells whether a match for one value is among the statements.
func has(statements []ruleset.Statement, want ruleset.Match) bool {
	value, ok := want.Operand.(ruleset.Value)
	for _, s := range statements {
		m, isMatch := s.(ruleset.Match)
		if !ok || !isMatch || m.Field != want.Field || m.Op != want.Op {
			continue
		}
		if v, isValue := m.Operand.(ruleset.Value); isValue && bytes.Equal(v, value) {
			return true
		}
	}
	return false
}

func is(f *ruleset.Field, o ruleset.Operand) ruleset.Match {
	return ruleset.Match{Field: f, Operand: o}
}

func isNot(f *ruleset.Field, o ruleset.Operand) ruleset.Match {
	return ruleset.Match{Field: f, Op: ruleset.NotEqual, Operand: o}
}

func lookup(f *ruleset.Field, verdicts string) ruleset.VerdictMap {
	return ruleset.VerdictMap{Field: f, Map: verdicts}
}

func jump(chain string) ruleset.Verdict { return ruleset.Verdict{Kind: ruleset.Jump, Chain: chain} }
func goTo(chain string) ruleset.Verdict { return ruleset.Verdict{Kind: ruleset.Goto, Chain: chain} }

var (
	accept = ruleset.Verdict{Kind: ruleset.Accept}
	drop   = ruleset.Verdict{Kind: ruleset.Drop}
)

// count names a counter, which outlives generations, and sees that it is there.
func (b *builder) count(name string) ruleset.Count {
	name = shorten(name, commentMax)
	if !b.counted[name] {
		b.counted[name] = true
		b.table.Counters = append(b.table.Counters, ruleset.Counter{Name: name})
	}
	return ruleset.Count{Name: name}
}

// chain adds a chain of this generation and gives its whole name.
func (b *builder) chain(wish string, rules ...ruleset.Rule) string {
	name := b.scoped(b.chainNames.take(wish))
	b.table.Chains = append(b.table.Chains, ruleset.Chain{Name: name, Rules: rules})
	return name
}

// base adds a base chain of a name that stays and its one rule, the jump into
// this generation.
func (b *builder) base(name string, base ruleset.Base, rules ...ruleset.Rule) {
	base.Type = "filter"
	into := rule(ruleset.GenerationComment(b.generation), "", jump(b.chain(name, rules...)))
	b.table.Chains = append(b.table.Chains, ruleset.Chain{Name: name, Base: &base, Rules: []ruleset.Rule{into}})
}

// port is a port as fields hold it.
func port(n uint16) ruleset.Value { return binary.BigEndian.AppendUint16(nil, n) }

// link is an interface's name as fields hold it: 16 bytes (IFNAMSIZ of
// linux/if.h) with zeros at the end.
func link(name string) ruleset.Value {
	padded := make(ruleset.Value, ruleset.TypeIfname.Len)
	copy(padded, name)
	return padded
}
