package ruleset

import (
	"bytes"
	"sort"
	"strings"
)

// line is a rule, or something else in an order: what it is compared by, and
// what people see.
type line struct{ key, text string }

// lines reports those removed and added between two lists of which a longest
// part in common is kept.
func (d *differ) lines(object, name string, was, is []line) {
	keptOld, keptNew := common(was, is)
	for i, l := range was {
		if !keptOld[i] {
			d.add(Change{Kind: Removed, Object: object, Name: name, Text: l.text})
		}
	}
	for i, l := range is {
		if !keptNew[i] {
			d.add(Change{Kind: Added, Object: object, Name: name, Text: l.text})
		}
	}
}

// common marks the lines that both lists have in the same order: those at both
// ends, and between them, of the pairs that equal lines make (the first with
// the first, the second with the second …), as many as do not cross. Only where
// equal lines move past each other is that less than the most there could be.
func common(was, is []line) (keptOld, keptNew []bool) {
	keptOld, keptNew = make([]bool, len(was)), make([]bool, len(is))
	first, end := 0, 0
	for first < min(len(was), len(is)) && was[first].key == is[first].key {
		keptOld[first], keptNew[first] = true, true
		first++
	}
	for end < min(len(was), len(is))-first && was[len(was)-1-end].key == is[len(is)-1-end].key {
		end++
		keptOld[len(was)-end], keptNew[len(is)-end] = true, true
	}
	for _, p := range uncrossed(pairs(was[first:len(was)-end], is[first:len(is)-end])) {
		keptOld[first+p.was], keptNew[first+p.is] = true, true
	}
	return keptOld, keptNew
}

// pair is the places of one line in both lists.
type pair struct{ was, is int }

// pairs are ascending in was.
func pairs(was, is []line) (all []pair) {
	places := map[string][]int{}
	for i, l := range is {
		places[l.key] = append(places[l.key], i)
	}
	for i, l := range was {
		if at := places[l.key]; len(at) > 0 {
			all = append(all, pair{i, at[0]})
			places[l.key] = at[1:]
		}
	}
	return all
}

// uncrossed is a longest subsequence that is ascending in is, too, found by
// patience sorting.
func uncrossed(all []pair) []pair {
	var tops []int // of the pile i, the pair on top
	previous := make([]int, len(all))
	for i, p := range all {
		pile := sort.Search(len(tops), func(j int) bool { return all[tops[j]].is >= p.is })
		if pile == len(tops) {
			tops = append(tops, i)
		}
		tops[pile] = i
		previous[i] = -1
		if pile > 0 {
			previous[i] = tops[pile-1]
		}
	}
	longest := make([]pair, len(tops))
	for n, i := len(tops)-1, 0; n >= 0; n-- {
		if n == len(tops)-1 {
			i = tops[n]
		}
		longest[n] = all[i]
		i = previous[i]
	}
	return longest
}

// shownElements is how many elements of each sort a change names.
const shownElements = 4

// elements compares sets that packets do not fill, in one pass over both.
func (d *differ) elements(was, is *Set) {
	if was.Live() || is.Live() || was.Elements.Equal(&is.Elements) {
		return
	}
	added, removed := tally{sign: "+", set: is}, tally{sign: "-", set: was}
	for side, i := range differences(was, is) {
		if side < 0 {
			removed.take(i)
		} else {
			added.take(i)
		}
	}
	d.add(Change{
		Kind: Changed, Object: "element", Name: is.Name, Added: added.count, Removed: removed.count,
		Text: strings.Join(append(added.words(), removed.words()...), " "),
	})
}

// compareElements is 0 where both are equal, below where that of was has no
// equal in is.
func compareElements(was, is *Set, i, j int) int {
	switch {
	case i == was.Elements.Len():
		return 1
	case j == is.Elements.Len():
		return -1
	}
	from, to, verdict := was.Elements.At(i)
	from2, to2, verdict2 := is.Elements.At(j)
	if order := bytes.Compare(from, from2); order != 0 {
		return order
	}
	if order := bytes.Compare(to, to2); order != 0 {
		return order
	}
	if verdict != verdict2 || was.Key != is.Key {
		return -1
	}
	return 0
}

// tally counts elements and remembers the first few.
type tally struct {
	sign  string
	set   *Set
	count int
	shown []string
}

func (t *tally) take(i int) {
	if t.count++; t.count <= shownElements {
		t.shown = append(t.shown, string(t.set.appendElement([]byte(t.sign), i)))
	}
}

func (t *tally) words() []string {
	if t.count > shownElements {
		return append(t.shown, "…")
	}
	return t.shown
}
