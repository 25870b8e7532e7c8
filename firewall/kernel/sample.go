package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// samples is how many elements of a large set are looked up, and how many
// places beside them. A look-up takes some 10 µs.
const samples = 200

// sample looks up some elements that the set should have, and some keys beside
// them that it should not; fault is the first thing that is otherwise.
func (c *Conn) sample(t *ruleset.Table, s *ruleset.Set) (fault string, err error) {
	pick := c.pick
	if pick == nil {
		pick = rand.IntN
	}
	for range samples {
		if s.Elements.Len() == 0 {
			break
		}
		if fault, err = c.inside(t, s, pick(s.Elements.Len())); fault != "" || err != nil {
			return fault, err
		}
		if fault, err = c.outside(t, s, pick(s.Elements.Len())); fault != "" || err != nil {
			return fault, err
		}
	}
	return "", nil
}

// inside looks up element i: where it begins and where it ends there must be
// exactly that, and at its last key still what began at the first. Where the
// next one begins right after it, the kernel gives this for either.
func (c *Conn) inside(t *ruleset.Table, s *ruleset.Set, i int) (fault string, err error) {
	from, to, verdict := s.Elements.At(i)
	one := *s
	one.Elements = ruleset.NewElements(s.Key, s.Interval)
	if s.Map {
		one.Elements.AppendVerdict(from, to, verdict)
	} else {
		one.Elements.Append(from, to)
	}
	var request []byte
	var want []string
	_, followed := s.Elements.Lookup(neighbour(to, 1))
	for _, e := range encoded(t, &one) {
		below := !slices.ContainsFunc(e.key, func(b byte) bool { return b != 0 }) // the end of all below the first element
		if e.end && (below || followed) {
			continue
		}
		request, want = append(request, e.request()...), append(want, canonical(e.attributes, 0))
		if !e.end {
			last := e
			last.key = s.Key.Native(to)
			request, want = append(request, last.request()...), append(want, canonical(e.attributes, 0))
		}
	}
	have, err := c.lookUp(t, s.Name, request)
	if err != nil || len(want) > 0 && slices.Equal(have, want) {
		return "", err
	}
	return fmt.Sprintf("it does not have the element %s", s.ElementText(i)), nil
}

// outside looks up the keys right before and right after element i, unless they
// are another one's.
func (c *Conn) outside(t *ruleset.Table, s *ruleset.Set, i int) (fault string, err error) {
	from, to, _ := s.Elements.At(i)
	for _, key := range [][]byte{neighbour(from, -1), neighbour(to, 1)} {
		if _, taken := s.Elements.Lookup(key); taken || key == nil {
			continue
		}
		have, err := c.lookUp(t, s.Name, element{key: s.Key.Native(key)}.request())
		if err != nil {
			return "", err
		}
		if len(have) > 0 {
			return fmt.Sprintf("it has elements that it should not have, next to %s", s.ElementText(i)), nil
		}
	}
	return "", nil
}

// Holds reports whether an element of the set has the key, which is in wire order.
func (c *Conn) Holds(family ruleset.Family, table, set string, key []byte) (bool, error) {
	found, err := c.lookUp(&ruleset.Table{Family: family, Name: table}, set, element{key: key}.request())
	return len(found) > 0, err
}

// neighbour is the next key in a direction, 1 or -1; nil after the last one.
func neighbour(key []byte, step int) []byte {
	next, wraps := bytes.Clone(key), byte(0)
	if step < 0 {
		wraps = 0xff
	}
	for i := len(next) - 1; i >= 0; i-- {
		if next[i] += byte(step); next[i] != wraps {
			return next
		}
	}
	return nil
}

// lookUp asks for elements by their keys; nothing where one of them is missing.
func (c *Conn) lookUp(t *ruleset.Table, set string, list []byte) (found []string, err error) {
	messages, err := c.wire.get(unix.NFT_MSG_GETSETELEM, 0, body(t.Family, text(unix.NFTA_SET_ELEM_LIST_TABLE, t.Name),
		text(unix.NFTA_SET_ELEM_LIST_SET, set), attribute(unix.NFTA_SET_ELEM_LIST_ELEMENTS|unix.NLA_F_NESTED, list)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, m := range messages {
		for _, e := range elements(m) {
			found = append(found, canonical(e.attributes, 0))
		}
	}
	return found, err
}
