package ruleset

import (
	"golang.org/x/sys/unix"
)

// The messages below take objects of a table away, or put one in the place of
// another. A batch of them takes effect as a whole.

// DeleteTable takes the table away with all in it.
func (t *Table) DeleteTable() Message {
	return t.message(unix.NFT_MSG_DELTABLE, 0, "table "+t.Name, func(a *attrs) {
		a.text(unix.NFTA_TABLE_NAME, t.Name)
	})
}

// FlushChain takes all rules of a chain away.
func (t *Table) FlushChain(name string) Message {
	return t.message(unix.NFT_MSG_DELRULE, 0, "the rules of chain "+name, func(a *attrs) {
		a.text(unix.NFTA_RULE_TABLE, t.Name)
		a.text(unix.NFTA_RULE_CHAIN, name)
	})
}

// DeleteRule takes one rule away, by the kernel's number for it.
func (t *Table) DeleteRule(chain string, handle uint64) Message {
	return t.message(unix.NFT_MSG_DELRULE, 0, "a rule of chain "+chain, func(a *attrs) {
		a.text(unix.NFTA_RULE_TABLE, t.Name)
		a.text(unix.NFTA_RULE_CHAIN, chain)
		a.u64(unix.NFTA_RULE_HANDLE, handle)
	})
}

// ReplaceRule puts the i-th rule of the chain in the place of the rule that has
// the handle: no packet meets both, or neither.
func (t *Table) ReplaceRule(c *Chain, i int, handle uint64) (Message, error) {
	m, err := t.EncodeRule(c, i)
	if err != nil {
		return m, err
	}
	m.Flags = unix.NLM_F_REPLACE
	body := attrs(m.Body)
	body.u64(unix.NFTA_RULE_HANDLE, handle)
	m.Body = body
	return m, nil
}

// DeleteChain takes an empty chain away that nothing refers to.
func (t *Table) DeleteChain(name string) Message {
	return t.message(unix.NFT_MSG_DELCHAIN, 0, "chain "+name, func(a *attrs) {
		a.text(unix.NFTA_CHAIN_TABLE, t.Name)
		a.text(unix.NFTA_CHAIN_NAME, name)
	})
}

// FlushSet takes all elements of a set away.
func (t *Table) FlushSet(name string) Message {
	return t.message(unix.NFT_MSG_DELSETELEM, 0, "the elements of set "+name, func(a *attrs) {
		a.text(unix.NFTA_SET_ELEM_LIST_TABLE, t.Name)
		a.text(unix.NFTA_SET_ELEM_LIST_SET, name)
	})
}

// DeleteSet takes a set away that no rule uses.
func (t *Table) DeleteSet(name string) Message {
	return t.message(unix.NFT_MSG_DELSET, 0, "set "+name, func(a *attrs) {
		a.text(unix.NFTA_SET_TABLE, t.Name)
		a.text(unix.NFTA_SET_NAME, name)
	})
}

// DeleteCounter takes a counter away that no rule uses.
func (t *Table) DeleteCounter(name string) Message {
	return t.message(unix.NFT_MSG_DELOBJ, 0, "counter "+name, func(a *attrs) {
		a.text(unix.NFTA_OBJ_TABLE, t.Name)
		a.text(unix.NFTA_OBJ_NAME, name)
		a.u32(unix.NFTA_OBJ_TYPE, objectCounter)
	})
}

// TextAttribute is an attribute that is a string, for requests.
func TextAttribute(kind uint16, s string) []byte {
	var a attrs
	a.text(kind, s)
	return a
}

// GenerationID is the number of the kernel's ruleset, if the message is the
// answer to NFT_MSG_GETGEN.
func GenerationID(m Message) (id uint32, ok bool) {
	if m.Type != unix.NFT_MSG_NEWGEN || len(m.Body) < genericHeader {
		return 0, false
	}
	list, ok := readAttrs(m.Body[genericHeader:])
	if !ok {
		return 0, false
	}
	a, ok := object{attrs: list}.find(unix.NFTA_GEN_ID)
	if !ok {
		return 0, false
	}
	return a.u32()
}

// SetNames is the names of the sets of a table among a dump's messages.
func SetNames(family Family, table string, messages []Message) (names []string) {
	for _, m := range messages {
		if m.Type != unix.NFT_MSG_NEWSET || len(m.Body) < genericHeader || Family(m.Body[0]) != family {
			continue
		}
		list, _ := readAttrs(m.Body[genericHeader:])
		o := object{attrs: list}
		in, _ := o.text(unix.NFTA_SET_TABLE)
		if name, ok := o.text(unix.NFTA_SET_NAME); ok && in == table {
			names = append(names, name)
		}
	}
	return names
}
