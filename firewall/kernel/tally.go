package kernel

import (
	"errors"
	"os"

	"ngcp-fw/firewall/ruleset"
)

// Tally is a table with its counters, without what is in its sets, and how many
// elements these have.
type Tally struct {
	Table  *ruleset.Table // nil: there is none
	Counts map[string]int // by the set's name; of ranges, an older kernel does not tell
}

// Tally reads a table without reading its sets. Only where the kernel does not
// tell how many elements they have, those are counted that packets fill: reading
// them takes no more time than there are elements.
func (c *Conn) Tally(family ruleset.Family, name string) (Tally, error) {
	for range readings {
		t, err := c.tally(family, name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return Tally{}, nil
		case !errors.Is(err, ErrChanged):
			return t, err
		}
	}
	return Tally{}, errTooBusy
}

func (c *Conn) tally(family ruleset.Family, name string) (t Tally, err error) {
	all, err := c.objects(family, name)
	if err != nil {
		return t, err
	}
	t.Counts = setCounts(all)
	if t.Table, err = ruleset.Decode(family, name, all); err != nil {
		return t, err
	}
	for _, s := range t.Table.Sets {
		if _, told := t.Counts[s.Name]; told || !s.Live() || s.Interval {
			continue
		}
		keys, err := c.Keys(family, name, s.Name)
		if err != nil {
			return t, err
		}
		t.Counts[s.Name] = len(keys)
	}
	return t, nil
}

// Keys reads the keys of a set without ranges that packets fill. It fails with
// ErrChanged where there is no such set.
func (c *Conn) Keys(family ruleset.Family, table, set string) (keys [][]byte, err error) {
	messages, err := c.elements(family, table, set)
	for _, m := range messages {
		for _, e := range elements(m) {
			keys = append(keys, e.key)
		}
	}
	return keys, err
}
