// Package addr is the algebra of address sets: exact, compact, and fast at a
// million prefixes.
package addr

import (
	"iter"
	"math/big"
	"math/bits"
	"net/netip"
)

// Set is an immutable set of IPv4 and IPv6 addresses, kept as sorted,
// disjoint, non-adjacent ranges. The zero Set is empty. IPv4-mapped IPv6
// addresses count as IPv4.
type Set struct {
	v4 spans[key4]
	v6 spans[key6]
}

// Range is a run of addresses of one family, both ends included.
type Range struct{ From, To netip.Addr }

var (
	any4 = Set{v4: spans[key4]{{key4{}, key4{}.prev()}}}
	any6 = Set{v6: spans[key6]{{key6{}, key6{}.prev()}}}
)

// Any is every address, Any4 every IPv4 and Any6 every IPv6 address.
func Any() Set { return Set{any4.v4, any6.v6} }

// Any4 is every IPv4 address.
func Any4() Set { return any4 }

// Any6 is every IPv6 address.
func Any6() Set { return any6 }

// Of is the set of the prefixes' addresses.
func Of(prefixes ...netip.Prefix) Set {
	var b Builder
	for _, p := range prefixes {
		b.AddPrefix(p)
	}
	return b.Set()
}

// Builder collects ranges in any order, overlapping or not.
type Builder struct {
	v4    pile[key4]
	v6    pile[key6]
	large []Set // added whole: they are sorted already
}

// AddRange adds the addresses from one to another of the same family, both
// included; a range that runs backwards, or lacks an end, adds nothing.
func (b *Builder) AddRange(from, to netip.Addr) {
	from, to = from.Unmap(), to.Unmap()
	switch {
	case !from.IsValid() || from.Is4() != to.Is4() || to.Less(from):
	case from.Is4():
		b.v4.add(span[key4]{key4Of(from), key4Of(to)})
	default:
		b.v6.add(span[key6]{key6Of(from), key6Of(to)})
	}
}

// mappedBits is the length of the prefix that IPv4-mapped addresses have in
// common (RFC 4291, section 2.5.5.2).
const mappedBits = 96

// AddPrefix adds the prefix's addresses; host bits do not matter. A prefix that
// is not valid adds nothing.
func (b *Builder) AddPrefix(p netip.Prefix) {
	if !p.IsValid() {
		return
	}
	if p.Addr().Is4In6() && p.Bits() >= mappedBits {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
	}
	p = p.Masked()
	free := p.Addr().BitLen() - p.Bits()
	if p.Addr().Is4() {
		from := key4Of(p.Addr())
		b.v4.add(span[key4]{from, from.withLowBits(free)})
		return
	}
	from := key6Of(p.Addr())
	b.v6.add(span[key6]{from, from.withLowBits(free)})
}

// largeSet is the number of ranges from which on a set is merged by itself and
// not range by range.
const largeSet = 1000

// AddSet adds the set's addresses.
func (b *Builder) AddSet(s Set) {
	if s.Len4()+s.Len6() >= largeSet {
		b.large = append(b.large, s)
		return
	}
	b.v4.add(s.v4...)
	b.v6.add(s.v6...)
}

// Set is what was added so far, sorted and merged.
func (b *Builder) Set() Set {
	b.large = []Set{unite(append(b.large, Set{merged(b.v4.take()), merged(b.v6.take())}))}
	return b.large[0]
}

// unite is the union of sets, two by two, so that none is copied often.
func unite(sets []Set) Set {
	if len(sets) == 1 {
		return sets[0]
	}
	half := len(sets) / 2
	return unite(sets[:half]).Union(unite(sets[half:]))
}

// IsEmpty reports whether the set has no address.
func (s Set) IsEmpty() bool { return len(s.v4) == 0 && len(s.v6) == 0 }

// IsAny reports whether the set has every address of both families.
func (s Set) IsAny() bool { return s.v4.whole() && s.v6.whole() }

// IsAny4 reports whether the set is exactly every IPv4 address.
func (s Set) IsAny4() bool { return s.v4.whole() && len(s.v6) == 0 }

