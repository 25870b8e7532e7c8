package ruleset

import (
	"bytes"
	"slices"
)

// Evaluate is the verdict of the hook's base chains on a packet, as the kernel
// would have it with every limit kept: a limit lets packets pass, and one that
// takes only those over it takes none. The packet's state is new where it says
// none; before connection tracking it is invalid (nft_ct.c).
func (t *Table) Evaluate(hook Hook, p Packet) Outcome {
	return t.Evaluator().Evaluate(hook, p)
}

// EvaluateInput is the verdict on a packet for this host: prerouting, then, if
// that accepts, input. A packet that prerouting does not track is untracked.
func (t *Table) EvaluateInput(p Packet) Outcome {
	return t.Evaluator().EvaluateInput(p)
}

// Evaluator evaluates many packets against a table that does not change.
type Evaluator struct {
	family Family
	chains map[string]*Chain
	sets   map[string]*Set
	hooks  [HookPostrouting + 1][]*Chain // base chains in the kernel's order
}

// Evaluator prepares the table for Evaluate and EvaluateInput.
func (t *Table) Evaluator() *Evaluator {
	e := &Evaluator{family: t.Family, chains: map[string]*Chain{}, sets: map[string]*Set{}}
	for i := range t.Sets {
		e.sets[t.Sets[i].Name] = &t.Sets[i]
	}
	for i := range t.Chains {
		c := &t.Chains[i]
		e.chains[c.Name] = c
		if c.Base != nil && int(c.Base.Hook) < len(e.hooks) {
			e.hooks[c.Base.Hook] = append(e.hooks[c.Base.Hook], c)
		}
	}
	for _, chains := range e.hooks {
		slices.SortStableFunc(chains, func(a, b *Chain) int { return int(a.Base.Priority) - int(b.Base.Priority) })
	}
	return e
}

// priorityConntrack is NF_IP_PRI_CONNTRACK of linux/netfilter_ipv4.h.
const priorityConntrack = -200

// Evaluate is Table.Evaluate.
func (e *Evaluator) Evaluate(hook Hook, p Packet) Outcome {
	outcome := Outcome{Accept: true}
	if int(hook) >= len(e.hooks) || !e.sees(p) {
		return outcome
	}
	p.State = stateOf(p)
	for _, c := range e.hooks[hook] {
		early := (hook == HookPrerouting || hook == HookOutput) && c.Base.Priority < priorityConntrack
		r := run{Evaluator: e, packet: p, outcome: &outcome, early: early}
		switch {
		case outcome.Untracked:
			r.packet.State = StateUntracked
		case early:
			r.packet.State = StateInvalid
		}
		if outcome.Accept = r.base(c); !outcome.Accept {
			break
		}
	}
	return outcome
}

// EvaluateInput is Table.EvaluateInput.
func (e *Evaluator) EvaluateInput(p Packet) Outcome {
	first := e.Evaluate(HookPrerouting, p)
	if !first.Accept {
		return first
	}
	if first.Untracked {
		p.State = StateUntracked
	}
	second := e.Evaluate(HookInput, p)
	second.Untracked = second.Untracked || first.Untracked
	second.Decided = append(first.Decided, second.Decided...)
	second.Unknown = append(first.Unknown, second.Unknown...)
	return second
}

// sees tells whether packets of this family come to the table at all.
func (e *Evaluator) sees(p Packet) bool {
	switch e.family {
	case FamilyIPv4:
		return p.Src.Is4()
	case FamilyIPv6:
		return p.Src.Is6()
	}
	return true
}

// stateOf is new where the packet says none. The kernel never tracks neighbour
// discovery and multicast listener messages (nf_conntrack_proto_icmpv6.c,
// noct_valid_new).
func stateOf(p Packet) CTStates {
	switch {
	case p.Protocol == protoICMPv6 && (p.ICMPType >= 130 && p.ICMPType <= 136 || p.ICMPType == 143):
		return StateUntracked
	case p.State == 0:
		return StateNew
	}
	return p.State
}

// run is one packet's way through one base chain.
type run struct {
	*Evaluator
	packet  Packet
	outcome *Outcome
	early   bool // connection tracking has not seen the packet
	entered int  // chains so far
}

// What happens to a packet at the end of a chain or rule.
type fate uint8

const (
	goesOn fate = iota // with the next statement, rule or the caller's next rule
	accepted
	dropped
)

// jumpStack is NFT_JUMP_STACK_SIZE of linux/netfilter/nf_tables.h: a deeper
// jump drops the packet. maxChains ends what runs in circles, which the kernel
// does not let in.
const (
	jumpStack = 16
	maxChains = 1 << 12
)

