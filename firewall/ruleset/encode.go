package ruleset

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Kinds of object with a type, and of data (linux/netfilter/nf_tables.h).
const (
	objectCounter = 1          // NFT_OBJECT_COUNTER
	dataVerdict   = 0xffffff00 // NFT_DATA_VERDICT
	tableUserdata = 6          // NFTA_TABLE_USERDATA
)

// Encode gives the messages that create the table and all in it, in an order
// that the kernel accepts: what is referred to comes first. A table with foreign
// objects cannot be encoded; foreign expressions can, as they were read.
func (t *Table) Encode() ([]Message, error) { return t.encode(t.EncodeElements) }

// Stream is Encode with the elements of sets as StreamElements gives them.
func (t *Table) Stream() ([]Message, error) { return t.encode(t.StreamElements) }

func (t *Table) encode(elements func(*Set) []Message) ([]Message, error) {
	if err := t.Encodable(); err != nil {
		return nil, err
	}
	messages := []Message{t.EncodeTable()}
	for i := range t.Counters {
		messages = append(messages, t.EncodeCounter(&t.Counters[i]))
	}
	for i := range t.Sets {
		messages = append(messages, t.EncodeSet(&t.Sets[i]))
	}
	for i := range t.Chains {
		messages = append(messages, t.EncodeChain(&t.Chains[i]))
	}
	for i := range t.Sets {
		messages = append(messages, elements(&t.Sets[i])...)
	}
	for i := range t.Chains {
		rules, err := t.EncodeRules(&t.Chains[i])
		if err != nil {
			return nil, err
		}
		messages = append(messages, rules...)
	}
	return messages, nil
}

// message begins a message with its nfgenmsg header: family, version 0 and
// resource 0.
func (t *Table) message(kind uint8, flags uint16, about string, inside func(a *attrs)) Message {
	body := attrs{byte(t.Family), unix.NFNETLINK_V0, 0, 0}
	inside(&body)
	return Message{Type: kind, Flags: flags, Body: body, About: about}
}

// EncodeTable creates the table.
func (t *Table) EncodeTable() Message {
	return t.message(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, "table "+t.Name, func(a *attrs) {
		a.text(unix.NFTA_TABLE_NAME, t.Name)
		a.u32(unix.NFTA_TABLE_FLAGS, 0)
		if t.Comment != "" {
			a.bytes(tableUserdata, comment(tableComment, t.Comment))
		}
	})
}

// EncodeCounter creates a counter, empty.
func (t *Table) EncodeCounter(c *Counter) Message {
	return t.message(unix.NFT_MSG_NEWOBJ, unix.NLM_F_CREATE, "counter "+c.Name, func(a *attrs) {
		a.text(unix.NFTA_OBJ_TABLE, t.Name)
		a.text(unix.NFTA_OBJ_NAME, c.Name)
		a.u32(unix.NFTA_OBJ_TYPE, objectCounter)
		a.nest(unix.NFTA_OBJ_DATA, func() {})
	})
}

// EncodeSet creates a set, empty.
func (t *Table) EncodeSet(s *Set) Message {
	return t.message(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, "set "+s.Name, func(a *attrs) {
		a.text(unix.NFTA_SET_TABLE, t.Name)
		a.text(unix.NFTA_SET_NAME, s.Name)
		a.u32(unix.NFTA_SET_FLAGS, s.kernelFlags())
		a.u32(unix.NFTA_SET_KEY_TYPE, s.Key.ID)
		a.u32(unix.NFTA_SET_KEY_LEN, uint32(s.Key.Len))
		a.u32(unix.NFTA_SET_ID, 0)
		if s.Map {
			a.u32(unix.NFTA_SET_DATA_TYPE, dataVerdict)
		}
		if s.Lifetime > 0 {
			a.u64(unix.NFTA_SET_TIMEOUT, uint64(s.Lifetime.Milliseconds()))
		}
		if s.Size > 0 {
			a.nest(unix.NFTA_SET_DESC, func() { a.u32(unix.NFTA_SET_DESC_SIZE, s.Size) })
		}
		a.bytes(unix.NFTA_SET_USERDATA, s.userdata())
	})
}

// kernelFlags is enum nft_set_flags of linux/netfilter/nf_tables.h.
func (s *Set) kernelFlags() (flags uint32) {
	for _, row := range []struct {
		on   bool
		flag uint32
	}{
		{s.Interval, unix.NFT_SET_INTERVAL}, {s.Map, unix.NFT_SET_MAP},
		{s.Timeout, unix.NFT_SET_TIMEOUT}, {s.Dynamic, unix.NFT_SET_EVAL},
	} {
		if row.on {
			flags |= row.flag
		}
	}
	return flags
}

