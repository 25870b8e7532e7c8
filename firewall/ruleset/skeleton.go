package ruleset

import "fmt"

// A table for keeping is messages without the elements of sets, and beside them
// these elements as packed keys, which are a fifth of the size and need no
// decoding. Maps, whose elements have verdicts, stay messages.

// Skeleton gives the table's messages without the elements of its sets, and
// those by their sets' names. The lists are the sets' own memory.
func (t *Table) Skeleton() (messages []Message, lists map[string][]byte, err error) {
	lists = map[string][]byte{}
	messages, err = t.encode(func(s *Set) []Message {
		if !s.listed() {
			return t.EncodeElements(s)
		}
		lists[listName(s)] = s.Elements.Packed()
		return nil
	})
	return messages, lists, err
}

func listName(s *Set) string { return "set " + s.Name }

// listed reports whether the set's elements are in a list of their own.
func (s *Set) listed() bool { return !s.Live() && !s.Map && s.Elements.Len() > 0 }

// DecodeSkeleton is the inverse of Skeleton; other lists are passed over. The
// table takes the lists over.
func DecodeSkeleton(family Family, name string, messages []Message, lists map[string][]byte) (*Table, error) {
	t, err := Decode(family, name, messages)
	if err != nil {
		return nil, err
	}
	for i := range t.Sets {
		s := &t.Sets[i]
		keys, listed := lists[listName(s)]
		if !listed {
			continue
		}
		if s.Elements, err = PackedElements(s.Key, s.Interval, keys); err != nil {
			return nil, fmt.Errorf("the elements of set %s: %w", s.Name, err)
		}
	}
	return t, nil
}
