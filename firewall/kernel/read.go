package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// Conn is a connection to nf_tables of the network namespace it was opened in.
type Conn struct {
	wire transport
}

// Open connects to nf_tables of the calling thread's network namespace.
func Open() (*Conn, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	return &Conn{s}, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.wire.close() }

// readings is how often a change by somebody else in the middle of reading
// makes us read again.
const readings = 20

// Read gives a table as the kernel has it; nil if there is none.
func (c *Conn) Read(family ruleset.Family, name string) (*ruleset.Table, error) {
	t, _, err := c.read(family, name, nil)
	return t, err
}

// read gives the table, and the ruleset's generation it is of. Of a large set
// only the number of elements is asked for where there is a table like it: with
// as many elements there, they are taken for the same, otherwise for none.
func (c *Conn) read(family ruleset.Family, name string, like *ruleset.Table) (*ruleset.Table, uint32, error) {
	for range readings {
		before, err := c.Generation()
		if err != nil {
			return nil, 0, err
		}
		messages, counted, err := c.dump(family, name, like != nil)
		if errors.Is(err, os.ErrNotExist) {
			return nil, before, nil
		}
		if err != nil && !errors.Is(err, ErrChanged) {
			return nil, 0, err
		}
		if after, failed := c.Generation(); failed != nil || err != nil || after != before {
			continue
		}
		t, err := ruleset.Decode(family, name, messages)
		assume(t, like, counted)
		return t, before, err
	}
	return nil, 0, fmt.Errorf("the ruleset changed %d times while it was read: %w", readings, ErrChanged)
}

// countable is how many elements of a set are read one by one at least. The
// kernel takes quadratic time for ranges: 10,000 take some 30 ms, 100,000 take
// 1.5 s and a million 90 s.
const countable = 10_000

func large(s ruleset.Set) bool { return s.Elements.Len() > countable }

// assume gives the sets that were counted the elements of the table like t,
// where it has as many.
func assume(t, like *ruleset.Table, counted map[string]int) {
	if t == nil || len(counted) == 0 {
		return
	}
	generation, _ := t.Generation()
	like = like.Renumbered(generation)
	for i := range t.Sets {
		s := &t.Sets[i]
		if same := find(like.Sets, setName, s.Name); same != nil && s.Raw == nil && counted[s.Name] == same.Elements.Len() {
			s.Elements = same.Elements
		}
	}
}

// Generation is the number of the namespace's ruleset, which grows with every
// change by anybody.
func (c *Conn) Generation() (uint32, error) {
	messages, err := c.wire.get(unix.NFT_MSG_GETGEN, 0, body(ruleset.FamilyInet))
	if err != nil {
		return 0, err
	}
	for _, m := range messages {
		if id, ok := ruleset.GenerationID(m); ok {
			return id, nil
		}
	}
	return 0, errors.New("the kernel does not tell its ruleset's generation")
}

// Dump gives all messages that the kernel has about a table; os.ErrNotExist if
// there is none.
func (c *Conn) Dump(family ruleset.Family, name string) ([]ruleset.Message, error) {
	all, _, err := c.dump(family, name, false)
	return all, err
}

// table gives the message about the table itself.
func (c *Conn) table(family ruleset.Family, name string) ([]ruleset.Message, error) {
	return c.wire.get(unix.NFT_MSG_GETTABLE, 0, body(family, text(unix.NFTA_TABLE_NAME, name)))
}

// dump leaves out the elements of large sets if count is true, and tells how
// many there are.
func (c *Conn) dump(family ruleset.Family, name string, count bool) (all []ruleset.Message, counted map[string]int, err error) {
	if all, err = c.table(family, name); err != nil {
		return nil, nil, err
	}
	for _, row := range []struct {
		kind  uint8
		table uint16 // the attribute with the table's name
	}{
		{unix.NFT_MSG_GETOBJ, unix.NFTA_OBJ_TABLE}, {unix.NFT_MSG_GETCHAIN, unix.NFTA_CHAIN_TABLE},
		{unix.NFT_MSG_GETSET, unix.NFTA_SET_TABLE}, {unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE},
		{getFlowtable, 1},
	} {
		more, err := c.wire.get(row.kind, unix.NLM_F_DUMP, body(family, text(row.table, name)))
		if err != nil && !(errors.Is(err, os.ErrNotExist) && row.kind == getFlowtable) {
			return nil, nil, err
		}
		all = append(all, more...)
	}
	if count {
		counted = largeSets(all)
	}
	for _, set := range ruleset.SetNames(family, name, all) {
		if _, enough := counted[set]; enough {
			continue
		}
		more, err := c.elements(family, name, set)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, more...)
	}
	return all, counted, nil
}

func (c *Conn) elements(family ruleset.Family, table, set string) ([]ruleset.Message, error) {
	all, err := c.wire.get(unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP,
		body(family, text(unix.NFTA_SET_ELEM_LIST_TABLE, table), text(unix.NFTA_SET_ELEM_LIST_SET, set)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrChanged
	}
	return all, err
}

// setCount is NFTA_SET_COUNT of linux/netfilter/nf_tables.h, which older kernels
// do not send. A range counts as one element.
const setCount = 20

// largeSets is the sets that have more elements than are countable, and how
// many.
func largeSets(messages []ruleset.Message) map[string]int {
	sets := map[string]int{}
	for _, m := range messages {
		if m.Type != unix.NFT_MSG_NEWSET || len(m.Body) < genericHeader {
			continue
		}
		name, count := "", 0
		for kind, data := range attributes(m.Body[genericHeader:]) {
			switch {
			case kind == unix.NFTA_SET_NAME:
				name = string(bytes.TrimSuffix(data, []byte{0}))
			case kind == setCount && len(data) == 4:
				count = int(binary.BigEndian.Uint32(data))
			}
		}
		if count > countable {
			sets[name] = count
		}
	}
	return sets
}

const getFlowtable = 23 // NFT_MSG_GETFLOWTABLE of linux/netfilter/nf_tables.h

// body is a request's nfgenmsg header and attributes.
func body(family ruleset.Family, attributes ...[]byte) []byte {
	return slices.Concat(append([][]byte{{byte(family), unix.NFNETLINK_V0, 0, 0}}, attributes...)...)
}

func text(kind uint16, s string) []byte { return ruleset.TextAttribute(kind, s) }