// EncodeChain creates a chain, empty.
func (t *Table) EncodeChain(c *Chain) Message {
	return t.message(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, "chain "+c.Name, func(a *attrs) {
		a.text(unix.NFTA_CHAIN_TABLE, t.Name)
		a.text(unix.NFTA_CHAIN_NAME, c.Name)
		if c.Base == nil {
			return
		}
		a.nest(unix.NFTA_CHAIN_HOOK, func() {
			a.u32(unix.NFTA_HOOK_HOOKNUM, uint32(c.Base.Hook))
			a.u32(unix.NFTA_HOOK_PRIORITY, uint32(c.Base.Priority))
		})
		a.u32(unix.NFTA_CHAIN_POLICY, c.Base.policy())
		a.text(unix.NFTA_CHAIN_TYPE, c.Base.Type)
	})
}

// policy is NF_DROP or NF_ACCEPT of linux/netfilter.h.
func (b *Base) policy() uint32 {
	if b.Drop {
		return 0
	}
	return 1
}

// EncodeRules appends the chain's rules to the chain.
func (t *Table) EncodeRules(c *Chain) ([]Message, error) {
	messages := make([]Message, len(c.Rules))
	for i := range c.Rules {
		m, err := t.EncodeRule(c, i)
		if err != nil {
			return nil, err
		}
		messages[i] = m
	}
	return messages, nil
}

// EncodeRule appends the i-th of the chain's rules to the chain.
func (t *Table) EncodeRule(c *Chain, i int) (Message, error) {
	r := &c.Rules[i]
	about := fmt.Sprintf("rule %d of chain %s%s", i+1, c.Name, r.about())
	expressions, err := t.expressions(r)
	if err == nil {
		err = checkText("its comment", r.Comment, maxComment)
	}
	if err != nil {
		return Message{}, fmt.Errorf("%s: %w", about, err)
	}
	return t.message(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, about, func(a *attrs) {
		a.text(unix.NFTA_RULE_TABLE, t.Name)
		a.text(unix.NFTA_RULE_CHAIN, c.Name)
		a.bytes(unix.NFTA_RULE_EXPRESSIONS|unix.NLA_F_NESTED, expressions)
		if r.Comment != "" {
			a.bytes(unix.NFTA_RULE_USERDATA, comment(ruleComment, r.Comment))
		}
	}), nil
}

// about is what an error says of the rule besides its place: its comment and
// the policy line it comes from.
func (r *Rule) about() string {
	switch {
	case r.Comment != "" && r.Origin != "":
		return fmt.Sprintf(" (%s, %s)", r.Comment, r.Origin)
	case r.Comment+r.Origin != "":
		return fmt.Sprintf(" (%s)", r.Comment+r.Origin)
	}
	return ""
}

// expressions is the rule's program as a list of attributes.
func (t *Table) expressions(r *Rule) (list attrs, err error) {
	for _, s := range r.Statements {
		if f, ok := s.(Foreign); ok {
			if strings.Contains(f.Name, " ") {
				return nil, fmt.Errorf("its %s cannot be encoded", f.Name)
			}
			list.nest(unix.NFTA_LIST_ELEM, func() {
				list.text(unix.NFTA_EXPR_NAME, f.Name)
				list.bytes(unix.NFTA_EXPR_DATA|unix.NLA_F_NESTED, f.Data)
			})
			continue
		}
		program, err := instructions(s)
		if err != nil {
			return nil, err
		}
		for _, e := range program {
			data, err := expr.Marshal(byte(t.Family), e)
			if err != nil {
				return nil, err
			}
			list.bytes(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, data)
		}
	}
	if len(list) > maxAttr {
		return nil, errors.New("it is too long: a rule's expressions take at most 64 KiB")
	}
	return list, nil
}

// Kinds of user data: TLVs in which nft keeps what the kernel does not know
// (libnftnl's udata.h).
const (
	ruleComment  = 0
	tableComment = 0

	setKeyByteorder  = 0
	setDataByteorder = 1
	setDataInterval  = 6
	setComment       = 7
	elementFlags     = 1
)

// Byte orders as nft numbers them (include/datatype.h).
const (
	orderNone = 0
	orderHost = 1
	orderBig  = 2
)

// tlv appends one piece of user data.
func tlv(to []byte, kind byte, data ...byte) []byte {
	return append(append(to, kind, byte(len(data))), data...)
}

func comment(kind byte, text string) []byte {
	return tlv(nil, kind, append([]byte(text), 0)...)
}

// userdata is what nft 1.0.6 keeps with a set.
func (s *Set) userdata() []byte {
	data := tlv(nil, setKeyByteorder, hostU32(s.Key.byteOrder())...)
	if s.Map {
		data = tlv(data, setDataByteorder, hostU32(orderNone)...)
		data = tlv(data, setDataInterval, hostU32(0)...)
	}
	if s.Comment != "" {
		data = tlv(data, setComment, append([]byte(s.Comment), 0)...)
	}
	return data
}

// byteOrder is the order nft gives the type in its own table of them.
func (t *DataType) byteOrder() byte {
	switch {
	case t == TypeProto || t == TypeNFProto:
		return orderNone
	case t.HostOrder:
		return orderHost
	}
	return orderBig
}

// seconds is the unit of a limit.
func seconds(unit time.Duration) expr.LimitTime { return expr.LimitTime(unit / time.Second) }
