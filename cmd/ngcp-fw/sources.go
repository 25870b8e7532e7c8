package main

import (
	"fmt"
	"strings"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// How much a table's cell still shows one by one.
const (
	inlineRanges = 3
	inlinePorts  = 6
)

// sourceItems is a source set in a table's cell.
func sourceItems(s addr.Set) cell {
	var rest addr.Set // at most two ranges fewer than s
	if ranges(s) <= inlineRanges+1 {
		rest = addr.Any().Subtract(s)
	}
	switch {
	case s.IsEmpty():
		return text("nobody")
	case s.IsAny():
		return text("any")
	case s.IsAny4():
		return text("any4")
	case s.IsAny6():
		return text("any6")
	case nearlyAny(s) && ranges(rest) < min(ranges(s), inlineRanges):
		return append(cell{"any but"}, rangeItems(rest)...)
	case ranges(s) <= inlineRanges:
		return rangeItems(s)
	}
	prefixes := 0
	for range s.Prefixes() {
		prefixes++
	}
	return text(plural(prefixes, "prefix"))
}

// nearlyAny reports whether most addresses of both families are among them.
func nearlyAny(s addr.Set) bool {
	v4, v6 := exposure.Everyone(s)
	return v4 && v6
}

// sourceText is a source set in a sentence.
func sourceText(s addr.Set) string {
	items := sourceItems(s)
	if items[0] == "any but" {
		return "any but " + strings.Join(items[1:], ", ")
	}
	return strings.Join(items, ", ")
}

func ranges(s addr.Set) int { return s.Len4() + s.Len6() }

// rangeItems writes each range as a prefix where it is one.
func rangeItems(s addr.Set) (items cell) {
	for r := range s.Ranges() {
		var b addr.Builder
		b.AddRange(r.From, r.To)
		prefixes := b.Set().Strings()
		if len(prefixes) == 1 {
			items = append(items, prefixes[0])
		} else {
			items = append(items, fmt.Sprintf("%s-%s", r.From, r.To))
		}
	}
	return items
}

// portItems is ports in a table's cell.
func portItems(ports []policy.Ports) cell {
	names := exposure.PortNames(ports)
	if len(names) > inlinePorts {
		return append(cell(names[:inlineRanges:inlineRanges]), fmt.Sprintf("and %d more", len(names)-inlineRanges))
	}
	return names
}