func (r *run) base(c *Chain) bool {
	switch r.chain(c, 0) {
	case accepted:
		return true
	case dropped:
		return false
	}
	r.decided(Place{c.Name, -1})
	return !c.Base.Drop
}

// chain tries the rules. Its end and return are the same to the one that
// jumped here: goesOn.
func (r *run) chain(c *Chain, depth int) fate {
	for i := 0; i < len(c.Rules); {
		verdict, ok := r.rule(c, i)
		if !ok {
			i++
			continue
		}
		switch verdict.Kind {
		case Accept:
			r.decided(Place{c.Name, i})
			return accepted
		case Drop:
			r.decided(Place{c.Name, i})
			return dropped
		case Return:
			return goesOn
		}
		target, known := r.chains[verdict.Chain]
		r.entered++
		switch {
		case !known:
			r.unknown(Place{c.Name, i})
			i++
		case depth >= jumpStack && verdict.Kind == Jump, r.entered > maxChains:
			r.unknown(Place{c.Name, i})
			return dropped
		case verdict.Kind == Goto:
			c, i = target, 0
		default:
			if f := r.chain(target, depth+1); f != goesOn {
				return f
			}
			i++
		}
	}
	return goesOn
}

// rule is the verdict of rule i; ok is false where it has none.
func (r *run) rule(c *Chain, i int) (v Verdict, ok bool) {
	for _, s := range c.Rules[i].Statements {
		matches, verdict, known := r.statement(s)
		if !known {
			r.unknown(Place{c.Name, i})
		}
		if !matches || !known {
			return Verdict{}, false
		}
		if verdict != nil && verdict.Kind != Continue {
			return *verdict, true
		}
	}
	return Verdict{}, false
}

// statement tells whether the rule goes on, with which verdict if any, and
// whether that is known.
func (r *run) statement(s Statement) (matches bool, v *Verdict, known bool) {
	switch s := s.(type) {
	case Match:
		matches, known = r.match(s)
		return matches, nil, known
	case VerdictMap:
		return r.verdictMap(s)
	case Verdict:
		return true, &s, true
	case Limit:
		return !s.Over, nil, true
	case Update:
		_, has := s.Field.Of(r.packet)
		return has && (s.Limit == nil || !s.Limit.Over), nil, true
	case NoTrack:
		r.noTrack()
		return true, nil, true
	case Count, Log:
		return true, nil, true
	}
	return false, nil, false
}

// noTrack has no effect on a packet that is tracked already (nft_ct.c).
func (r *run) noTrack() {
	if r.early {
		r.outcome.Untracked = true
		r.packet.State = StateUntracked
	}
}

func (r *run) match(m Match) (matches, known bool) {
	value, has := m.Field.Of(r.packet)
	if !has {
		return false, true
	}
	in, known := r.holds(m.Operand, value)
	return in == (m.Op == Equal), known
}

func (r *run) holds(o Operand, value []byte) (in, known bool) {
	switch o := o.(type) {
	case Value:
		return bytes.Equal(o, value), true
	case Range:
		return bytes.Compare(o.From, value) <= 0 && bytes.Compare(value, o.To) <= 0, true
	case Prefix:
		return sharePrefix(o.Addr, value, o.Length), true
	case Bits:
		return number(o)&number(value) != 0, true
	case InSet:
		s, ok := r.sets[string(o)]
		if !ok || s.Raw != nil {
			return false, false
		}
		_, in = s.Elements.Lookup(value)
		return in, true
	}
	return false, false
}

func sharePrefix(a, b []byte, length int) bool {
	if len(a) != len(b) || length > 8*len(a) {
		return false
	}
	whole := length / 8
	return bytes.Equal(a[:whole], b[:whole]) && (length%8 == 0 || (a[whole]^b[whole])>>(8-length%8) == 0)
}

func (r *run) verdictMap(m VerdictMap) (matches bool, v *Verdict, known bool) {
	value, has := m.Field.Of(r.packet)
	s, ok := r.sets[m.Map]
	if !ok || s.Raw != nil {
		return false, nil, false
	}
	if !has {
		return false, nil, true
	}
	i, found := s.Elements.Lookup(value)
	if !found {
		return false, nil, true
	}
	_, _, verdict := s.Elements.At(i)
	return true, &verdict, true
}

func (r *run) decided(p Place) { r.outcome.Decided = append(r.outcome.Decided, p) }

func (r *run) unknown(p Place) { r.outcome.Unknown = append(r.outcome.Unknown, p) }