// IsAny6 reports whether the set is exactly every IPv6 address.
func (s Set) IsAny6() bool { return s.v6.whole() && len(s.v4) == 0 }

// Has4 reports whether the set has an IPv4 address.
func (s Set) Has4() bool { return len(s.v4) > 0 }

// Has6 reports whether the set has an IPv6 address.
func (s Set) Has6() bool { return len(s.v6) > 0 }

// Only4 is the set's IPv4 addresses.
func (s Set) Only4() Set { return Set{v4: s.v4} }

// Only6 is the set's IPv6 addresses.
func (s Set) Only6() Set { return Set{v6: s.v6} }

// Union is what is in s or in t.
func (s Set) Union(t Set) Set { return Set{s.v4.union(t.v4), s.v6.union(t.v6)} }

// Intersect is what is in s and in t.
func (s Set) Intersect(t Set) Set { return Set{s.v4.intersect(t.v4), s.v6.intersect(t.v6)} }

// Subtract is what is in s but not in t.
func (s Set) Subtract(t Set) Set { return Set{s.v4.subtract(t.v4), s.v6.subtract(t.v6)} }

// Contains reports whether the address is in the set.
func (s Set) Contains(a netip.Addr) bool {
	if a = a.Unmap(); a.Is4() {
		return s.v4.contains(key4Of(a))
	}
	return a.Is6() && s.v6.contains(key6Of(a))
}

// Covers reports whether all of t is in s.
func (s Set) Covers(t Set) bool { return s.v4.covers(t.v4) && s.v6.covers(t.v6) }

// Overlaps reports whether some address is in both.
func (s Set) Overlaps(t Set) bool { return s.v4.overlaps(t.v4) || s.v6.overlaps(t.v6) }

// Equal reports whether both have the same addresses.
func (s Set) Equal(t Set) bool { return s.v4.equal(t.v4) && s.v6.equal(t.v6) }

// Len4 is the number of IPv4 ranges.
func (s Set) Len4() int { return len(s.v4) }

// Len6 is the number of IPv6 ranges.
func (s Set) Len6() int { return len(s.v6) }

// Range4 is the i-th IPv4 range as numbers.
func (s Set) Range4(i int) (from, to uint32) { return s.v4[i].from.number(), s.v4[i].to.number() }

// Range6 is the i-th IPv6 range as bytes in network order.
func (s Set) Range6(i int) (from, to [16]byte) { return s.v6[i].from, s.v6[i].to }

// Ranges yields the ranges, IPv4 first, ascending.
func (s Set) Ranges() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for _, r := range s.v4 {
			if !yield(Range{r.from.addr(), r.to.addr()}) {
				return
			}
		}
		for _, r := range s.v6 {
			if !yield(Range{r.from.addr(), r.to.addr()}) {
				return
			}
		}
	}
}

// Prefixes yields the smallest exact cover by prefixes, IPv4 first, ascending.
func (s Set) Prefixes() iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		if s.v4.prefixes(yield) {
			s.v6.prefixes(yield)
		}
	}
}

// Strings is Prefixes as text, a single address without its length. It is
// never nil.
func (s Set) Strings() []string {
	texts := []string{}
	for p := range s.Prefixes() {
		if p.IsSingleIP() {
			texts = append(texts, p.Addr().String())
		} else {
			texts = append(texts, p.String())
		}
	}
	return texts
}

// Count is the number of addresses of each family.
func (s Set) Count() (v4 uint64, v6 *big.Int) {
	for _, r := range s.v4 {
		v4 += uint64(r.to.number()-r.from.number()) + 1
	}
	var hi, lo, carry uint64 // of the addresses but one of each range: fewer than 2^128
	for _, r := range s.v6 {
		fromHi, fromLo := r.from.numbers()
		toHi, toLo := r.to.numbers()
		sizeLo, borrow := bits.Sub64(toLo, fromLo, 0)
		lo, carry = bits.Add64(lo, sizeLo, 0)
		hi += toHi - fromHi - borrow + carry
	}
	last := key6From(hi, lo)
	v6 = new(big.Int).SetBytes(last[:])
	v6.Add(v6, big.NewInt(int64(len(s.v6))))
	return v4, v6
}
