package addr

import (
	"bytes"
	"net/netip"
	"slices"
	"sort"
)

// span is a run of addresses, both ends included.
type span[K key[K]] struct{ from, to K }

// spans is one family's half of a Set: sorted, disjoint, non-adjacent.
type spans[K key[K]] []span[K]

// pile collects spans in pieces: one slice that grows would be copied again and
// again, and take twice the memory.
type pile[K key[K]] struct {
	full [][]span[K]
	last []span[K]
}

// pieceSize is how many spans a piece of a pile has at most.
const pieceSize = 1 << 15

func (p *pile[K]) add(more ...span[K]) {
	if len(p.last)+len(more) > pieceSize {
		p.full, p.last = append(p.full, p.last), make([]span[K], 0, pieceSize)
	}
	p.last = append(p.last, more...)
}

// take gives all that was added, and leaves the pile empty.
func (p *pile[K]) take() spans[K] {
	all := slices.Concat(append(p.full, p.last)...)
	p.full, p.last = nil, nil
	return all
}

// merged sorts any spans and joins those that overlap or touch.
func merged[K key[K]](in spans[K]) spans[K] {
	var first K
	size := first.bits() / 8
	if r := (records{in.packed(), 2 * size, size}); !r.sorted() {
		r.sort(0)
	}
	out := in[:0]
	for _, s := range in {
		out = out.with(s)
	}
	return slices.Clip(out)
}

// with adds a span that begins no earlier than the last one, as a part of that
// one where they overlap or touch.
func (s spans[K]) with(next span[K]) spans[K] {
	n := len(s)
	if n == 0 || s[n-1].to.less(next.from) && s[n-1].to.next() != next.from {
		return append(s, next)
	}
	if s[n-1].to.less(next.to) {
		s[n-1].to = next.to
	}
	return s
}

func (s spans[K]) union(t spans[K]) spans[K] {
	switch {
	case len(s) == 0:
		return t
	case len(t) == 0 || s.same(t):
		return s
	}
	out := make(spans[K], 0, len(s)+len(t))
	for len(s) > 0 || len(t) > 0 {
		if len(t) == 0 || len(s) > 0 && s[0].from.less(t[0].from) {
			out, s = out.with(s[0]), s[1:]
		} else {
			out, t = out.with(t[0]), t[1:]
		}
	}
	return slices.Clip(out)
}

func (s spans[K]) intersect(t spans[K]) (out spans[K]) {
	if s.same(t) || t.whole() {
		return s
	}
	if s.whole() {
		return t
	}
	for i, j := 0, 0; i < len(s) && j < len(t); {
		from, to := s[i].from, s[i].to
		if from.less(t[j].from) {
			from = t[j].from
		}
		if t[j].to.less(to) {
			to = t[j].to
		}
		if !to.less(from) {
			out = append(out, span[K]{from, to})
		}
		if s[i].to.less(t[j].to) {
			i++
		} else {
			j++
		}
	}
	return out
}

func (s spans[K]) subtract(t spans[K]) (out spans[K]) {
	if len(t) == 0 {
		return s
	}
	if s.same(t) {
		return nil
	}
	j := 0
	for i := 0; i < len(s); i++ {
		left := s[i]
		for j < len(t) && t[j].to.less(left.from) {
			j++
		}
		if n := alike(s[i:], t[j:]); n > 0 {
			i, j = i+n-1, j+n
			continue
		}
		used := false
		for k := j; k < len(t) && !left.to.less(t[k].from); k++ {
			if left.from.less(t[k].from) {
				out = append(out, span[K]{left.from, t[k].from.prev()})
			}
			if used = !t[k].to.less(left.to); used {
				break
			}
			left.from = t[k].to.next()
		}
		if !used {
			out = append(out, left)
		}
	}
	return out
}

// block is how many spans are compared at once where two sets are alike.
const block = 256

// alike is how many spans both begin with, in whole blocks: of two long lists
// that hardly differ, nearly all.
func alike[K key[K]](s, t spans[K]) (n int) {
	for len(s)-n >= block && len(t)-n >= block && s[n] == t[n] && bytes.Equal(s[n:n+block].packed(), t[n:n+block].packed()) {
		n += block
	}
	return n
}

// same reports whether both are one piece of memory, as sets mostly are that
// came from one list.
func (s spans[K]) same(t spans[K]) bool {
	return len(s) == len(t) && (len(s) == 0 || &s[0] == &t[0])
}

// equal reports whether both have the same addresses.
func (s spans[K]) equal(t spans[K]) bool { return s.same(t) || slices.Equal(s, t) }

// find is the index of the first span that ends at k or later.
func (s spans[K]) find(k K) int {
	return sort.Search(len(s), func(i int) bool { return !s[i].to.less(k) })
}

func (s spans[K]) contains(k K) bool {
	i := s.find(k)
	return i < len(s) && !k.less(s[i].from)
}

// covers reports whether all of t is in s: as spans don't touch each other, each
// one of t must be inside one of s.
func (s spans[K]) covers(t spans[K]) bool {
	return s.same(t) || !slices.ContainsFunc(t, func(u span[K]) bool {
		i := s.find(u.from)
		return i == len(s) || u.from.less(s[i].from) || s[i].to.less(u.to)
	})
}

// overlaps looks each span of the shorter one up in the longer.
func (s spans[K]) overlaps(t spans[K]) bool {
	if len(s) > len(t) {
		s, t = t, s
	}
	return slices.ContainsFunc(s, func(u span[K]) bool {
		i := t.find(u.from)
		return i < len(t) && !u.to.less(t[i].from)
	})
}

func (s spans[K]) whole() bool {
	var first K
	return len(s) == 1 && s[0].from == first && s[0].to == first.prev()
}

// prefixes yields the smallest exact cover of the spans.
func (s spans[K]) prefixes(yield func(netip.Prefix) bool) bool {
	for _, left := range s {
		for {
			free := left.from.zeros()
			for left.to.less(left.from.withLowBits(free)) {
				free--
			}
			last := left.from.withLowBits(free)
			if !yield(netip.PrefixFrom(left.from.addr(), left.from.bits()-free)) {
				return false
			}
			if last == left.to {
				break
			}
			left.from = last.next()
		}
	}
	return true
}
