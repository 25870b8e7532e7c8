package verify_test

import (
	"bytes"
	"fmt"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/addr"
)

// mutation is one small fault in a table.
type mutation struct {
	what  string
	apply func(t *ruleset.Table) // changes the copy it gets
}

// copyOf is a table of which everything that mutations touch is its own.
func copyOf(t *ruleset.Table) *ruleset.Table {
	c := *t
	c.Sets, c.Chains = slices.Clone(t.Sets), slices.Clone(t.Chains)
	for i := range c.Chains {
		if b := c.Chains[i].Base; b != nil {
			base := *b
			c.Chains[i].Base = &base
		}
		c.Chains[i].Rules = slices.Clone(c.Chains[i].Rules)
		for j := range c.Chains[i].Rules {
			c.Chains[i].Rules[j].Statements = slices.Clone(c.Chains[i].Rules[j].Statements)
		}
	}
	return &c
}

// mutations are all the faults of these kinds that the table can have.
func mutations(t *ruleset.Table) (all []mutation) {
	for i := range t.Chains {
		all = append(all, chainMutations(t, i)...)
		for j := range t.Chains[i].Rules {
			for k := range t.Chains[i].Rules[j].Statements {
				all = append(all, statementMutations(t, i, j, k)...)
			}
		}
	}
	for i := range t.Sets {
		all = append(all, setMutations(t, i)...)
	}
	return all
}

func chainMutations(t *ruleset.Table, i int) (all []mutation) {
	name := t.Chains[i].Name
	add := func(what string, apply func(c *ruleset.Chain)) {
		all = append(all, mutation{name + ": " + what, func(t *ruleset.Table) { apply(&t.Chains[i]) }})
	}
	if t.Chains[i].Base != nil {
		add("policy flipped", func(c *ruleset.Chain) { c.Base.Drop = !c.Base.Drop })
	}
	for _, kind := range []ruleset.VerdictKind{ruleset.Accept, ruleset.Drop, ruleset.Return} {
		add(fmt.Sprint("begins with verdict ", kind), func(c *ruleset.Chain) {
			c.Rules = slices.Insert(c.Rules, 0, ruleset.Rule{Statements: []ruleset.Statement{ruleset.Verdict{Kind: kind}}})
		})
	}
	for j := range t.Chains[i].Rules {
		add(fmt.Sprint("without rule ", j), func(c *ruleset.Chain) { c.Rules = slices.Delete(c.Rules, j, j+1) })
		for other := range j {
			add(fmt.Sprint("rules swapped ", other, " ", j), func(c *ruleset.Chain) { c.Rules[j], c.Rules[other] = c.Rules[other], c.Rules[j] })
		}
	}
	return all
}

func statementMutations(t *ruleset.Table, i, j, k int) (all []mutation) {
	add := func(what string, s ruleset.Statement) {
		all = append(all, mutation{fmt.Sprintf("%s rule %d statement %d: %s", t.Chains[i].Name, j, k, what), func(t *ruleset.Table) {
			statements := &t.Chains[i].Rules[j].Statements
			if s == nil {
				*statements = slices.Delete(*statements, k, k+1)
			} else {
				(*statements)[k] = s
			}
		}})
	}
	switch s := t.Chains[i].Rules[j].Statements[k].(type) {
	case ruleset.Match:
		add("removed", nil)
		negated := s
		negated.Op = 1 - s.Op
		add("negated", negated)
		for _, o := range operands(s.Operand) {
			changed := s
			changed.Operand = o
			add(fmt.Sprint("compares with ", o), changed)
		}
	case ruleset.VerdictMap, ruleset.NoTrack:
		add("removed", nil)
	case ruleset.Verdict:
		add("removed", nil)
		for _, v := range verdicts(t, s) {
			add(fmt.Sprint("verdict ", v), v)
		}
	}
	return all
}

