package kernel

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// plan is what is there, and what is to be there.
type plan struct {
	have, want *ruleset.Table
	deltas     []ruleset.Delta // of sets that keep their names
	blocked    bool            // other elements are wanted in a set that stays, and packets would notice
}

func newPlan(have, want *ruleset.Table) plan {
	p := plan{have: have, want: want}
	if have != nil {
		deltas, hitless := ruleset.Deltas(have, want)
		p.deltas, p.blocked = deltas, !hitless
	}
	return p
}

// batch is messages that take effect together, but for the first early ones:
// no packet meets what they make before the rest is there, so they may be
// committed ahead of it.
type batch struct {
	messages []ruleset.Message
	early    int
}

// The places of the batch that swaps the generations, and of the one that takes
// the old one away, if nothing is replaced.
const (
	swapping = 1
	cleaning = 2
)

// partSize is about how many bytes of early messages are committed at once: the
// kernel takes more, but all of them have to be in our memory, too. Each commit
// has it sort the whole set once more, so there are not to be many.
const partSize = 48 << 20

// part is how many of the early messages go first: all if they are not too many,
// otherwise as many as make parts of one size.
func (b batch) part() int {
	total := 0
	for _, m := range b.messages[:b.early] {
		total += m.Size()
	}
	room := total / (total/partSize + 1)
	for i, m := range b.messages[:b.early] {
		if room -= m.Size(); room < 0 {
			return i + 1
		}
	}
	return len(b.messages)
}

// parted reports whether the messages are too many to be in memory at once.
func (b batch) parted() bool {
	b.early = len(b.messages)
	return b.part() < len(b.messages)
}

// batches gives what to commit one after the other; replaced says that the
// table goes and comes back as a whole.
func (p plan) batches() (list []batch, replaced bool, err error) {
	if err := p.want.Encodable(); err != nil {
		return nil, false, err
	}
	switch {
	case p.have == nil:
		all, err := p.want.Stream()
		return []batch{{messages: all}}, false, err
	case !p.gentle():
		all, err := p.want.Stream()
		return []batch{{messages: append([]ruleset.Message{p.have.DeleteTable()}, all...)}}, true, err
	}
	load, err := p.load()
	if err != nil {
		return nil, false, err
	}
	swap, err := p.swap()
	return []batch{{load, len(load)}, {messages: swap}, {messages: p.clean()}}, false, err
}

// gentle reports whether what keeps its name can stay. The kernel cannot turn
// a set into another kind of set, nor change a table's comment.
func (p plan) gentle() bool {
	if p.blocked || p.have.Comment != p.want.Comment || slices.ContainsFunc(p.have.Foreign, p.stubborn) {
		return false
	}
	for i := range p.want.Sets {
		if old := find(p.have.Sets, setName, p.want.Sets[i].Name); old != nil && (old.Map || !old.Like(&p.want.Sets[i])) {
			return false
		}
	}
	for i := range p.want.Chains {
		c := &p.want.Chains[i]
		if old := find(p.have.Chains, chainName, c.Name); old != nil && (old.Base == nil || c.Base == nil) {
			return false
		}
	}
	return true
}

// stubborn reports whether something foreign does not go with the chains and
// objects that nobody wants.
func (p plan) stubborn(f ruleset.Foreign) bool {
	if _, ok := p.object(f); ok {
		return false
	}
	chain, ok := strings.CutPrefix(f.Name, "chain ")
	return !ok || find(p.have.Chains, chainName, chain) == nil || find(p.want.Chains, chainName, chain) != nil
}

// object gives the message that deletes a foreign object (a quota, a limit, a
// helper), which was read as its name and type.
func (p plan) object(f ruleset.Foreign) (ruleset.Message, bool) {
	name, ok := strings.CutPrefix(f.Name, "object ")
	if !ok || !bytes.HasPrefix(f.Data, text(unix.NFTA_OBJ_NAME, name)) {
		return ruleset.Message{}, false
	}
	return ruleset.Message{Type: unix.NFT_MSG_DELOBJ, About: f.Name, Body: body(p.have.Family, text(unix.NFTA_OBJ_TABLE, p.have.Name), f.Data)}, true
}

func sameHook(a, b *ruleset.Base) bool {
	return a.Type == b.Type && a.Hook == b.Hook && a.Priority == b.Priority
}

func setName(s *ruleset.Set) string         { return s.Name }
func chainName(c *ruleset.Chain) string     { return c.Name }
func counterName(c *ruleset.Counter) string { return c.Name }

