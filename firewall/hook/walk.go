package hook

import (
	"fmt"

	"ngcp-fw/firewall/ruleset"
)

// world is what rules change about a packet for those after them.
type world struct {
	mark, markOpen     uint32 // the packet's mark; in Open, the bits that are not known
	ctMark, ctMarkOpen uint32
	noTrack, mayTrack  bool
	moved              bool // its addresses may have been changed
	written            bool // a rule may have written into it
}

// either is a world of which it is not known whether it is this or that one.
func (w world) either(v world) world {
	w.markOpen |= v.markOpen | w.mark ^ v.mark
	w.mark &^= w.markOpen
	w.ctMarkOpen |= v.ctMarkOpen | w.ctMark ^ v.ctMark
	w.ctMark &^= w.ctMarkOpen
	w.mayTrack = w.mayTrack || v.mayTrack || w.noTrack != v.noTrack
	w.noTrack = w.noTrack || v.noTrack
	w.moved, w.written = w.moved || v.moved, w.written || v.written
	return w
}

func eitherOf(w *world, v world) *world {
	if w != nil {
		v = v.either(*w)
	}
	return &v
}

// witness is a rule that decides, or that nobody can tell what it does.
type witness struct {
	chain *chain
	rule  *rule // nil: the chain's policy
	why   string
}

// fate is what may become of a packet in a chain.
type fate struct {
	accept, drop, lost *witness // lost: sent elsewhere, or nobody knows
	accepted           *world   // if accept
	on                 *world   // it may come to the end; nil: it does not
	doubt              *witness // the first rule that may decide, and may not
}

// add takes over what a chain that was jumped to decides. sure: the jump is.
func (f *fate) add(sub fate, jump *witness, sure bool) {
	decides := sub.accept != nil || sub.drop != nil || sub.lost != nil
	switch {
	case f.doubt != nil || !decides:
	case !sure:
		f.doubt = jump
	default:
		f.doubt = sub.doubt
	}
	f.accept, f.drop, f.lost = first(f.accept, sub.accept), first(f.drop, sub.drop), first(f.lost, sub.lost)
	if sub.accepted != nil {
		f.accepted = eitherOf(f.accepted, *sub.accepted)
	}
}

func first(a, b *witness) *witness {
	if a != nil {
		return a
	}
	return b
}

// walker follows one packet through the chains of one table.
type walker struct {
	snapshot *Snapshot
	packet   ruleset.Packet
	network  bits
	segment  bits
	base     *chain
	memo     map[visit]fate
}

type visit struct {
	chain *chain
	world world
}

// maxDepth is how deep chains may be nested (NFT_JUMP_STACK_SIZE of
// net/netfilter/nf_tables.h).
const maxDepth = 16

func (s *Snapshot) base(c *chain, p ruleset.Packet, w world) (Step, world) {
	step := Step{Family: familyName(c.table.family), Table: c.table.name, Chain: c.name, Hook: hookName(c), Priority: c.priority}
	if c.stage() < 2 {
		step.Verdict, step.Rule, step.Why = early(c)
		return step, w
	}
	if c.kind == "nat" && w.noTrack && !w.mayTrack { // nf_nat_inet_fn: without a connection there is no NAT
		step.Verdict, step.Rule = Accept, "not asked: the packet is not tracked"
		return step, w
	}
	v := &walker{s, p, networkHeader(p), transportHeader(p), c, map[visit]fate{}}
	f := v.chain(c, w, 0)
	policy := &witness{chain: c}
	switch {
	case f.on == nil:
	case c.drop:
		f.drop = first(f.drop, policy)
	default:
		f.accept, f.accepted = first(f.accept, policy), eitherOf(f.accepted, *f.on)
	}
	by := f.decide(&step)
	step.Rule, step.Why = v.text(by), by.why
	if step.Verdict != Unknown {
		step.Why = ""
	}
	if f.accepted != nil {
		w = *f.accepted
	}
	return step, w
}

// decide tells the verdict, and the rule that gives it.
func (f fate) decide(step *Step) *witness {
	switch {
	case f.lost == nil && f.drop == nil && f.accept != nil:
		step.Verdict = Accept
		return f.accept
	case f.lost == nil && f.accept == nil && f.drop != nil:
		step.Verdict = Drop
		return f.drop
	}
	step.Verdict = Unknown
	return first(f.doubt, first(f.lost, first(f.drop, f.accept)))
}

