package ruleset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Chains that are not base chains, sets that are not live and learned sets
// belong to one generation, which is the number at the end of their name. All
// else has a name that stays.

// LearnedPrefix begins the names of learned sets, in which packets leave what
// the generation's rules have accepted: they may not outlive these rules.
const LearnedPrefix = "seen-"

// Learned reports whether packets leave in the set what the rules of its
// generation have accepted.
func (s *Set) Learned() bool {
	_, _, numbered := unscoped(s.Name)
	return s.Dynamic && numbered && strings.HasPrefix(s.Name, LearnedPrefix)
}

// ofGeneration tells whether the set belongs to one generation.
func (s *Set) ofGeneration() bool { return !s.Live() || s.Learned() }

// Scoped is the name of an object of a generation: input-43.
func Scoped(name string, generation uint64) string {
	return name + "-" + strconv.FormatUint(generation, 10)
}

// unscoped takes a name apart; ok is false where no generation is at its end.
func unscoped(name string) (base string, generation uint64, ok bool) {
	dash := strings.LastIndexByte(name, '-')
	if dash < 1 {
		return name, 0, false
	}
	generation, err := strconv.ParseUint(name[dash+1:], 10, 64)
	if err != nil || Scoped(name[:dash], generation) != name {
		return name, 0, false
	}
	return name[:dash], generation, true
}

// Generation is the generation in force: the one that the base chains jump to.
// ok is false where there is none, or where they do not agree. Rules of others
// in them do not count.
func (t *Table) Generation() (generation uint64, ok bool) {
	for _, c := range t.Chains {
		if c.Base == nil {
			continue
		}
		for _, r := range c.Rules {
			g, scoped := jumpsTo(r)
			switch {
			case !scoped:
			case ok && g != generation:
				return 0, false
			default:
				generation, ok = g, true
			}
		}
	}
	return generation, ok
}

// jumpsTo is the generation of the chain that a rule jumps to.
func jumpsTo(r Rule) (generation uint64, ok bool) {
	for _, s := range r.Statements {
		if v, is := s.(Verdict); is && (v.Kind == Jump || v.Kind == Goto) {
			_, generation, ok = unscoped(v.Chain)
		}
	}
	return generation, ok
}

// GenerationComment is the comment of the rule by which a base chain jumps to
// a generation.
func GenerationComment(generation uint64) string { return fmt.Sprintf("generation %d", generation) }

// Renumbered is the table with all that belongs to a generation, and all that
// refers to it, moved to this one. Keys of elements are shared with t.
func (t *Table) Renumbered(generation uint64) *Table { return t.numbered(generation, nil) }

// renamed gives new names to the sets and chains of generations, and a new
// comment to the jumps to a generation.
func (t *Table) renamed(setName, chainName func(string) string, comment string) *Table {
	n := renamer{setName: except(t.lastingSets(), setName), chainName: except(t.baseChains(), chainName), comment: comment}
	moved := *t
	moved.Sets = slices.Clone(t.Sets)
	for i := range moved.Sets {
		n.set(&moved.Sets[i])
	}
	moved.Chains = slices.Clone(t.Chains)
	for i := range moved.Chains {
		n.chain(&moved.Chains[i])
	}
	return &moved
}

func (t *Table) lastingSets() map[string]bool {
	lasting := map[string]bool{}
	for i := range t.Sets {
		lasting[t.Sets[i].Name] = !t.Sets[i].ofGeneration()
	}
	return lasting
}

func (t *Table) baseChains() map[string]bool {
	base := map[string]bool{}
	for _, c := range t.Chains {
		base[c.Name] = c.Base != nil
	}
	return base
}

// except leaves the fixed names alone.
func except(fixed map[string]bool, rename func(string) string) func(string) string {
	return func(name string) string {
		if fixed[name] {
			return name
		}
		return rename(name)
	}
}

type renamer struct {
	setName, chainName func(string) string
	comment            string
}

func (n renamer) set(s *Set) {
	s.Name = n.setName(s.Name)
	s.Elements.verdicts = slices.Clone(s.Elements.verdicts)
	for i, v := range s.Elements.verdicts {
		s.Elements.verdicts[i] = n.verdict(v)
	}
}

func (n renamer) chain(c *Chain) {
	c.Name = n.chainName(c.Name)
	c.Rules = slices.Clone(c.Rules)
	for i := range c.Rules {
		r := &c.Rules[i]
		if _, jumps := jumpsTo(*r); jumps && c.Base != nil && isGenerationComment(r.Comment) {
			r.Comment = n.comment
		}
		r.Statements = slices.Clone(r.Statements)
		for j, s := range r.Statements {
			r.Statements[j] = n.statement(s)
		}
	}
}

func isGenerationComment(comment string) bool {
	var generation uint64
	_, err := fmt.Sscanf(comment, "generation %d", &generation)
	return err == nil && comment == GenerationComment(generation)
}

func (n renamer) statement(s Statement) Statement {
	switch s := s.(type) {
	case Match:
		if name, ok := s.Operand.(InSet); ok {
			s.Operand = InSet(n.setName(string(name)))
		}
		return s
	case VerdictMap:
		s.Map = n.setName(s.Map)
		return s
	case Update:
		s.Set = n.setName(s.Set)
		return s
	case Verdict:
		return n.verdict(s)
	}
	return s
}

func (n renamer) verdict(v Verdict) Verdict {
	if v.Kind == Jump || v.Kind == Goto {
		v.Chain = n.chainName(v.Chain)
	}
	return v
}
