package verify

import (
	"errors"
	"fmt"
	"slices"

	"ngcp-fw/firewall/ruleset"
)

// walk is the way of all packets through a table's chains.
type walk struct {
	atlas   *atlas
	links   *linkIndex
	chains  map[string]*ruleset.Chain
	sets    map[string]*ruleset.Set
	hooks   map[ruleset.Hook][]*ruleset.Chain
	subsets map[string]subset   // of sets
	maps    map[string][]branch // of verdict maps
	left    map[string]*places  // by learned set: the sources that packets can leave in it
	grown   bool                // left has become more
	early   bool                // connection tracking has not seen the packets yet
	passed  []*box              // accepted by the base chain
	dropped func(b *box)
	doubts  []error // why something cannot be told
}

func newWalk(t *ruleset.Table, links *linkIndex, a *atlas) (*walk, error) {
	w := &walk{atlas: a, links: links, chains: map[string]*ruleset.Chain{}, sets: map[string]*ruleset.Set{},
		hooks: map[ruleset.Hook][]*ruleset.Chain{}, subsets: map[string]subset{}, maps: map[string][]branch{}, left: map[string]*places{}}
	for i := range t.Sets {
		w.sets[t.Sets[i].Name] = &t.Sets[i]
	}
	for i := range t.Chains {
		c := &t.Chains[i]
		w.chains[c.Name] = c
		if c.Base == nil {
			continue
		}
		if c.Base.Type != "filter" || c.Base.Hook > ruleset.HookPostrouting {
			return nil, fmt.Errorf("chain %s is of type %s at hook %d, which is not understood", c.Name, c.Base.Type, c.Base.Hook)
		}
		w.hooks[c.Base.Hook] = append(w.hooks[c.Base.Hook], c)
	}
	for _, chains := range w.hooks {
		slices.SortStableFunc(chains, func(a, b *ruleset.Chain) int { return int(a.Base.Priority) - int(b.Base.Priority) })
	}
	return w, nil
}

// priorityConntrack is NF_IP_PRI_CONNTRACK of linux/netfilter_ipv4.h.
const priorityConntrack = -200

// hook gives the packets that all base chains of a hook accept. The others go to
// dropped.
func (w *walk) hook(h ruleset.Hook, in []*box) []*box {
	for _, c := range w.hooks[h] {
		w.early = (h == ruleset.HookPrerouting || h == ruleset.HookOutput) && c.Base.Priority < priorityConntrack
		w.passed = nil
		through := w.chain(c, in, 0)
		in = w.passed
		if !c.Base.Drop {
			in = append(in, through...)
			continue
		}
		for _, b := range through {
			w.dropped(b)
		}
	}
	return in
}

// frame is one chain that boxes are in.
type frame struct {
	chain    *ruleset.Chain
	depth    int
	returned []*box
}

// chain gives the packets that come back from the chain.
func (w *walk) chain(c *ruleset.Chain, in []*box, depth int) []*box {
	f := &frame{chain: c, depth: depth}
	for i := range c.Rules {
		if idle(&c.Rules[i]) {
			continue
		}
		var next []*box
		for _, b := range in {
			next = append(next, w.rule(f, i, b, c.Rules[i].Statements)...)
		}
		in = next
	}
	return append(in, f.returned...)
}

// idle tells whether the rule has no part in any verdict.
func idle(r *ruleset.Rule) bool {
	return !slices.ContainsFunc(r.Statements, func(s ruleset.Statement) bool {
		switch s := s.(type) {
		case ruleset.Match, ruleset.Limit, ruleset.Count, ruleset.Log:
			return false
		case ruleset.Update:
			return s.Limit == nil
		}
		return true
	})
}

// rule takes a box through a rule's statements, and gives the packets that go
// on to the next rule.
func (w *walk) rule(f *frame, i int, b *box, statements []ruleset.Statement) (on []*box) {
	for n, s := range statements {
		var out []*box
		var err error
		switch s := s.(type) {
		case ruleset.Match:
			b, out, err = w.match(b, s)
		case ruleset.VerdictMap:
			more, err := w.verdictMap(f, i, b, s, statements[n+1:])
			w.doubt(f, i, err)
			return append(on, more...)
		case ruleset.Verdict:
			if s.Kind == ruleset.Continue {
				continue
			}
			more, err := w.verdict(f, b, s)
			w.doubt(f, i, err)
			return append(on, more...)
		case ruleset.Update:
			if b, out, err = w.update(b, s); n == len(statements)-1 && b != nil {
				out = nil
			}
		case ruleset.NoTrack:
			b = w.noTrack(b)
		case ruleset.Limit:
			if s.Over {
				return append(on, b)
			}
		case ruleset.Count, ruleset.Log:
		case ruleset.Foreign:
			b, err = nil, fmt.Errorf("the expression %s is not understood", s.Name)
		default:
			b, err = nil, fmt.Errorf("the statement %T is not understood", s)
		}
		w.doubt(f, i, err)
		if on = append(on, out...); b == nil {
			return on
		}
	}
	return append(on, b)
}

