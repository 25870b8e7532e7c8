package main

import (
	"strconv"
	"strings"

	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// changedSources is a delta's sources in a table's cell: many are summed up, as
// their number and the first, unless all are asked for.
func changedSources(s addr.Set, full bool) cell {
	if ranges(s) <= inlineRanges+1 || s.IsAny() {
		return sourceItems(s)
	}
	v4, v6 := exposure.Delta{Sources: s}.Everyone()
	return append(familySources(s.Only4(), addr.Any4(), v4, full), familySources(s.Only6(), addr.Any6(), v6, full)...)
}

// sourcesOf is each delta's sources for its row; long ones that are those of the
// row above are not told again.
func sourcesOf(deltas []exposure.Delta, full bool) []cell {
	cells := make([]cell, len(deltas))
	for i, d := range deltas {
		if i > 0 && ranges(d.Sources) > inlineRanges && d.Sources.Equal(deltas[i-1].Sources) {
			cells[i] = text("the same")
			continue
		}
		cells[i] = changedSources(d.Sources, full)
	}
	return cells
}

// familySources is the sources of one family, told by what is left out where
// that is less.
func familySources(s, whole addr.Set, nearlyAll, full bool) cell {
	switch rest := whole.Subtract(s); {
	case s.IsEmpty():
		return nil
	case rest.IsEmpty():
		return sourceItems(whole)
	case nearlyAll:
		return append(cell{sourceItems(whole)[0] + " but"}, counted(rest, full)...)
	}
	return counted(s, full)
}

// counted is sources of one family: by name where they are few.
func counted(s addr.Set, full bool) cell {
	switch {
	case full:
		return s.Strings()
	case ranges(s) <= inlineRanges:
		return rangeItems(s)
	}
	prefixes, first := 0, ""
	for p := range s.Prefixes() {
		if prefixes++; prefixes == 1 {
			first = addr.Of(p).Strings()[0]
		}
	}
	if s.Has6() {
		return cell{thousands(uint64(prefixes)) + " IPv6 prefixes:", first + ", …"}
	}
	addresses, _ := s.Count()
	return cell{thousands(uint64(prefixes)) + " prefixes,", thousands(addresses) + " addresses:", first + ", …"}
}

// inSentence joins items with commas, where they are not words that go together.
func inSentence(items cell) string {
	var b strings.Builder
	for i, item := range items {
		switch {
		case i == 0:
		case strings.HasSuffix(items[i-1], " but"), strings.HasSuffix(items[i-1], ","), strings.HasSuffix(items[i-1], ":"):
			b.WriteByte(' ')
		default:
			b.WriteString(", ")
		}
		b.WriteString(item)
	}
	return b.String()
}

// thousands writes a number with a comma before every three digits.
func thousands(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String()
}
