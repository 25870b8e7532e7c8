package ruleset

// reach is what rules lead to, by name.
type reach struct{ chains, sets map[string]bool }

// reached is what packets meet that come to the chains.
func (t *Table) reached(from ...*Chain) reach {
	r := reach{map[string]bool{}, map[string]bool{}}
	for len(from) > 0 {
		c := from[len(from)-1]
		from = from[:len(from)-1]
		if c == nil || r.chains[c.Name] {
			continue
		}
		r.chains[c.Name] = true
		for _, rule := range c.Rules {
			for _, next := range t.leads(rule, r.sets) {
				from = append(from, t.chain(next))
			}
		}
	}
	return r
}

// leads gives the chains that the rule leads to, and marks the sets it looks at.
func (t *Table) leads(r Rule, sets map[string]bool) (chains []string) {
	for _, s := range r.Statements {
		switch s := s.(type) {
		case Verdict:
			chains = append(chains, s.Chain)
		case Update:
			sets[s.Set] = true
		case Match:
			if name, ok := s.Operand.(InSet); ok {
				sets[string(name)] = true
			}
		case VerdictMap:
			sets[s.Map] = true
			if m := t.set(s.Map); m != nil {
				chains = append(chains, m.chains()...)
			}
		}
	}
	return chains
}

// chains are those that a map's verdicts lead to.
func (s *Set) chains() (names []string) {
	for i := range s.Elements.verdicts {
		_, _, v := s.Elements.At(i)
		names = append(names, v.Chain)
	}
	return names
}

func (t *Table) set(name string) *Set {
	for i := range t.Sets {
		if t.Sets[i].Name == name {
			return &t.Sets[i]
		}
	}
	return nil
}

func (t *Table) chain(name string) *Chain {
	for i := range t.Chains {
		if t.Chains[i].Name == name {
			return &t.Chains[i]
		}
	}
	return nil
}

func (t *Table) bases() (chains []*Chain) {
	for i := range t.Chains {
		if c := &t.Chains[i]; c.Base != nil {
			chains = append(chains, c)
		}
	}
	return chains
}

// settled gives, by their names without a number, the sets and chains that
// belong to generations. Where there are several of one, as after an interrupted
// apply, it is the one that packets meet, or else the latest.
func (t *Table) settled() (sets, chains map[string]string) {
	met := t.reached(t.bases()...)
	setNames, chainNames := t.scopedNames()
	return settle(setNames, met.sets), settle(chainNames, met.chains)
}

func settle(names []string, met map[string]bool) map[string]string {
	settled := map[string]string{}
	for _, name := range names {
		base, g, ok := unscoped(name)
		if !ok {
			continue
		}
		other, taken := settled[base]
		_, latest, _ := unscoped(other)
		if !taken || met[name] && !met[other] || met[name] == met[other] && g > latest {
			settled[base] = name
		}
	}
	return settled
}

// decides reports whether every packet that is found in the set, wherever it is
// looked for, gets one and the same verdict there, which is accept or drop: of
// accept only where all the rules that look for it are behind one base chain,
// as that chain's accept is not the last word.
func (t *Table) decides(set string) bool {
	var users, found = 0, Verdict{}
	for i := range t.Chains {
		for _, r := range t.Chains[i].Rules {
			switch uses, sound := r.looksIn(set); {
			case !uses:
				continue
			case !sound:
				return false
			}
			v, ok := t.verdict(r, len(t.Chains))
			if !ok || users > 0 && v != found {
				return false
			}
			users, found = users+1, v
		}
	}
	return users == 0 || t.hooksOf(set) == 1
}

// hooksOf counts the base chains behind which the set is looked at.
func (t *Table) hooksOf(set string) (n int) {
	for _, base := range t.bases() {
		if t.reached(base).sets[set] {
			n++
		}
	}
	return n
}

// looksIn tells whether the rule looks at the set, and whether it does no more
// than to go on with the packets that are in it.
func (r Rule) looksIn(set string) (uses, sound bool) {
	sound = true
	for _, s := range r.Statements {
		switch s := s.(type) {
		case Match:
			if s.Operand == Operand(InSet(set)) {
				uses, sound = true, sound && s.Op == Equal
			}
		case Update:
			uses = uses || s.Set == set
			sound = sound && s.Set != set
		case Foreign:
			sound = false
		}
	}
	return uses, sound
}

// verdict is what becomes of all packets on which the rule's matches agree:
// accept or drop. It is not ok where that depends.
func (t *Table) verdict(r Rule, depth int) (v Verdict, ok bool) {
	for _, s := range r.Statements {
		switch s := s.(type) {
		case VerdictMap, Foreign:
			return v, false
		case Verdict:
			v, ok = s, true
		}
	}
	switch {
	case !ok || v.Kind == Accept || v.Kind == Drop:
		return v, ok
	case v.Kind != Jump && v.Kind != Goto || depth == 0:
		return v, false
	}
	return t.verdictOf(t.chain(v.Chain), depth-1)
}

// verdictOf is the verdict of a chain whose rules all have the same or none, and
// whose last rule lets no packet pass.
func (t *Table) verdictOf(c *Chain, depth int) (v Verdict, ok bool) {
	if c == nil || len(c.Rules) == 0 || c.Rules[len(c.Rules)-1].conditional() {
		return v, false
	}
	if v, ok = t.verdict(c.Rules[len(c.Rules)-1], depth); !ok {
		return v, false
	}
	for _, r := range c.Rules[:len(c.Rules)-1] {
		if other, ok := t.verdict(r, depth); r.hasVerdict() && (!ok || other != v) {
			return v, false
		}
	}
	return v, true
}

func (r Rule) conditional() bool {
	for _, s := range r.Statements {
		switch s := s.(type) {
		case Match, Limit, VerdictMap, Foreign:
			return true
		case Update:
			if s.Limit != nil {
				return true
			}
		}
	}
	return false
}

func (r Rule) hasVerdict() bool {
	for _, s := range r.Statements {
		switch s.(type) {
		case Verdict, VerdictMap, Foreign:
			return true
		}
	}
	return false
}
