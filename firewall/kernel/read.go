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
	pick func(n int) int // which of n elements to ask for; nil: by chance
	last uint32          // the ruleset's generation that the last reading was of

	distrusted []string // the sets that samples do not speak for
}

// Open connects to nf_tables of the calling thread's network namespace.
func Open() (*Conn, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	return &Conn{wire: s}, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.wire.close() }

// readings is how often a change by somebody else in the middle of reading
// makes us read again.
const readings = 20

var errTooBusy = fmt.Errorf("the ruleset changed %d times while it was read: %w", readings, ErrChanged)

// Reading is a table as the kernel had it, all of one generation of the ruleset.
type Reading struct {
	Table   *ruleset.Table // nil: there is none
	GenID   uint32         // the ruleset's generation
	Sampled []Sampled      // the large sets that were not read element by element
}

// Sampled is what is known of a large set that was not read: how many elements
// it has, and what the kernel says of some of them.
type Sampled struct {
	Name  string
	Count int    // -1: this kernel does not tell
	Want  int    // elements that it should have
	Fault string // in what it is not as it should be; "": nothing was found
}

// Read gives a table as the kernel has it; nil if there is none.
func (c *Conn) Read(family ruleset.Family, name string) (*ruleset.Table, error) {
	r, err := c.Examine(family, name, nil)
	return r.Table, err
}

// ReadLike is Examine for those who want the table alone, and the ruleset's
// generation it is of.
func (c *Conn) ReadLike(family ruleset.Family, name string, like *ruleset.Table) (*ruleset.Table, uint32, error) {
	r, err := c.Examine(family, name, like)
	return r.Table, r.GenID, err
}

// Outline gives a table as the kernel has it, but for what is in its sets; nil
// if there is none.
func (c *Conn) Outline(family ruleset.Family, name string) (*ruleset.Table, error) {
	for range readings {
		all, err := c.objects(family, name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, nil
		case err == nil:
			return ruleset.Decode(family, name, all)
		case !errors.Is(err, ErrChanged):
			return nil, err
		}
	}
	return nil, errTooBusy
}

// Examine gives a table as the kernel has it; where like is nil, all of it.
// Otherwise large sets of which the number of elements and some look-ups say
// that they are those of like are taken to hold the same elements. What an
// equal number of other elements in their place is, that finds only by chance.
//
// A large set that is not the one of like is read whole if that takes no more
// than a second or two; beyond that, it gets what is known of it as Raw, which
// makes it differ from every other, and the elements of like.
func (c *Conn) Examine(family ruleset.Family, name string, like *ruleset.Table) (Reading, error) {
	return c.settled(reader{c, family, name, like, readable})
}

// read is Examine that reads no large set: one that has not as many elements as
// in like is taken to be empty. Look-ups are made only where the kernel does not
// tell how many it has.
func (c *Conn) read(family ruleset.Family, name string, like *ruleset.Table) (*ruleset.Table, uint32, error) {
	r, err := c.settled(reader{c, family, name, like, 0})
	return r.Table, r.GenID, err
}

// settled reads until nobody has changed anything meanwhile.
func (c *Conn) settled(how reader) (Reading, error) {
	for range readings {
		before, err := c.Generation()
		if err != nil {
			return Reading{}, err
		}
		r, err := how.read()
		r.GenID = before
		if r.Table != nil {
			r.Table.InPlace = inPlace()
		}
		if errors.Is(err, os.ErrNotExist) {
			return r, nil
		}
		if err != nil && !errors.Is(err, ErrChanged) {
			return Reading{}, err
		}
		if after, failed := c.Generation(); failed == nil && err == nil && after == before {
			c.last = before
			return r, nil
		}
	}
	return Reading{}, errTooBusy
}

// Distrust names sets that were found to be other than they should, element by
// element. From now on samples do not speak for them.
func (c *Conn) Distrust(sets ...string) { c.distrusted = append(c.distrusted, sets...) }

// LastRead is the ruleset's generation that the last table was read at: after
// Apply, the one at which the kernel held the table.
func (c *Conn) LastRead() uint32 { return c.last }

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
	all, err := c.objects(family, name)
	if err != nil {
		return nil, err
	}
	return c.withElements(family, name, all, func(string) bool { return true })
}

// table gives the message about the table itself.
func (c *Conn) table(family ruleset.Family, name string) ([]ruleset.Message, error) {
	return c.wire.get(unix.NFT_MSG_GETTABLE, 0, body(family, text(unix.NFTA_TABLE_NAME, name)))
}

// objects is all messages but those about elements.
func (c *Conn) objects(family ruleset.Family, name string) (all []ruleset.Message, err error) {
	if all, err = c.table(family, name); err != nil {
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
	return all, nil
}

// withElements adds the elements of the sets that are wanted.
func (c *Conn) withElements(family ruleset.Family, name string, all []ruleset.Message, wanted func(set string) bool) ([]ruleset.Message, error) {
	for _, set := range ruleset.SetNames(family, name, all) {
		if !wanted(set) {
			continue
		}
		more, err := c.elements(family, name, set)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func (c *Conn) elements(family ruleset.Family, table, set string) ([]ruleset.Message, error) {
	all, err := c.wire.get(unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP,
		body(family, text(unix.NFTA_SET_ELEM_LIST_TABLE, table), text(unix.NFTA_SET_ELEM_LIST_SET, set)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrChanged
	}
	return all, err
}

const getFlowtable = 23 // NFT_MSG_GETFLOWTABLE of linux/netfilter/nf_tables.h

// body is a request's nfgenmsg header and attributes.
func body(family ruleset.Family, attributes ...[]byte) []byte {
	return slices.Concat(append([][]byte{{byte(family), unix.NFNETLINK_V0, 0, 0}}, attributes...)...)
}

func text(kind uint16, s string) []byte { return ruleset.TextAttribute(kind, s) }
