package kernel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ngcp-fw/firewall/ruleset"
)

// Result is how a table was put into force.
type Result struct {
	Messages int  // sent; 0: the kernel held it already
	Replaced bool // the whole table was replaced, which loses counters and bans
}

// Apply makes the kernel hold the table, and asks it afterwards whether it does.
//
// A table that is not there yet goes in as one batch. Otherwise there are three:
// the first loads what is new beside what is in force, the second swaps the
// rules of all base chains at once, the third takes away what is not used any
// more. No packet meets half of the old and half of the new, and a crash
// between two batches leaves one of them whole in force. For that the names of
// what belongs to a generation must not be in use yet; base chains, counters
// and live sets keep theirs, and so what is in them.
//
// ErrChanged says that somebody else changed the ruleset meanwhile; what is in
// force is then the old or the new table, and Apply may be called again.
func (c *Conn) Apply(want *ruleset.Table) (Result, error) {
	have, genid, err := c.read(want.Family, want.Name)
	if err != nil {
		return Result{}, err
	}
	if have.Equal(want) {
		return Result{}, nil
	}
	p := plan{have: have, want: want}
	batches, replaced, err := p.batches()
	if err != nil {
		return Result{}, err
	}
	result := Result{Replaced: replaced}
	for _, batch := range batches {
		if len(batch) == 0 {
			continue
		}
		if err := c.wire.commit(genid, batch); err != nil {
			return result, err
		}
		genid++ // an effective commit counts as one
		result.Messages += len(batch)
	}
	return result, c.verify(want)
}

// verify asks the kernel whether it holds what was sent.
func (c *Conn) verify(want *ruleset.Table) error {
	have, err := c.Read(want.Family, want.Name)
	if err != nil {
		return fmt.Errorf("reading back what was sent: %w", err)
	}
	changes := ruleset.Diff(have, want)
	if len(changes) == 0 {
		return nil
	}
	var names []string
	for _, change := range changes {
		names = append(names, strings.TrimSpace(fmt.Sprintf("%s %s %s", change.Object, change.Name, change.Text)))
	}
	return fmt.Errorf("the kernel does not hold what was sent, it differs in: %s", strings.Join(names, "; "))
}

// Remove takes a table away, and reports whether it was there.
func (c *Conn) Remove(family ruleset.Family, name string) (bool, error) {
	for range readings {
		genid, err := c.Generation()
		if err != nil {
			return false, err
		}
		have, err := c.Read(family, name)
		if err != nil || have == nil {
			return false, err
		}
		err = c.wire.commit(genid, []ruleset.Message{have.DeleteTable()})
		if !errors.Is(err, ErrChanged) {
			return err == nil, err
		}
	}
	return false, ErrChanged
}

// plan is what is there, and what is to be there.
type plan struct{ have, want *ruleset.Table }

// batches gives what to commit one after the other; replaced says that the
// table goes and comes back as a whole.
func (p plan) batches() (batches [][]ruleset.Message, replaced bool, err error) {
	all, err := p.want.Encode()
	switch {
	case err != nil:
		return nil, false, err
	case p.have == nil:
		return [][]ruleset.Message{all}, false, nil
	case !p.gentle():
		return [][]ruleset.Message{append([]ruleset.Message{p.have.DeleteTable()}, all...)}, true, nil
	}
	load, err := p.load()
	if err != nil {
		return nil, false, err
	}
	swap, err := p.swap()
	return [][]ruleset.Message{load, swap, p.clean()}, false, err
}

// gentle reports whether what keeps its name can stay: the kernel can neither
// turn a set into another kind of set nor move a base chain to another hook.
func (p plan) gentle() bool {
	if len(p.have.Foreign) > 0 || p.have.Comment != p.want.Comment {
		return false
	}
	for i := range p.want.Sets {
		if old := find(p.have.Sets, setName, p.want.Sets[i].Name); old != nil && !sameSet(old, &p.want.Sets[i]) {
			return false
		}
	}
	for i := range p.want.Chains {
		c := &p.want.Chains[i]
		if old := find(p.have.Chains, chainName, c.Name); old != nil && !sameHook(old.Base, c.Base) {
			return false
		}
	}
	return true
}

func sameSet(a, b *ruleset.Set) bool {
	return a.Live() && b.Live() && a.Raw == nil && a.Key == b.Key && a.Map == b.Map && a.Interval == b.Interval &&
		a.Timeout == b.Timeout && a.Dynamic == b.Dynamic && a.Size == b.Size && a.Lifetime == b.Lifetime && a.Comment == b.Comment
}

// sameHook reports whether both are base chains at the same place. Two chains
// of one name that are no base chains are of one generation, and differ.
func sameHook(a, b *ruleset.Base) bool {
	return a != nil && b != nil && a.Type == b.Type && a.Hook == b.Hook && a.Priority == b.Priority
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
		batch = append(batch, p.want.EncodeElements(s)...)
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

// swap gives all base chains their new rules.
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
	return batch, nil
}

// swapChain puts the new rules in the place of the first old one, and takes the
// others away.
func (p plan) swapChain(c, old *ruleset.Chain) (batch []ruleset.Message, err error) {
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
// they referred to.
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
		if find(p.want.Sets, setName, s.Name) != nil {
			continue
		}
		if s.Map {
			batch = append(batch, p.have.FlushSet(s.Name))
		}
		sets = append(sets, p.have.DeleteSet(s.Name))
	}
	batch = append(append(batch, sets...), chains...)
	for i := range p.have.Counters {
		if name := p.have.Counters[i].Name; find(p.want.Counters, counterName, name) == nil {
			batch = append(batch, p.have.DeleteCounter(name))
		}
	}
	return batch
}
