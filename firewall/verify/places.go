package verify

import (
	"ngcp-fw/policy/addr"
)

// places is a set of addresses, of one family. There is one of each content,
// so two are equal where the pointers are.
type places struct{ addr.Set }

// atlas knows all places of one comparison and what became of each two of them:
// a million ranges are merged once, however many rules ask for it.
type atlas struct {
	known   map[size][]*places
	cuts    map[pair]cut
	nowhere *places
}

type size struct{ v4, v6 int }

type pair struct{ a, b *places }

// cut is a divided by b.
type cut struct{ in, out *places }

func newAtlas() *atlas {
	a := &atlas{known: map[size][]*places{}, cuts: map[pair]cut{}}
	a.nowhere = a.of(addr.Set{})
	return a
}

// of is the one places of that content.
func (a *atlas) of(s addr.Set) *places {
	key := size{s.Len4(), s.Len6()}
	for _, p := range a.known[key] {
		if p.Equal(s) {
			return p
		}
	}
	p := &places{s}
	a.known[key] = append(a.known[key], p)
	return p
}

// split divides p into what is in q and what is not.
func (a *atlas) split(p, q *places) (in, out *places) {
	switch {
	case p == q:
		return p, a.nowhere
	case p == a.nowhere || q == a.nowhere:
		return a.nowhere, p
	}
	done, ok := a.cuts[pair{p, q}]
	if !ok {
		done = cut{a.of(p.Intersect(q.Set)), a.of(p.Subtract(q.Set))}
		a.cuts[pair{p, q}] = done
	}
	return done.in, done.out
}
