package kernel

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"time"

	"ngcp-fw/firewall/ruleset"
)

// elementExpiration is NFTA_SET_ELEM_EXPIRATION of linux/netfilter/nf_tables.h: how
// long an element still lasts, in milliseconds.
const elementExpiration = 5

// Timed reads the elements of an interval set whose elements may end, with the time
// that is left of each. The kernel takes minutes for a million of them. It fails with
// ErrChanged where there is no such set.
func (c *Conn) Timed(family ruleset.Family, table, set string) ([]ruleset.Timed, error) {
	messages, err := c.elements(family, table, set)
	if err != nil {
		return nil, err
	}
	var all []element
	for _, m := range messages {
		all = append(all, elements(m)...)
	}
	slices.SortFunc(all, func(a, b element) int { return cmp.Or(bytes.Compare(a.key, b.key), endFirst(a, b)) })
	var list []ruleset.Timed
	for i, e := range all {
		if e.end {
			continue
		}
		to := bytes.Repeat([]byte{0xff}, len(e.key))
		if i+1 < len(all) {
			to = neighbour(all[i+1].key, -1)
		}
		list = append(list, ruleset.Timed{From: e.key, To: to, Timeout: left(e)})
	}
	return list, nil
}

func endFirst(a, b element) int {
	switch {
	case a.end == b.end:
		return 0
	case a.end:
		return -1
	}
	return 1
}

// left is how long the element lasts; 0: for ever.
func left(e element) time.Duration {
	for kind, data := range attributes(e.attributes) {
		if kind == elementExpiration && len(data) == 8 {
			return time.Duration(binary.BigEndian.Uint64(data)) * time.Millisecond
		}
	}
	return 0
}

// Release takes the elements with such keys out of a set without ranges that
// packets fill, and says how many they were. It fails with ErrChanged where there
// is no such set, or where it changes too often.
func (c *Conn) Release(family ruleset.Family, table, set string, such func(key []byte) bool) (int, error) {
	for range readings {
		messages, err := c.elements(family, table, set)
		if err != nil {
			return 0, err
		}
		var out []ruleset.Timed
		for _, m := range messages {
			for _, e := range elements(m) {
				if such(e.key) {
					out = append(out, ruleset.Timed{From: e.key})
				}
			}
		}
		if err = c.Swap(family, table, set, out, nil); !errors.Is(err, os.ErrNotExist) {
			return len(out), err
		} // one of them has ended by itself meanwhile
	}
	return 0, ErrChanged
}

// Swap takes elements out of such a set and puts others in, all at once. The error
// wraps os.ErrNotExist or os.ErrExist where the set does not hold what is taken
// out, or holds what overlaps with what comes in.
func (c *Conn) Swap(family ruleset.Family, table, set string, out, in []ruleset.Timed) error {
	batch := slices.Concat(ruleset.EncodeTimed(family, table, set, true, out), ruleset.EncodeTimed(family, table, set, false, in))
	for range readings {
		genid, err := c.Generation()
		if err != nil || len(batch) == 0 {
			return err
		}
		if err = c.Commit(genid, batch); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return ErrChanged
}
