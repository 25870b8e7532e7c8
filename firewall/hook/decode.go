package hook

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// attributes is a list of netlink attributes.
type attributes []byte

func (a attributes) find(want uint16) []byte {
	for kind, data := range kernel.Attributes(a) {
		if kind == want {
			return data
		}
	}
	return nil
}

func (a attributes) within(kinds ...uint16) attributes {
	for _, kind := range kinds {
		a = a.find(kind)
	}
	return a
}

// number is an attribute that is a number of up to eight bytes; 0 where it is not
// there.
func (a attributes) number(kind uint16) uint64 {
	data := a.find(kind)
	if len(data) > 8 {
		return 0
	}
	return big(data)
}

// big is a number in the network's order.
func big(b []byte) (n uint64) {
	for _, one := range b {
		n = n<<8 | uint64(one)
	}
	return n
}

func (a attributes) word(kind uint16) string { return string(bytes.TrimRight(a.find(kind), "\x00")) }

// Attributes that golang.org/x/sys lacks, and bits (linux/netfilter/nf_tables.h).
const (
	tableHandle   = 4  // NFTA_TABLE_HANDLE
	hookDevices   = 4  // NFTA_HOOK_DEVS
	deviceName    = 1  // NFTA_DEVICE_NAME
	setCount      = 20 // NFTA_SET_COUNT
	elementKeyEnd = 10 // NFTA_SET_ELEM_KEY_END
	elementExprs  = 11 // NFTA_SET_ELEM_EXPRESSIONS
	descConcat    = 2  // NFTA_SET_DESC_CONCAT
	fieldLen      = 1  // NFTA_SET_FIELD_LEN
	catchAll      = 2  // NFT_SET_ELEM_CATCHALL
	dormantFlag   = 1  // NFT_TABLE_F_DORMANT
	ruleComment   = 0  // NFTNL_UDATA_RULE_COMMENT of libnftnl/udata.h
)

// decode reads the messages of all tables.
func decode(messages []ruleset.Message) map[tableKey]*table {
	tables := map[tableKey]*table{}
	for _, m := range messages {
		const generic = 4 // bytes of struct nfgenmsg
		if len(m.Body) < generic {
			continue
		}
		a := attributes(m.Body[generic:])
		key := tableKey{m.Body[0], a.word(1)} // in all of these, attribute 1 is the table's name
		t := tables[key]
		if t == nil {
			t = &table{tableKey: key, chains: map[string]*chain{}, sets: map[string]*set{}}
			tables[key] = t
		}
		switch m.Type {
		case unix.NFT_MSG_NEWTABLE:
			t.handle, t.dormant = a.number(tableHandle), a.number(unix.NFTA_TABLE_FLAGS)&dormantFlag != 0
		case unix.NFT_MSG_NEWCHAIN:
			t.addChain(a)
		case unix.NFT_MSG_NEWRULE:
			t.addRule(a)
		case unix.NFT_MSG_NEWSET:
			t.addSet(a)
		case unix.NFT_MSG_NEWSETELEM:
			t.addElements(a)
		}
	}
	for _, t := range tables {
		for _, s := range t.sets {
			s.settle()
		}
	}
	return tables
}

// chain is the table's chain of that name, made if it is not there.
func (t *table) chain(name string) *chain {
	c := t.chains[name]
	if c == nil {
		c = &chain{table: t, name: name}
		t.chains[name] = c
	}
	return c
}

func (t *table) addChain(a attributes) {
	c := t.chain(a.word(unix.NFTA_CHAIN_NAME))
	c.handle = a.number(unix.NFTA_CHAIN_HANDLE)
	hook := attributes(a.find(unix.NFTA_CHAIN_HOOK))
	if hook == nil {
		return
	}
	c.based, c.kind = true, a.word(unix.NFTA_CHAIN_TYPE)
	c.hook = uint32(hook.number(unix.NFTA_HOOK_HOOKNUM))
	c.priority = int32(uint32(hook.number(unix.NFTA_HOOK_PRIORITY)))
	c.drop = a.find(unix.NFTA_CHAIN_POLICY) != nil && a.number(unix.NFTA_CHAIN_POLICY) == nfDrop
	if one := hook.word(unix.NFTA_HOOK_DEV); one != "" {
		c.devices = append(c.devices, one)
	}
	for kind, data := range kernel.Attributes(hook.find(hookDevices)) {
		if name := string(bytes.TrimRight(data, "\x00")); kind == deviceName {
			c.devices = append(c.devices, name)
		}
	}
}

func (t *table) addRule(a attributes) {
	c := t.chain(a.word(unix.NFTA_RULE_CHAIN))
	r := rule{comment: commentOf(a.find(unix.NFTA_RULE_USERDATA))}
	for _, element := range kernel.Attributes(a.find(unix.NFTA_RULE_EXPRESSIONS)) {
		e := attributes(element)
		r.steps = append(r.steps, expression{e.word(unix.NFTA_EXPR_NAME), e.find(unix.NFTA_EXPR_DATA)})
	}
	c.rules = append(c.rules, r)
}

// commentOf is the comment among a rule's user data: kind, length, text.
func commentOf(data []byte) string {
	for len(data) >= 2 && len(data) >= 2+int(data[1]) {
		if data[0] == ruleComment {
			return string(bytes.TrimRight(data[2:2+int(data[1])], "\x00"))
		}
		data = data[2+int(data[1]):]
	}
	return ""
}

// verdict is what becomes of a packet for now; chain is where a jump or goto
// leads.
type verdict struct {
	code  int32
	chain string
}

// Verdict codes of linux/netfilter.h and, below zero, of linux/netfilter/nf_tables.h.
const (
	nfDrop   = 0
	nfAccept = 1

	nftContinue = -1
	nftBreak    = -2
	nftJump     = -3
	nftGoto     = -4
	nftReturn   = -5
)

// verdictOf reads NFTA_DATA_VERDICT; nil is no verdict.
func verdictOf(data attributes) *verdict {
	v := data.within(unix.NFTA_DATA_VERDICT)
	if v == nil {
		return nil
	}
	code := v.find(unix.NFTA_VERDICT_CODE)
	if len(code) != 4 {
		return nil
	}
	return &verdict{int32(binary.BigEndian.Uint32(code)), v.word(unix.NFTA_VERDICT_CHAIN)}
}