// operands are values beside the one that is there.
func operands(o ruleset.Operand) []ruleset.Operand {
	switch o := o.(type) {
	case ruleset.Value:
		return []ruleset.Operand{ruleset.Value(step(o, 1)), ruleset.Value(step(o, -1))}
	case ruleset.Range:
		return []ruleset.Operand{ruleset.Range{From: step(o.From, 1), To: o.To}, ruleset.Range{From: step(o.From, -1), To: o.To},
			ruleset.Range{From: o.From, To: step(o.To, 1)}, ruleset.Range{From: o.From, To: step(o.To, -1)}}
	case ruleset.Prefix:
		return []ruleset.Operand{ruleset.Prefix{Addr: o.Addr, Length: o.Length - 1}, ruleset.Prefix{Addr: o.Addr, Length: min(o.Length+1, 8*len(o.Addr))}}
	}
	return nil
}

// step is the value one up or down, around the end.
func step(value []byte, by int) []byte {
	v := slices.Clone(value)
	for i := len(v) - 1; i >= 0; i-- {
		v[i] += byte(by)
		if by > 0 && v[i] != 0 || by < 0 && v[i] != 0xff {
			break
		}
	}
	return v
}

// verdicts are others than the one that is there.
func verdicts(t *ruleset.Table, v ruleset.Verdict) (all []ruleset.Verdict) {
	for _, kind := range []ruleset.VerdictKind{ruleset.Accept, ruleset.Drop, ruleset.Return} {
		all = append(all, ruleset.Verdict{Kind: kind})
	}
	for _, c := range t.Chains {
		if c.Base == nil {
			all = append(all, ruleset.Verdict{Kind: ruleset.Jump, Chain: c.Name}, ruleset.Verdict{Kind: ruleset.Goto, Chain: c.Name})
		}
	}
	return slices.DeleteFunc(all, func(o ruleset.Verdict) bool { return o == v })
}

func setMutations(t *ruleset.Table, i int) (all []mutation) {
	s := &t.Sets[i]
	if s.Live() {
		return nil
	}
	add := func(what string, change func(j int, from, to []byte, v ruleset.Verdict) (f, l []byte, o ruleset.Verdict, keep bool)) {
		all = append(all, mutation{s.Name + ": " + what, func(t *ruleset.Table) { t.Sets[i].Elements = changed(&t.Sets[i], change) }})
	}
	for n := range s.Elements.Len() {
		add(fmt.Sprint("without element ", n), func(j int, from, to []byte, v ruleset.Verdict) ([]byte, []byte, ruleset.Verdict, bool) {
			return from, to, v, j != n
		})
		add(fmt.Sprint("begins later, element ", n), func(j int, from, to []byte, v ruleset.Verdict) ([]byte, []byte, ruleset.Verdict, bool) {
			if j == n && (bytes.Compare(from, to) < 0 || !s.Interval) {
				from = step(from, 1)
			}
			return from, to, v, true
		})
		add(fmt.Sprint("ends later, element ", n), func(j int, from, to []byte, v ruleset.Verdict) ([]byte, []byte, ruleset.Verdict, bool) {
			if up := step(to, 1); j == n && bytes.Compare(up, to) > 0 {
				to = up
			}
			return from, to, v, true
		})
		if _, _, had := s.Elements.At(n); s.Map {
			for _, other := range verdicts(t, had) {
				add(fmt.Sprint("element ", n, " to ", other), func(j int, from, to []byte, v ruleset.Verdict) ([]byte, []byte, ruleset.Verdict, bool) {
					if j == n {
						v = other
					}
					return from, to, v, true
				})
			}
		}
	}
	return all
}

func changed(s *ruleset.Set, change func(j int, from, to []byte, v ruleset.Verdict) ([]byte, []byte, ruleset.Verdict, bool)) ruleset.Elements {
	e := ruleset.NewElements(s.Key, s.Interval)
	for j := range s.Elements.Len() {
		from, to, v := s.Elements.At(j)
		if from, to, v, keep := change(j, from, to, v); keep && s.Map {
			e.AppendVerdict(from, to, v)
		} else if keep {
			e.Append(from, to)
		}
	}
	if e.Sort() != nil {
		return s.Elements // no set that the kernel takes
	}
	return e
}

// packed4 is a set's IPv4 ranges as elements.
func packed4(s addr.Set) (ruleset.Elements, error) {
	return ruleset.PackedElements(ruleset.TypeIPv4Addr, true, s.Packed4())
}
