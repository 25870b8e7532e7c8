package verify

// ranges is a set of small numbers (ports, protocols, indexes): sorted,
// disjoint, not touching. None is changed once it is made.
type ranges []span

// span is from one number to another, both included.
type span struct{ from, to uint16 }

// numbers below these limits, whole.
var (
	allPorts = ranges{{0, 65535}}
	allBytes = ranges{{0, 255}}
)

// upTo is the n numbers from 0.
func upTo(n int) ranges {
	if n == 0 {
		return nil
	}
	return ranges{{0, uint16(n - 1)}}
}

func only(numbers ...uint16) (r ranges) {
	for _, n := range numbers {
		r = r.with(span{n, n})
	}
	return r
}

// with adds a span that begins no earlier than the last one.
func (r ranges) with(s span) ranges {
	if n := len(r); n > 0 && uint32(r[n-1].to)+1 >= uint32(s.from) {
		r[n-1].to = max(r[n-1].to, s.to)
		return r
	}
	return append(r, s)
}

func (r ranges) contains(n uint16) bool {
	for _, s := range r {
		if s.from <= n && n <= s.to {
			return true
		}
	}
	return false
}

// covers tells whether one span of r holds all of o: the common case of covering,
// which saves making a new list.
func (r ranges) covers(o ranges) bool {
	if len(o) == 0 {
		return true
	}
	for _, s := range r {
		if s.from <= o[0].from && o[len(o)-1].to <= s.to {
			return true
		}
	}
	return false
}

func (r ranges) overlaps(o ranges) bool {
	for i, j := 0, 0; i < len(r) && j < len(o); {
		if r[i].from <= o[j].to && o[j].from <= r[i].to {
			return true
		}
		if r[i].to < o[j].to {
			i++
		} else {
			j++
		}
	}
	return false
}

func (r ranges) intersect(o ranges) (both ranges) {
	switch {
	case o.covers(r):
		return r
	case r.covers(o):
		return o
	}
	for i, j := 0, 0; i < len(r) && j < len(o); {
		if from, to := max(r[i].from, o[j].from), min(r[i].to, o[j].to); from <= to {
			both = append(both, span{from, to})
		}
		if r[i].to < o[j].to {
			i++
		} else {
			j++
		}
	}
	return both
}

func (r ranges) subtract(o ranges) (left ranges) {
	switch {
	case !r.overlaps(o):
		return r
	case o.covers(r):
		return nil
	}
	for _, s := range r {
		from, used := uint32(s.from), false
		for _, cut := range o {
			if uint32(cut.to) < from {
				continue
			}
			if cut.from > s.to {
				break
			}
			if uint32(cut.from) > from {
				left = append(left, span{uint16(from), cut.from - 1})
			}
			if from = uint32(cut.to) + 1; from > uint32(s.to) {
				used = true
				break
			}
		}
		if !used {
			left = append(left, span{uint16(from), s.to})
		}
	}
	return left
}

// union is what is in r or in o.
func union(r, o ranges) (all ranges) {
	for len(r) > 0 || len(o) > 0 {
		if len(o) == 0 || len(r) > 0 && r[0].from < o[0].from {
			all, r = all.with(r[0]), r[1:]
		} else {
			all, o = all.with(o[0]), o[1:]
		}
	}
	return all
}