// find is the object with the name, or nil.
func find[T any](list []T, nameOf func(*T) string, name string) *T {
	i := slices.IndexFunc(list, func(x T) bool { return nameOf(&x) == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// load adds what is not there yet and no packet meets yet.
func (p plan) load() (batch []ruleset.Message, err error) {
	for i := range p.want.Counters {
		if c := &p.want.Counters[i]; find(p.have.Counters, counterName, c.Name) == nil {
			batch = append(batch, p.want.EncodeCounter(c))
		}
	}
	newSets := p.missingSets()
	for _, s := range newSets {
		batch = append(batch, p.want.EncodeSet(s))
	}
	newChains := p.missingChains()
	for _, c := range newChains {
		batch = append(batch, p.want.EncodeChain(c))
	}
	for _, s := range newSets {
		batch = append(batch, p.want.StreamElements(s)...)
	}
	for _, c := range newChains {
		rules, err := p.want.EncodeRules(c)
		if err != nil {
			return nil, err
		}
		batch = append(batch, rules...)
	}
	return batch, nil
}

func (p plan) missingSets() (sets []*ruleset.Set) {
	for i := range p.want.Sets {
		if s := &p.want.Sets[i]; find(p.have.Sets, setName, s.Name) == nil {
			sets = append(sets, s)
		}
	}
	return sets
}

// missingChains leaves out base chains, which packets meet at once.
func (p plan) missingChains() (chains []*ruleset.Chain) {
	for i := range p.want.Chains {
		if c := &p.want.Chains[i]; c.Base == nil {
			chains = append(chains, c)
		}
	}
	return chains
}

// swap gives all base chains their new rules, and then the sets that stay their
// new elements.
func (p plan) swap() (batch []ruleset.Message, err error) {
	for i := range p.want.Chains {
		c := &p.want.Chains[i]
		if c.Base == nil {
			continue
		}
		more, err := p.swapChain(c, find(p.have.Chains, chainName, c.Name))
		if err != nil {
			return nil, err
		}
		batch = append(batch, more...)
	}
	for i := range p.have.Chains {
		if c := &p.have.Chains[i]; c.Base != nil && find(p.want.Chains, chainName, c.Name) == nil {
			batch = append(batch, p.have.FlushChain(c.Name), p.have.DeleteChain(c.Name))
		}
	}
	for _, d := range p.deltas {
		batch = append(batch, p.want.EncodeDelta(d)...)
	}
	return batch, nil
}

// swapChain puts the new rules in the place of the first old one, and takes the
// others away. A chain that is to hang elsewhere is made anew.
func (p plan) swapChain(c, old *ruleset.Chain) (batch []ruleset.Message, err error) {
	if old != nil && !sameHook(old.Base, c.Base) {
		batch = append(batch, p.have.FlushChain(c.Name), p.have.DeleteChain(c.Name))
		old = nil
	}
	if old == nil || old.Base.Drop != c.Base.Drop {
		batch = append(batch, p.want.EncodeChain(c))
	}
	if old == nil || len(old.Rules) == 0 || len(c.Rules) != 1 {
		if old != nil {
			batch = append(batch, p.have.FlushChain(c.Name))
		}
		rules, err := p.want.EncodeRules(c)
		return append(batch, rules...), err
	}
	replace, err := p.want.ReplaceRule(c, 0, old.Rules[0].Handle)
	batch = append(batch, replace)
	for _, r := range old.Rules[1:] {
		batch = append(batch, p.have.DeleteRule(c.Name, r.Handle))
	}
	return batch, err
}

// clean takes away what no rule of the new table uses: rules first, then what
// they referred to. Unnamed sets go with their rule.
//
// And after deltas, what packets have left in the learned sets: a kernel that
// looks sources up in an array beside its tree makes that anew after the swap,
// 0.2 s for a million ranges, and until then the new rules learn from the old
// elements.
func (p plan) clean() (batch []ruleset.Message) {
	var chains, sets []ruleset.Message
	for i := range p.have.Chains {
		if c := &p.have.Chains[i]; c.Base == nil {
			batch = append(batch, p.have.FlushChain(c.Name))
			chains = append(chains, p.have.DeleteChain(c.Name))
		}
	}
	for i := range p.have.Sets {
		s := &p.have.Sets[i]
		if s.Unnamed || find(p.want.Sets, setName, s.Name) != nil {
			continue
		}
		if s.Map {
			batch = append(batch, p.have.FlushSet(s.Name))
		}
		sets = append(sets, p.have.DeleteSet(s.Name))
	}
	return slices.Concat(batch, sets, chains, p.cleanObjects(), p.forget())
}

// forget empties the learned sets if they may hold what they should not.
func (p plan) forget() (batch []ruleset.Message) {
	for i := range p.want.Sets {
		if s := &p.want.Sets[i]; len(p.deltas) > 0 && s.Learned() {
			batch = append(batch, p.want.FlushSet(s.Name))
		}
	}
	return batch
}

func (p plan) cleanObjects() (batch []ruleset.Message) {
	for i := range p.have.Counters {
		if name := p.have.Counters[i].Name; find(p.want.Counters, counterName, name) == nil {
			batch = append(batch, p.have.DeleteCounter(name))
		}
	}
	for _, f := range p.have.Foreign {
		if m, ok := p.object(f); ok {
			batch = append(batch, m)
		}
	}
	return batch
}
