package ruleset

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
)

// NewElements is an empty list for keys of a type: ranges where interval is
// true.
//
// Every key is in wire order, most significant byte first, ct states too; an
// interface name is its bytes and zeros up to 16. What the kernel wants in the
// order of the machine, DataType.Native turns around at the encoder.
func NewElements(key *DataType, interval bool) Elements {
	return Elements{width: key.Len, interval: interval}
}

// PackedElements takes packed keys over as they are: From after From, or
// From, To, From, To where interval is true. It sorts them if they are not
// sorted, and fails as Sort does or where a key is cut short.
func PackedElements(key *DataType, interval bool, keys []byte) (Elements, error) {
	e := Elements{width: key.Len, interval: interval, keys: keys}
	if len(keys)%e.stride() != 0 {
		return Elements{}, fmt.Errorf("%d bytes are no whole number of %s elements of %d bytes", len(keys), key.Name, e.stride())
	}
	return e, e.Sort()
}

// SortedElements is PackedElements for keys that are known to be ascending and
// separate. It does not copy them.
func SortedElements(key *DataType, interval bool, keys []byte) Elements {
	return Elements{width: key.Len, interval: interval, keys: keys[:len(keys):len(keys)]}
}

// Packed is the keys as PackedElements takes them: the elements' own memory, not
// to be changed. Verdicts are not in it.
func (e *Elements) Packed() []byte { return e.keys }

// stride is the bytes of one element.
func (e *Elements) stride() int {
	if e.interval {
		return 2 * e.width
	}
	return e.width
}

// Grow makes room for n more elements.
func (e *Elements) Grow(n int) { e.keys = slices.Grow(e.keys, n*e.stride()) }

// Append adds the keys from From to To, both included; without intervals To is
// not looked at. Call Sort after the last one unless they came sorted. Copies
// of a list share their storage: only one of them may be appended to.
func (e *Elements) Append(from, to []byte) {
	e.keys = append(e.keys, from...)
	if e.interval {
		e.keys = append(e.keys, to...)
	}
}

// AppendVerdict is Append for a map: each of its elements has a verdict.
func (e *Elements) AppendVerdict(from, to []byte, v Verdict) {
	e.Append(from, to)
	e.verdicts = append(e.verdicts, v)
}

// Len is the number of elements; a range is one.
func (e *Elements) Len() int {
	if e.width == 0 {
		return 0
	}
	return len(e.keys) / e.stride()
}

// At is element i: its first and last key (the same without intervals), which
// are not to be changed, and in maps its verdict.
func (e *Elements) At(i int) (from, to []byte, v Verdict) {
	at := i * e.stride()
	from = e.keys[at : at+e.width : at+e.width]
	to = from
	if e.interval {
		to = e.keys[at+e.width : at+2*e.width : at+2*e.width]
	}
	if i < len(e.verdicts) {
		v = e.verdicts[i]
	}
	return from, to, v
}

// Lookup finds the element that holds the key, in sorted elements.
func (e *Elements) Lookup(key []byte) (i int, ok bool) {
	i = sort.Search(e.Len(), func(i int) bool {
		_, to, _ := e.At(i)
		return bytes.Compare(to, key) >= 0
	})
	if i == e.Len() {
		return 0, false
	}
	from, _, _ := e.At(i)
	return i, bytes.Compare(from, key) <= 0
}

// Equal tells whether both hold the same elements with the same verdicts.
func (e *Elements) Equal(other *Elements) bool {
	if e.Len() == 0 || other.Len() == 0 {
		return e.Len() == other.Len()
	}
	return e.width == other.width && e.interval == other.interval &&
		bytes.Equal(e.keys, other.keys) && slices.Equal(e.verdicts, other.verdicts)
}

// Sort brings the elements into ascending order. It fails where a range is
// reversed or two elements overlap: neither has a meaning in the kernel.
func (e *Elements) Sort() error {
	if e.Len() == 0 {
		return nil
	}
	if s := (sorter{Elements: e, spare: make([]byte, e.stride())}); !sort.IsSorted(s) {
		sort.Sort(s)
	}
	var last []byte
	for i := range e.Len() {
		from, to, _ := e.At(i)
		if bytes.Compare(from, to) > 0 {
			return fmt.Errorf("element %x-%x ends before it starts", from, to)
		}
		if last != nil && bytes.Compare(from, last) <= 0 {
			return fmt.Errorf("element %x-%x overlaps the one before it, which ends at %x", from, to, last)
		}
		last = to
	}
	return nil
}

type sorter struct {
	*Elements
	spare []byte // one element, while two change places
}

func (s sorter) element(i int) []byte { return s.keys[i*s.stride() : (i+1)*s.stride()] }

func (s sorter) Less(i, j int) bool { return bytes.Compare(s.element(i), s.element(j)) < 0 }

func (s sorter) Swap(i, j int) {
	copy(s.spare, s.element(i))
	copy(s.element(i), s.element(j))
	copy(s.element(j), s.spare)
	if len(s.verdicts) > 0 {
		s.verdicts[i], s.verdicts[j] = s.verdicts[j], s.verdicts[i]
	}
}