// early is what we say of chains that come before the IP layer, which we do not
// follow.
func early(c *chain) (v Verdict, rule, why string) {
	if len(c.rules) == 0 && !c.drop {
		return Accept, "policy accept", ""
	}
	if len(c.rules) == 0 {
		return Drop, "policy drop", ""
	}
	return Unknown, "", fmt.Sprintf("the rules of %s chains are not understood", familyName(c.table.family))
}

// chain follows the packet through a chain.
func (v *walker) chain(c *chain, w world, depth int) fate {
	if depth > maxDepth {
		lost := &witness{chain: c, why: "its chains are nested too deep"}
		return fate{lost: lost, doubt: lost}
	}
	key := visit{c, w}
	if f, done := v.memo[key]; done {
		return f
	}
	f := v.rules(c, w, depth)
	v.memo[key] = f
	return f
}

func (v *walker) rules(c *chain, w world, depth int) (f fate) {
	here := &w
	for i := range c.rules {
		if here == nil {
			break
		}
		r := v.rule(c, &c.rules[i], *here)
		here = r.next
		by := &witness{c, &c.rules[i], r.why}
		sure := r.next == nil && len(r.verdicts) == 1
		if len(r.verdicts) > 0 && !sure && by.why == "" {
			by.why = "it depends on what the packet leaves open"
		}
		for _, o := range r.verdicts {
			here = v.follow(&f, o, r.world, by, sure, here, depth)
		}
	}
	if here != nil {
		f.on = eitherOf(f.on, *here)
	}
	return f
}

// follow adds what one possible verdict of a rule leads to; here is what goes on
// with the next rule.
func (v *walker) follow(f *fate, o verdict, w world, by *witness, sure bool, here *world, depth int) *world {
	switch {
	case o.code == nftReturn:
		f.on = eitherOf(f.on, w)
		return here
	case o.code == nftContinue:
		return eitherOf(here, w)
	case o.code == nftJump || o.code == nftGoto:
		target := v.base.table.chains[o.chain]
		if target == nil {
			f.add(fate{lost: by}, by, false)
			return here
		}
		sub := v.chain(target, w, depth+1)
		f.add(sub, by, sure)
		switch {
		case sub.on == nil:
		case o.code == nftGoto:
			f.on = eitherOf(f.on, *sub.on)
		default:
			here = eitherOf(here, *sub.on)
		}
		return here
	case o.code == nfAccept:
		f.add(fate{accept: by, accepted: &w}, by, sure)
	case o.code == nfDrop:
		f.add(fate{drop: by}, by, sure)
	default:
		f.add(fate{lost: by}, by, false)
	}
	return here
}

// reach is what may come of one rule.
type reach struct {
	next     *world    // the packet may go on with the next rule
	verdicts []verdict // what it may do instead
	world    world     // with which it does
	why      string    // why that is not certain
}

// rule runs a rule's expressions.
func (v *walker) rule(c *chain, r *rule, w world) (out reach) {
	m := &machine{walker: v, world: w}
	for _, e := range r.steps {
		did := m.run(e)
		if did.why != "" && out.why == "" {
			out.why = did.why
		}
		if did.match == No {
			out.next = eitherOf(out.next, m.world)
			return out
		}
		if did.match == Perhaps {
			out.next = eitherOf(out.next, m.world)
		}
		if len(did.verdicts) > 0 {
			out.verdicts, out.world = append(out.verdicts, did.verdicts...), m.world
			if did.ends {
				return out
			}
		}
	}
	out.next = eitherOf(out.next, m.world)
	return out
}

func familyName(family uint8) string {
	switch family {
	case uint8(ruleset.FamilyInet):
		return "inet"
	case uint8(ruleset.FamilyIPv4):
		return "ip"
	case uint8(ruleset.FamilyIPv6):
		return "ip6"
	case familyNetdev:
		return "netdev"
	case familyBridge:
		return "bridge"
	}
	return fmt.Sprintf("family-%d", family)
}

func hookName(c *chain) string {
	return [...]string{"ingress", "bridge", "prerouting", "input"}[c.stage()]
}
