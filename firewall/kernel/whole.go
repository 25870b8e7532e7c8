package kernel

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// SetName is a set of anybody's table.
type SetName struct {
	Family     ruleset.Family
	Table, Set string
}

// Whole gives all messages about the tables, chains, rules and sets of all
// families, and about the elements of the sets that wanted says yes to, having
// seen the set's attributes. All are of one generation of the ruleset.
func (c *Conn) Whole(wanted func(name SetName, attributes []byte) bool) ([]ruleset.Message, error) {
	for range readings {
		before, err := c.Generation()
		if err != nil {
			return nil, err
		}
		all, err := c.whole(wanted)
		if err != nil && !errors.Is(err, ErrChanged) {
			return nil, err
		}
		if after, failed := c.Generation(); failed == nil && err == nil && after == before {
			return all, nil
		}
	}
	return nil, errTooBusy
}

// anyFamily is NFPROTO_UNSPEC of linux/netfilter.h: a dump of it is of all.
const anyFamily ruleset.Family = 0

func (c *Conn) whole(wanted func(SetName, []byte) bool) (all []ruleset.Message, err error) {
	for _, kind := range []uint8{unix.NFT_MSG_GETTABLE, unix.NFT_MSG_GETCHAIN, unix.NFT_MSG_GETRULE, unix.NFT_MSG_GETSET} {
		more, err := c.wire.get(kind, unix.NLM_F_DUMP, body(anyFamily))
		if err != nil {
			return nil, fmt.Errorf("cannot read the ruleset: %w", err)
		}
		all = append(all, more...)
	}
	for _, m := range all {
		name, ok := setNameOf(m)
		if !ok || !wanted(name, m.Body[genericHeader:]) {
			continue
		}
		more, err := c.elements(name.Family, name.Table, name.Set)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// setNameOf is which set the message is about; false if it is about none.
func setNameOf(m ruleset.Message) (n SetName, ok bool) {
	if m.Type != unix.NFT_MSG_NEWSET || len(m.Body) < genericHeader {
		return n, false
	}
	n.Family = ruleset.Family(m.Body[0])
	for kind, data := range attributes(m.Body[genericHeader:]) {
		switch kind {
		case unix.NFTA_SET_TABLE:
			n.Table = word(data)
		case unix.NFTA_SET_NAME:
			n.Set = word(data)
		}
	}
	return n, n.Table != "" && n.Set != ""
}

// Member asks a set for the element that holds the key, which is in the order of
// the kernel's registers. Nothing: there is none.
func (c *Conn) Member(n SetName, key []byte) ([]ruleset.Message, error) {
	messages, err := c.wire.get(unix.NFT_MSG_GETSETELEM, 0, body(n.Family, text(unix.NFTA_SET_ELEM_LIST_TABLE, n.Table),
		text(unix.NFTA_SET_ELEM_LIST_SET, n.Set), attribute(unix.NFTA_SET_ELEM_LIST_ELEMENTS|unix.NLA_F_NESTED, element{key: key}.request())))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return messages, err
}
