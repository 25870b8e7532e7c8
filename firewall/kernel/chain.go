package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// Chain is a chain of anybody's table.
type Chain struct {
	Family      ruleset.Family
	Table, Name string
	Base        *ruleset.Base // nil: other chains jump to it
}

// Rule is a rule of anybody's table, as the kernel's program.
type Rule struct {
	Family       ruleset.Family
	Table, Chain string
	Expressions  []Expression
}

// Expression is one step of a rule: its kind, and its attributes (see
// Attributes).
type Expression struct {
	Name string
	Data []byte
}

// Attributes is the kinds, without their flags, and the data of a list of
// netlink attributes, up to where it is broken.
func Attributes(list []byte) iter.Seq2[uint16, []byte] { return attributes(list) }

// Survey gives the chains and rules of all tables of the families, all of one
// generation of the ruleset. A family that the kernel does not have is empty.
func (c *Conn) Survey(families ...ruleset.Family) (chains []Chain, rules []Rule, err error) {
	for range readings {
		before, err := c.Generation()
		if err != nil {
			return nil, nil, err
		}
		chains, rules, err = c.survey(families)
		if err != nil && !errors.Is(err, ErrChanged) {
			return nil, nil, err
		}
		if after, failed := c.Generation(); failed == nil && err == nil && after == before {
			return chains, rules, nil
		}
	}
	return nil, nil, fmt.Errorf("the ruleset changed %d times while it was read: %w", readings, ErrChanged)
}

func (c *Conn) survey(families []ruleset.Family) (chains []Chain, rules []Rule, err error) {
	for _, f := range families {
		messages, err := c.wire.get(unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, body(f))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, nil, err
		}
		for _, m := range messages {
			if chain, ok := DecodeChain(m); ok {
				chains = append(chains, chain)
			}
		}
		messages, err = c.wire.get(unix.NFT_MSG_GETRULE, unix.NLM_F_DUMP, body(f))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, nil, err
		}
		for _, m := range messages {
			if rule, ok := DecodeRule(m); ok {
				rules = append(rules, rule)
			}
		}
	}
	return chains, rules, nil
}

// DecodeChain reads a chain's message; false if it is none.
func DecodeChain(m ruleset.Message) (c Chain, ok bool) {
	if m.Type != unix.NFT_MSG_NEWCHAIN || len(m.Body) < genericHeader {
		return c, false
	}
	c.Family = ruleset.Family(m.Body[0])
	var base ruleset.Base
	for kind, data := range attributes(m.Body[genericHeader:]) {
		switch kind {
		case unix.NFTA_CHAIN_TABLE:
			c.Table = word(data)
		case unix.NFTA_CHAIN_NAME:
			c.Name = word(data)
		case unix.NFTA_CHAIN_TYPE:
			base.Type = word(data)
		case unix.NFTA_CHAIN_POLICY:
			base.Drop = number(data) == nfDrop
		case unix.NFTA_CHAIN_HOOK:
			c.Base = &base
			base.Hook, base.Priority = hook(data)
		}
	}
	return c, c.Table != "" && c.Name != ""
}

const nfDrop = 0 // NF_DROP of linux/netfilter.h

func hook(list []byte) (h ruleset.Hook, priority int32) {
	for kind, data := range attributes(list) {
		switch kind {
		case unix.NFTA_HOOK_HOOKNUM:
			h = ruleset.Hook(number(data))
		case unix.NFTA_HOOK_PRIORITY:
			priority = int32(number(data))
		}
	}
	return h, priority
}

// DecodeRule reads a rule's message; false if it is none.
func DecodeRule(m ruleset.Message) (r Rule, ok bool) {
	if m.Type != unix.NFT_MSG_NEWRULE || len(m.Body) < genericHeader {
		return r, false
	}
	r.Family = ruleset.Family(m.Body[0])
	for kind, data := range attributes(m.Body[genericHeader:]) {
		switch kind {
		case unix.NFTA_RULE_TABLE:
			r.Table = word(data)
		case unix.NFTA_RULE_CHAIN:
			r.Chain = word(data)
		case unix.NFTA_RULE_EXPRESSIONS:
			r.Expressions = expressions(data)
		}
	}
	return r, r.Table != "" && r.Chain != ""
}

func expressions(list []byte) (all []Expression) {
	for _, element := range attributes(list) {
		var e Expression
		for kind, data := range attributes(element) {
			switch kind {
			case unix.NFTA_EXPR_NAME:
				e.Name = word(data)
			case unix.NFTA_EXPR_DATA:
				e.Data = data
			}
		}
		all = append(all, e)
	}
	return all
}

// word is an attribute that is a string.
func word(data []byte) string { return string(bytes.TrimSuffix(data, []byte{0})) }

// number is an attribute that is a 32-bit number; 0 where it is not.
func number(data []byte) uint32 {
	if len(data) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(data)
}

// Fragment gives what the kernel has of one chain: the message about its table,
// the one about itself and those about its rules. Nothing: the table is not
// there; one message: the chain is not.
func (c *Conn) Fragment(family ruleset.Family, table, chain string) ([]ruleset.Message, error) {
	all, err := c.table(family, table)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	itself, err := c.wire.get(unix.NFT_MSG_GETCHAIN, 0,
		body(family, text(unix.NFTA_CHAIN_TABLE, table), text(unix.NFTA_CHAIN_NAME, chain)))
	if errors.Is(err, os.ErrNotExist) {
		return all, nil
	} else if err != nil {
		return nil, err
	}
	rules, err := c.wire.get(unix.NFT_MSG_GETRULE, unix.NLM_F_DUMP,
		body(family, text(unix.NFTA_RULE_TABLE, table), text(unix.NFTA_RULE_CHAIN, chain)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrChanged
	} else if err != nil {
		return nil, err
	}
	for _, m := range rules { // old kernels heed neither table nor chain
		if r, ok := DecodeRule(m); ok && r.Table == table && r.Chain == chain {
			itself = append(itself, m)
		}
	}
	return slices.Concat(all, itself), nil
}

// Commit sends a batch: all of it takes effect, or nothing. It fails with
// ErrChanged if the ruleset's generation is not genid any more.
func (c *Conn) Commit(genid uint32, batch []ruleset.Message) error {
	return c.wire.commit(genid, batch)
}
