package bans

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"time"
)

// Count is how many ranges a record has bans of that are not over: for ever, and for
// a time. A range that is banned twice counts once, as the ban that lasts longest.
// Of the others, which must not overlap, it tells how many have all of their
// addresses in one of the ranges. It is quick, a million lines take half a second,
// for it believes lines without their CRC.
func Count(record []byte, now time.Time, others []Ban) (permanent, temporary, covered int) {
	seed, width := maphash.MakeSeed(), 0
	asked := asked(others)
	var all []banned
	for len(record) > 0 {
		line, rest, _ := bytes.Cut(record, []byte("\n"))
		record = rest
		until, ok := untilOf(line)
		if !ok || until != forever && int64(until) <= now.Unix() {
			continue
		}
		width = bytes.IndexByte(line[sumWidth:], ' ')
		covered += asked.tick(line[sumWidth:sumWidth+width], line[sumWidth+width+1:sumWidth+2*width+1])
		all = append(all, banned{maphash.Bytes(seed, line[sumWidth:sumWidth+2*width+1]), until})
	}
	slices.SortFunc(all, func(a, b banned) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(b.until, a.until)) })
	for i, b := range all {
		switch {
		case i > 0 && all[i-1].hash == b.hash:
		case b.until == forever:
			permanent++
		default:
			temporary++
		}
	}
	return permanent, temporary, covered
}

// banned is a range by the hash of its text: among a million, two have the same by a
// chance of one in thirty million.
type banned struct{ hash, until uint64 }

// other is a range as a record writes it.
type other struct {
	first, last []byte
	known       bool
}

// others are sorted by how long addresses are, and by address.
type others []other

func asked(ranges []Ban) (list others) {
	for _, b := range ranges {
		list = append(list, other{first: fmt.Appendf(nil, "%x", b.From.AsSlice()), last: fmt.Appendf(nil, "%x", b.To.AsSlice())})
	}
	slices.SortFunc(list, func(a, b other) int { return before(a.first, b.first) })
	return list
}

// before compares addresses; those of IPv4 are before those of IPv6.
func before(a, b []byte) int { return cmp.Or(cmp.Compare(len(a), len(b)), bytes.Compare(a, b)) }

// tick marks those inside of a range, and says how many were not marked before.
func (list others) tick(from, to []byte) (fresh int) {
	i, _ := slices.BinarySearchFunc(list, from, func(o other, from []byte) int { return before(o.first, from) })
	for ; i < len(list) && before(list[i].last, to) <= 0; i++ {
		if !list[i].known {
			list[i].known = true
			fresh++
		}
	}
	return fresh
}

// untilOf finds the end of a line's ban without reading the rest.
func untilOf(line []byte) (seconds uint64, ok bool) {
	for _, width := range []int{8, 32} { // the digits of an IPv4 and of an IPv6 address
		at := sumWidth + 2*(width+1) + 17
		if len(line) > at+16 && line[sumWidth+width] == ' ' {
			return number(line[at:at+16], 16)
		}
	}
	return 0, false
}
