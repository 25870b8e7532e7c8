package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/addr"
)

// run is keys from one to another, both included.
type run struct{ from, to []byte }

// operand is the values of the field that a match's operand stands for.
func (w *walk) operand(f *ruleset.Field, o ruleset.Operand) (subset, error) {
	if !knows(f) {
		return subset{}, fmt.Errorf("%s is not understood", f.Name)
	}
	switch o := o.(type) {
	case ruleset.InSet:
		return w.inSet(f, string(o))
	case ruleset.Value:
		return w.subset(f.Type, run{o, o})
	case ruleset.Range:
		return w.subset(f.Type, run{o.From, o.To})
	case ruleset.Prefix:
		return w.subset(f.Type, prefix(o))
	case ruleset.Bits:
		return w.bits(f.Type, o)
	}
	return subset{}, fmt.Errorf("%s is compared in a way that is not understood", f.Name)
}

func prefix(p ruleset.Prefix) run {
	r := run{slices.Clone(p.Addr), slices.Clone(p.Addr)}
	for i := range r.to {
		if kept := p.Length - 8*i; kept < 8 {
			free := byte(0xff >> max(kept, 0))
			r.from[i] &^= free
			r.to[i] |= free
		}
	}
	return r
}

// inSet is what is in a set, read once.
func (w *walk) inSet(f *ruleset.Field, name string) (subset, error) {
	if known, ok := w.subsets[name]; ok {
		return known, nil
	}
	set, err := w.set(name, f, false)
	if err != nil {
		return subset{}, err
	}
	s, ok := w.packed(set)
	if !ok {
		var runs []run
		for i := range set.Elements.Len() {
			from, to, _ := set.Elements.At(i)
			runs = append(runs, run{from, to})
		}
		s, err = w.subset(f.Type, runs...)
	}
	w.subsets[name] = s
	return s, err
}

// set finds a set, or map, whose keys are of the field's type.
func (w *walk) set(name string, f *ruleset.Field, isMap bool) (*ruleset.Set, error) {
	s := w.sets[name]
	switch {
	case s == nil:
		return nil, fmt.Errorf("there is no set %s", name)
	case !knows(f):
		return nil, fmt.Errorf("%s is not understood", f.Name)
	case s.Raw != nil && !s.Live():
		return nil, fmt.Errorf("set %s is of an unknown kind, or too large to be read", name)
	case s.Key != f.Type || s.Map != isMap:
		return nil, fmt.Errorf("set %s does not hold what %s looks for", name, f.Name)
	}
	return s, nil
}

// packed takes a set of address ranges over as it is in memory.
func (w *walk) packed(set *ruleset.Set) (subset, bool) {
	var v4, v6 []byte
	switch {
	case !set.Interval:
		return subset{}, false
	case set.Key == ruleset.TypeIPv4Addr:
		v4 = set.Elements.Packed()
	case set.Key == ruleset.TypeIPv6Addr:
		v6 = set.Elements.Packed()
	default:
		return subset{}, false
	}
	s, err := addr.FromPacked(v4, v6)
	return subset{places: w.atlas.of(s)}, err == nil
}

// branch is the keys of a verdict map that lead to one verdict.
type branch struct {
	subset
	verdict ruleset.Verdict
}

// branches is a verdict map by its verdicts, read once.
func (w *walk) branches(f *ruleset.Field, name string) ([]branch, error) {
	if known, ok := w.maps[name]; ok {
		return known, nil
	}
	set, err := w.set(name, f, true)
	if err != nil {
		return nil, err
	}
	var order []ruleset.Verdict
	runs := map[ruleset.Verdict][]run{}
	for i := range set.Elements.Len() {
		from, to, v := set.Elements.At(i)
		if runs[v] == nil {
			order = append(order, v)
		}
		runs[v] = append(runs[v], run{from, to})
	}
	var all []branch
	for _, v := range order {
		s, err := w.subset(f.Type, runs[v]...)
		if err != nil {
			return nil, err
		}
		all = append(all, branch{s, v})
	}
	w.maps[name] = all
	return all, nil
}

// subset is the keys of a type in ascending runs.
func (w *walk) subset(t *ruleset.DataType, runs ...run) (subset, error) {
	for _, r := range runs {
		if len(r.from) != t.Len || len(r.to) != t.Len {
			return subset{}, fmt.Errorf("a value is no %s", t.Name)
		}
	}
	switch t {
	case ruleset.TypeIPv4Addr, ruleset.TypeIPv6Addr:
		return subset{places: w.atlas.of(addresses(runs))}, nil
	case ruleset.TypeIfname:
		return w.linkNames(runs)
	case ruleset.TypeCTState:
		return subset{numbers: states(func(state []byte) bool { return slices.ContainsFunc(runs, func(r run) bool { return r.holds(state) }) })}, nil
	}
	var all ranges
	for _, r := range runs {
		all = all.with(span{number(r.from), number(r.to)})
	}
	return subset{numbers: all}, nil
}

func (r run) holds(value []byte) bool {
	return bytes.Compare(r.from, value) <= 0 && bytes.Compare(value, r.to) <= 0
}

// number is a key of one or two bytes.
func number(key []byte) (n uint16) {
	for _, b := range key {
		n = n<<8 | uint16(b)
	}
	return n
}

func addresses(runs []run) addr.Set {
	var b addr.Builder
	for _, r := range runs {
		from, _ := netip.AddrFromSlice(r.from)
		to, _ := netip.AddrFromSlice(r.to)
		b.AddRange(from, to)
	}
	return b.Set()
}

// linkNames knows single names only: nobody can say which links a range of
// names has.
func (w *walk) linkNames(runs []run) (subset, error) {
	var indexes []uint16
	for _, r := range runs {
		if !bytes.Equal(r.from, r.to) {
			return subset{}, errors.New("it looks for a range of interface names")
		}
		indexes = append(indexes, w.links.index(linkName(r.from)))
	}
	slices.Sort(indexes)
	return subset{numbers: only(indexes...)}, nil
}

func linkName(key []byte) string { return string(bytes.TrimRight(key, "\x00")) }

// states is those of trackingStates, and untracked, that pass a test.
func states(holds func(state []byte) bool) (all ranges) {
	for i, state := range append(slices.Clone(trackingStates), ruleset.StateUntracked) {
		if holds(binary.BigEndian.AppendUint32(nil, uint32(state))) {
			all = all.with(span{uint16(i), uint16(i)})
		}
	}
	return all
}

// bits is the connection states that have one of the bits; other fields are not
// asked for bits.
func (w *walk) bits(t *ruleset.DataType, mask []byte) (subset, error) {
	if t != ruleset.TypeCTState || len(mask) != t.Len {
		return subset{}, fmt.Errorf("it looks at single bits of a %s", t.Name)
	}
	return subset{numbers: states(func(state []byte) bool {
		return binary.BigEndian.Uint32(mask)&binary.BigEndian.Uint32(state) != 0
	})}, nil
}