// doubt notes why the fate of some packets at a rule cannot be told.
func (w *walk) doubt(f *frame, i int, err error) {
	if err != nil {
		w.doubts = append(w.doubts, fmt.Errorf("chain %s, rule %d: %w", f.chain.Name, i+1, err))
	}
}

// errNoField is the doubt about packets that a rule asks for what they lack.
func errNoField(f *ruleset.Field) error {
	return fmt.Errorf("it asks for %s of packets that may have none", f.Name)
}

func (w *walk) match(b *box, m ruleset.Match) (in *box, out []*box, err error) {
	if name, ok := m.Operand.(ruleset.InSet); ok && w.sets[string(name)] != nil && w.sets[string(name)].Live() {
		return w.matchLive(b, m, w.sets[string(name)])
	}
	s, err := w.operand(m.Field, m.Operand)
	if err != nil {
		return nil, nil, err
	}
	return sides(m, func() (*box, *box, *box) { return w.cut(b, m.Field, s) })
}

// sides puts the two halves of a match where its relation has them.
func sides(m ruleset.Match, cut func() (in, out, lacks *box)) (in *box, out []*box, err error) {
	yes, no, lacks := cut()
	if lacks != nil {
		err = errNoField(m.Field)
	}
	if m.Op == ruleset.NotEqual {
		yes, no = no, yes
	}
	if no != nil {
		out = []*box{no}
	}
	return yes, out, err
}

// verdictMap sends each part of the box where the map has it go.
func (w *walk) verdictMap(f *frame, i int, b *box, m ruleset.VerdictMap, after []ruleset.Statement) (on []*box, err error) {
	branches, err := w.branches(m.Field, m.Map)
	if err != nil {
		return nil, err
	}
	for _, branch := range branches {
		in, out, lacks := w.cut(b, m.Field, branch.subset)
		if lacks != nil {
			err = errNoField(m.Field)
		}
		if in != nil && branch.verdict.Kind == ruleset.Continue {
			on = append(on, w.rule(f, i, in, after)...)
		} else if in != nil {
			more, failed := w.verdict(f, in, branch.verdict)
			on, err = append(on, more...), errors.Join(err, failed)
		}
		if b = out; b == nil {
			return on, err
		}
	}
	return append(on, b), err
}

// verdict gives the packets that come back to the next rule.
func (w *walk) verdict(f *frame, b *box, v ruleset.Verdict) ([]*box, error) {
	switch v.Kind {
	case ruleset.Accept:
		w.passed = append(w.passed, b)
		return nil, nil
	case ruleset.Drop:
		w.dropped(b)
		return nil, nil
	case ruleset.Return:
		f.returned = append(f.returned, b)
		return nil, nil
	}
	target := w.chains[v.Chain]
	switch {
	case target == nil:
		return nil, fmt.Errorf("there is no chain %s", v.Chain)
	case f.depth > len(w.chains):
		return nil, fmt.Errorf("the chains run in circles")
	}
	back := w.chain(target, []*box{b}, f.depth+1)
	if v.Kind == ruleset.Jump {
		return back, nil
	}
	f.returned = append(f.returned, back...)
	return nil, nil
}

// noTrack has no effect on a packet that is tracked already (nft_ct.c).
func (w *walk) noTrack(b *box) *box {
	if !w.early || b.untracked {
		return b
	}
	untracked := *b
	untracked.untracked = true
	return &untracked
}

// track gives what connection tracking makes of packets: neighbour discovery
// and multicast listener messages it never tracks (nf_conntrack_proto_icmpv6.c,
// noct_valid_new).
func (w *walk) track(boxes []*box) (all []*box) {
	for _, b := range boxes {
		in, out := b.cutAxis(protocol, only(protoICMPv6))
		if out != nil {
			all = append(all, out)
		}
		if in == nil {
			continue
		}
		in, out = in.cutAxis(icmpType, ranges{{130, 136}, {143, 143}})
		if out != nil {
			all = append(all, out)
		}
		if in != nil {
			never := in.with(tracking, only(stateNew)) // it has no other state
			never.untracked = true
			all = append(all, &never)
		}
	}
	return all
}
