package kernel

import (
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
	t, _, err := c.read(family, name)
	return t, err
}

// read gives the table, and the ruleset's generation it is of.
func (c *Conn) read(family ruleset.Family, name string) (*ruleset.Table, uint32, error) {
	for range readings {
		before, err := c.Generation()
		if err != nil {
			return nil, 0, err
		}
		messages, err := c.Dump(family, name)
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
		return t, before, err
	}
	return nil, 0, fmt.Errorf("the ruleset changed %d times while it was read: %w", readings, ErrChanged)
}

// Generation is the number of the namespace's ruleset, which grows with every
// change by anybody.
func (c *Conn) Generation() (uint32, error) {
	messages, err := c.wire.get(unix.NFT_MSG_GETGEN, 0, body(ruleset.FamilyInet))
	if errors.Is(err, os.ErrNotExist) || err != nil && errors.As(err, new(unix.Errno)) {
		return 0, ErrNoNFTables
	}
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
	all, err := c.wire.get(unix.NFT_MSG_GETTABLE, 0, body(family, text(unix.NFTA_TABLE_NAME, name)))
	if err != nil {
		return nil, err
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
			return nil, err
		}
		all = append(all, more...)
	}
	for _, set := range ruleset.SetNames(family, name, all) {
		more, err := c.wire.get(unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP,
			body(family, text(unix.NFTA_SET_ELEM_LIST_TABLE, name), text(unix.NFTA_SET_ELEM_LIST_SET, set)))
		if errors.Is(err, os.ErrNotExist) {
			return nil, ErrChanged
		} else if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

const getFlowtable = 23 // NFT_MSG_GETFLOWTABLE of linux/netfilter/nf_tables.h

// body is a request's nfgenmsg header and attributes.
func body(family ruleset.Family, attributes ...[]byte) []byte {
	return slices.Concat(append([][]byte{{byte(family), unix.NFNETLINK_V0, 0, 0}}, attributes...)...)
}

func text(kind uint16, s string) []byte { return ruleset.TextAttribute(kind, s) }
