// Package bans is the record of the sources that somebody banned, for a time or
// for ever, and what follows from it for the kernel's sets, whose elements may not
// overlap. It is pure: bytes in, bytes out.
package bans

import (
	"cmp"
	"container/heap"
	"net/netip"
	"slices"
	"time"
)

// Ban is a range of addresses that is refused. Both ends are of one family.
type Ban struct {
	From, To netip.Addr
	Since    time.Time
	Until    time.Time // zero: for ever
	Who      string
	Reason   string
}

// Live reports whether it still counts.
func (b Ban) Live(now time.Time) bool { return b.Until.IsZero() || b.Until.After(now) }

// Covers reports whether the address is banned by it.
func (b Ban) Covers(a netip.Addr) bool {
	return a.BitLen() == b.From.BitLen() && b.From.Compare(a) <= 0 && a.Compare(b.To) <= 0
}

// Meets reports whether the two have an address in common.
func (b Ban) Meets(from, to netip.Addr) bool {
	return b.From.BitLen() == from.BitLen() && b.From.Compare(to) <= 0 && from.Compare(b.To) <= 0
}

// EndsWith reports whether the end of a ban of those addresses ends this one, or a
// part of it: of any reason where that names none.
func (b Ban) EndsWith(gone Ban) bool {
	return b.Meets(gone.From, gone.To) && (gone.Reason == "" || gone.Reason == b.Reason)
}

// Outlasts reports whether it ends after the other one.
func (b Ban) Outlasts(other Ban) bool {
	return !other.Until.IsZero() && (b.Until.IsZero() || b.Until.After(other.Until))
}

// Without is what is left of the ban beside a range: nothing, one or two.
func (b Ban) Without(from, to netip.Addr) (left []Ban) {
	if !b.Meets(from, to) {
		return []Ban{b}
	}
	if b.From.Compare(from) < 0 {
		before := b
		before.To = from.Prev()
		left = append(left, before)
	}
	if to.Compare(b.To) < 0 {
		after := b
		after.From = to.Next()
		left = append(left, after)
	}
	return left
}

// Flatten is the bans as ranges that do not overlap: each address goes with the
// ban that lasts longest, of equals the first. Ranges are split where that ban
// changes, so that a range has never to be found by another one's bounds.
func Flatten(all []Ban) (flat []Ban) {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(all[a].From.BitLen(), all[b].From.BitLen()), all[a].From.Compare(all[b].From))
	})
	s := sweep{longest: longest{all: all}}
	for _, i := range order {
		s.upTo(all[i].From)
		heap.Push(&s.longest, i)
		s.at = all[i].From
	}
	s.upTo(netip.Addr{})
	return s.flat
}

// sweep walks over the addresses from the lowest on.
type sweep struct {
	longest longest
	at      netip.Addr // all before is done
	winner  int        // of the last range
	flat    []Ban
}

// upTo writes what is banned before the address; all, if it is none or one of the
// next family.
func (s *sweep) upTo(end netip.Addr) {
	for s.longest.Len() > 0 {
		i := s.longest.open[0]
		b := s.longest.all[i]
		last := b.To
		if end.BitLen() == s.at.BitLen() {
			if s.at.Compare(end) >= 0 {
				return
			}
			if last.Compare(end) >= 0 {
				last = end.Prev()
			}
		}
		if last.Compare(s.at) >= 0 {
			s.write(i, s.at, last)
		}
		if last != b.To {
			s.at = end
			return
		}
		heap.Pop(&s.longest)
		if next := last.Next(); next.IsValid() && last.Compare(s.at) >= 0 {
			s.at = next
		} else if !next.IsValid() {
			s.longest.open = nil
		}
	}
}

// write adds a range, or makes the last one longer if it is of the same ban.
func (s *sweep) write(i int, from, to netip.Addr) {
	if n := len(s.flat); n > 0 && s.winner == i && s.flat[n-1].To.Next() == from {
		s.flat[n-1].To = to
		return
	}
	b := s.longest.all[i]
	b.From, b.To = from, to
	s.flat, s.winner = append(s.flat, b), i
}

// longest is a heap of bans with the one that lasts longest on top.
type longest struct {
	all  []Ban
	open []int
}

func (l *longest) Len() int { return len(l.open) }

func (l *longest) Less(i, j int) bool {
	a, b := l.all[l.open[i]], l.all[l.open[j]]
	switch {
	case a.Outlasts(b):
		return true
	case b.Outlasts(a):
		return false
	}
	return l.open[i] < l.open[j]
}

func (l *longest) Swap(i, j int) { l.open[i], l.open[j] = l.open[j], l.open[i] }

func (l *longest) Push(i any) { l.open = append(l.open, i.(int)) }

func (l *longest) Pop() any {
	last := l.open[len(l.open)-1]
	l.open = l.open[:len(l.open)-1]
	return last
}

// Region is the bans that decide how those addresses are flattened which have a
// range in common with these: those that meet them, and those that meet the former.
func Region(all []Ban, from, to netip.Addr) (region []Ban) {
	for _, b := range all {
		if b.Meets(from, to) {
			from, to = lower(from, b.From), higher(to, b.To)
		}
	}
	for _, b := range all {
		if b.Meets(from, to) {
			region = append(region, b)
		}
	}
	return region
}

func lower(a, b netip.Addr) netip.Addr {
	if b.Compare(a) < 0 {
		return b
	}
	return a
}

func higher(a, b netip.Addr) netip.Addr {
	if b.Compare(a) > 0 {
		return b
	}
	return a
}
