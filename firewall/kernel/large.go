package kernel

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// Dumping a set of ranges takes the kernel quadratic time: 10,000 take some
// 30 ms, 100,000 take 1.5 s and a million 90 s.
const (
	countable = 10_000  // elements; a set with more is large, and not read if it need not be
	readable  = 100_000 // elements; a set with more is not read unless all is asked for
)

func large(s ruleset.Set) bool { return s.Elements.Len() > countable }

// reader reads a table once.
type reader struct {
	*Conn
	family ruleset.Family
	name   string
	like   *ruleset.Table // nil: read all
	most   int            // elements of a large set that is not as in like, to be read nevertheless
}

func (r reader) read() (result Reading, err error) {
	messages, err := r.objects(r.family, r.name)
	if err != nil {
		return result, err
	}
	sets := map[string]judged{}
	counts := setCounts(messages)
	if r.like != nil && r.anyLarge(counts) {
		if sets, err = r.judge(messages, counts); err != nil {
			return result, err
		}
	}
	messages, err = r.withElements(r.family, r.name, messages, func(set string) bool {
		s, known := sets[set]
		return !known || s.read
	})
	if err != nil {
		return result, err
	}
	if result.Table, err = ruleset.Decode(r.family, r.name, messages); err != nil || result.Table == nil {
		return result, err
	}
	result.Sampled = r.assume(result.Table, sets)
	return result, nil
}

// judged is a large set of the kernel's.
type judged struct {
	Sampled
	twin *ruleset.Set // what it should be; nil: nobody knows
	read bool         // it is to be read
}

// anyLarge reports whether there may be a large set.
func (r reader) anyLarge(counts map[string]int) bool {
	for _, n := range counts {
		if n > countable {
			return true
		}
	}
	return slices.ContainsFunc(r.like.Sets, large)
}

// judge finds the large sets, and which of them are as in like.
func (r reader) judge(messages []ruleset.Message, counts map[string]int) (map[string]judged, error) {
	have, err := ruleset.Decode(r.family, r.name, messages)
	if err != nil || have == nil {
		return nil, err
	}
	twins, sets := twins(have, r.like), map[string]judged{}
	for i := range have.Sets {
		s := &have.Sets[i]
		j := judged{Sampled: Sampled{Name: s.Name, Count: -1}, twin: twins[s.Name]}
		size := 0
		if j.twin != nil {
			j.Want = j.twin.Elements.Len()
			size = j.Want
		}
		if count, ok := counts[s.Name]; ok {
			j.Count, size = count, count
		}
		if size <= countable {
			continue
		}
		if !s.Live() {
			if err := r.compare(have, s, &j); err != nil {
				return nil, err
			}
			j.read = j.Fault != "" && size <= r.most
		}
		sets[s.Name] = j
	}
	return sets, nil
}

// compare says in what the set s is not its twin.
func (r reader) compare(have *ruleset.Table, s *ruleset.Set, j *judged) (err error) {
	switch {
	case j.twin == nil:
		j.Fault = "nothing like it is known"
	case s.Raw != nil || s.Key != j.twin.Key || s.Map != j.twin.Map || s.Interval != j.twin.Interval:
		j.Fault = "it is another kind of set"
	case j.Count >= 0 && j.Count != countOf(j.twin):
		j.Fault = fmt.Sprintf("it has %d elements instead of %d", j.Count, j.Want)
	case slices.Contains(r.distrusted, s.Name):
		j.Fault = "some elements are others, as comparing all of them has shown"
	case r.most > 0 || j.Count < 0:
		j.Fault, err = r.sample(have, j.twin)
	}
	return err
}

// assume gives the sets that were not read what is known of them.
func (r reader) assume(t *ruleset.Table, sets map[string]judged) (sampled []Sampled) {
	for i := range t.Sets {
		s := &t.Sets[i]
		j, known := sets[s.Name]
		if !known || j.read || s.Live() {
			continue
		}
		if j.twin != nil {
			sampled = append(sampled, j.Sampled)
			if j.Fault == "" || r.most > 0 {
				s.Elements = j.twin.Elements
			}
		}
		if j.Fault != "" && r.most > 0 {
			s.Raw = append(s.Raw, j.Fault...)
		}
	}
	return sampled
}

// twins finds for each set of have the one of like that it should be: that of
// the same name, or of the same name in another generation. They are as they
// would be in have: with its names, and its chains in verdicts.
func twins(have, like *ruleset.Table) map[string]*ruleset.Set {
	generation, _ := have.Generation()
	moved, bare := like.Renumbered(generation), have.Renumbered(0)
	byBase := map[string]int{}
	for i, s := range like.Renumbered(0).Sets {
		byBase[s.Name] = i
	}
	found := map[string]*ruleset.Set{}
	for i := range have.Sets {
		name := have.Sets[i].Name
		at := slices.IndexFunc(like.Sets, func(s ruleset.Set) bool { return s.Name == name })
		if at < 0 {
			base, ok := byBase[bare.Sets[i].Name]
			if !ok {
				continue
			}
			at = base
		}
		twin := moved.Sets[at]
		twin.Name = name
		found[name] = &twin
	}
	return found
}

// setCount is NFTA_SET_COUNT of linux/netfilter/nf_tables.h, which older kernels
// do not send.
const setCount = 20

// setCounts is how many elements the sets have, as far as the kernel tells.
func setCounts(messages []ruleset.Message) map[string]int {
	counts := map[string]int{}
	for _, m := range messages {
		if m.Type != unix.NFT_MSG_NEWSET || len(m.Body) < genericHeader {
			continue
		}
		name, count := "", -1
		for kind, data := range attributes(m.Body[genericHeader:]) {
			switch {
			case kind == unix.NFTA_SET_NAME:
				name = word(data)
			case kind == setCount && len(data) == 4:
				count = int(number(data))
			}
		}
		if count >= 0 {
			counts[name] = count
		}
	}
	return counts
}

// countOf is how many elements the kernel counts in a set like this: half of
// the ends of its ranges, of which the lowest key and the highest one are none.
func countOf(s *ruleset.Set) int {
	n := s.Elements.Len()
	if n == 0 || !s.Interval {
		return n
	}
	first, _, _ := s.Elements.At(0)
	_, last, _ := s.Elements.At(n - 1)
	if neighbour(first, -1) == nil && neighbour(last, 1) == nil {
		return n - 1
	}
	return n
}
