package ruleset

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Decode reads a table from messages: our own or a dump's. What this package
// has no word for becomes foreign, whole: whatever is decoded encodes to the
// same attributes again, so two tables are equal only if the kernel's are.
// Messages of other tables are passed over; nil is no table.
func Decode(family Family, name string, messages []Message) (*Table, error) {
	d := decoder{table: &Table{Family: family, Name: name}, elements: map[string][]element{}}
	for _, m := range messages {
		if err := d.message(m); err != nil {
			return nil, err
		}
	}
	if !d.found {
		return nil, nil
	}
	for i := range d.table.Sets {
		d.fill(&d.table.Sets[i])
	}
	d.orphans()
	return d.table, nil
}

type decoder struct {
	table    *Table
	found    bool
	elements map[string][]element // as read, by set
}

// genericHeader is the bytes of struct nfgenmsg.
const genericHeader = 4

func (d *decoder) message(m Message) error {
	if len(m.Body) < genericHeader {
		return fmt.Errorf("a message of type %d is cut short", m.Type)
	}
	if Family(m.Body[0]) != d.table.Family {
		return nil
	}
	list, ok := readAttrs(m.Body[genericHeader:])
	if !ok {
		return fmt.Errorf("a message of type %d is broken", m.Type)
	}
	o := object{attrs: list, raw: m.Body[genericHeader:]}
	// In all of these, attribute 1 is the table's name.
	if name, ok := o.text(1); !ok || name != d.table.Name {
		return nil
	}
	switch m.Type {
	case unix.NFT_MSG_NEWTABLE:
		d.readTable(o)
	case unix.NFT_MSG_NEWOBJ:
		d.readObject(o)
	case unix.NFT_MSG_NEWSET:
		d.readSet(o)
	case unix.NFT_MSG_NEWSETELEM:
		d.readElements(o)
	case unix.NFT_MSG_NEWCHAIN:
		d.readChain(o)
	case unix.NFT_MSG_NEWRULE:
		d.readRule(o)
	default:
		d.foreign(fmt.Sprintf("object of message type %d", m.Type), o)
	}
	return nil
}

func (d *decoder) foreign(name string, o object) {
	d.table.Foreign = append(d.table.Foreign, Foreign{name, bytes.Clone(o.raw)})
}

// object is the attributes of one message.
type object struct {
	attrs []attr
	raw   []byte
}

func (o object) find(kind uint16) (attr, bool) {
	i := slices.IndexFunc(o.attrs, func(a attr) bool { return a.kind == kind })
	if i < 0 {
		return attr{}, false
	}
	return o.attrs[i], true
}

func (o object) text(kind uint16) (string, bool) {
	a, ok := o.find(kind)
	if !ok {
		return "", false
	}
	return a.text()
}

func (o object) u32(kind uint16) uint32 {
	a, _ := o.find(kind)
	v, _ := a.u32()
	return v
}

// has reports whether the attribute is there with this value.
func (o object) has(kind uint16, want uint32) bool {
	a, _ := o.find(kind)
	v, ok := a.u32()
	return ok && v == want
}

func (o object) u64(kind uint16) uint64 {
	a, _ := o.find(kind)
	v, _ := a.u64()
	return v
}

func (o object) bytes(kind uint16) []byte {
	a, _ := o.find(kind)
	return a.data
}

// only reports whether there are no attributes but these, each at most once.
func (o object) only(kinds ...uint16) bool {
	return !repeated(o.attrs) && !slices.ContainsFunc(o.attrs, func(a attr) bool { return !slices.Contains(kinds, a.kind) })
}

// Attributes that golang.org/x/sys lacks (linux/netfilter/nf_tables.h).
const (
	tableHandle        = 4  // NFTA_TABLE_HANDLE
	tablePad           = 5  // NFTA_TABLE_PAD
	objectHandle       = 6  // NFTA_OBJ_HANDLE
	objectPad          = 7  // NFTA_OBJ_PAD
	chainFlags         = 10 // NFTA_CHAIN_FLAGS
	chainUserdata      = 12 // NFTA_CHAIN_USERDATA
	setHandle          = 16 // NFTA_SET_HANDLE
	elementExpressions = 11 // NFTA_SET_ELEM_EXPRESSIONS
	setCount           = 20 // NFTA_SET_COUNT
	setType            = 19 // NFTA_SET_TYPE
)

// onlyText is the text of one piece of user data, if that is all there is.
func onlyText(data []byte, kind byte) (string, bool) {
	if len(data) < 4 {
		return "", len(data) == 0
	}
	text, closed := bytes.CutSuffix(data[2:], []byte{0})
	return string(text), closed && data[0] == kind && int(data[1]) == len(data)-2 && !bytes.Contains(text, []byte{0})
}

func (d *decoder) readTable(o object) {
	d.found = true
	comment, ok := onlyText(o.bytes(tableUserdata), tableComment)
	d.table.Comment = comment
	known := o.only(unix.NFTA_TABLE_NAME, unix.NFTA_TABLE_FLAGS, unix.NFTA_TABLE_USE, tableHandle, tablePad, tableUserdata)
	if !ok || !known || !o.has(unix.NFTA_TABLE_FLAGS, 0) {
		d.foreign("table", object{raw: foreignTableState(o)})
	}
}

// foreignTableState is what of a table's attributes is not ours: its flags and
// its user data.
func foreignTableState(o object) []byte {
	var a attrs
	a.u32(unix.NFTA_TABLE_FLAGS, o.u32(unix.NFTA_TABLE_FLAGS))
	a.bytes(tableUserdata, o.bytes(tableUserdata))
	return a
}

func (d *decoder) readObject(o object) {
	name, ok := o.text(unix.NFTA_OBJ_NAME)
	known := o.only(unix.NFTA_OBJ_TABLE, unix.NFTA_OBJ_NAME, unix.NFTA_OBJ_TYPE, unix.NFTA_OBJ_DATA, unix.NFTA_OBJ_USE, objectHandle, objectPad)
	c := Counter{Name: name}
	ok = ok && known && o.u32(unix.NFTA_OBJ_TYPE) == objectCounter && fields(o.bytes(unix.NFTA_OBJ_DATA), map[uint16]any{
		unix.NFTA_COUNTER_BYTES: &c.Bytes, unix.NFTA_COUNTER_PACKETS: &c.Packets, unix.NFTA_COUNTER_PAD: nil,
	})
	if !ok {
		d.foreign("object "+name, object{raw: stableObject(o)})
		return
	}
	d.table.Counters = append(d.table.Counters, c)
}

// stableObject is a foreign object's name and type: its data is of the moment.
func stableObject(o object) []byte {
	var a attrs
	a.bytes(unix.NFTA_OBJ_NAME, o.bytes(unix.NFTA_OBJ_NAME))
	a.u32(unix.NFTA_OBJ_TYPE, o.u32(unix.NFTA_OBJ_TYPE))
	return a
}

func (d *decoder) readChain(o object) {
	name, ok := o.text(unix.NFTA_CHAIN_NAME)
	if !ok {
		d.foreign("chain", o)
		return
	}
	c := Chain{Name: name}
	if hook, based := o.find(unix.NFTA_CHAIN_HOOK); based {
		c.Base, ok = readBase(hook, o)
	}
	known := o.only(unix.NFTA_CHAIN_TABLE, unix.NFTA_CHAIN_NAME, unix.NFTA_CHAIN_HANDLE, unix.NFTA_CHAIN_HOOK,
		unix.NFTA_CHAIN_POLICY, unix.NFTA_CHAIN_USE, unix.NFTA_CHAIN_TYPE, chainFlags, unix.NFTA_CHAIN_COUNTERS)
	const baseFlag = 1 // NFT_CHAIN_BASE
	if !ok || !known || o.u32(chainFlags)&^baseFlag != 0 || o.bytes(unix.NFTA_CHAIN_COUNTERS) != nil {
		d.foreign("chain "+name, object{raw: stableChain(o)})
	}
	d.table.Chains = append(d.table.Chains, c)
}

// stableChain is what of a chain's attributes stays the same.
func stableChain(o object) (a attrs) {
	for _, kind := range []uint16{unix.NFTA_CHAIN_NAME, unix.NFTA_CHAIN_HOOK, unix.NFTA_CHAIN_POLICY, unix.NFTA_CHAIN_TYPE, chainFlags, chainUserdata} {
		if data := o.bytes(kind); data != nil {
			a.bytes(kind, data)
		}
	}
	return a
}

func readBase(hook attr, o object) (b *Base, ok bool) {
	var number, priority uint32
	ok = fields(hook.data, map[uint16]any{unix.NFTA_HOOK_HOOKNUM: &number, unix.NFTA_HOOK_PRIORITY: &priority})
	b = &Base{Hook: Hook(number), Priority: int32(priority), Drop: o.u32(unix.NFTA_CHAIN_POLICY) == 0}
	kind, typed := o.text(unix.NFTA_CHAIN_TYPE)
	b.Type = kind
	return b, ok && typed && number <= uint32(HookPostrouting) && o.has(unix.NFTA_CHAIN_POLICY, b.policy())
}

func (d *decoder) readRule(o object) {
	name, _ := o.text(unix.NFTA_RULE_CHAIN)
	i := slices.IndexFunc(d.table.Chains, func(c Chain) bool { return c.Name == name })
	if i < 0 {
		d.foreign("rule of chain "+name, o)
		return
	}
	r := Rule{Handle: o.u64(unix.NFTA_RULE_HANDLE), Statements: decodeProgram(d.table.Family, o.bytes(unix.NFTA_RULE_EXPRESSIONS))}
	comment, ok := onlyText(o.bytes(unix.NFTA_RULE_USERDATA), ruleComment)
	r.Comment = comment
	if !ok {
		r.Statements = append(r.Statements, Foreign{"user data", bytes.Clone(o.bytes(unix.NFTA_RULE_USERDATA))})
	}
	if !o.only(unix.NFTA_RULE_TABLE, unix.NFTA_RULE_CHAIN, unix.NFTA_RULE_HANDLE, unix.NFTA_RULE_EXPRESSIONS,
		unix.NFTA_RULE_POSITION, unix.NFTA_RULE_USERDATA, unix.NFTA_RULE_ID) {
		r.Statements = append(r.Statements, Foreign{"rule attributes", bytes.Clone(o.raw)})
	}
	d.table.Chains[i].Rules = append(d.table.Chains[i].Rules, r)
}

func (d *decoder) readSet(o object) {
	name, ok := o.text(unix.NFTA_SET_NAME)
	if !ok {
		d.foreign("set", o)
		return
	}
	flags := o.u32(unix.NFTA_SET_FLAGS)
	s := Set{
		Name: name, Key: typeOf(o.u32(unix.NFTA_SET_KEY_TYPE)), Lifetime: time.Duration(o.u64(unix.NFTA_SET_TIMEOUT)) * time.Millisecond,
		Map: flags&unix.NFT_SET_MAP != 0, Interval: flags&unix.NFT_SET_INTERVAL != 0,
		Timeout: flags&unix.NFT_SET_TIMEOUT != 0, Dynamic: flags&unix.NFT_SET_EVAL != 0,
		Unnamed: flags&unix.NFT_SET_ANONYMOUS != 0,
	}
	ok = uint64(s.Lifetime/time.Millisecond) == o.u64(unix.NFTA_SET_TIMEOUT) && fields(o.bytes(unix.NFTA_SET_DESC), map[uint16]any{unix.NFTA_SET_DESC_SIZE: &s.Size})
	s.Comment = setCommentOf(o.bytes(unix.NFTA_SET_USERDATA))
	if !ok || !s.sameAs(o) {
		s.Raw = stableSet(o)
	}
	d.table.Sets = append(d.table.Sets, s)
}

func typeOf(id uint32) *DataType {
	i := slices.IndexFunc(Types, func(t *DataType) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return Types[i]
}

// setCommentOf is the comment among a set's user data, if it is well formed.
func setCommentOf(data []byte) string {
	for len(data) >= 2 && len(data) >= 2+int(data[1]) {
		if data[0] == setComment {
			text, _ := attr{data: data[2 : 2+int(data[1])]}.text()
			return text
		}
		data = data[2+int(data[1]):]
	}
	return ""
}

// sameAs reports whether the set says all that the attributes say.
func (s *Set) sameAs(o object) bool {
	known := o.only(unix.NFTA_SET_TABLE, unix.NFTA_SET_NAME, unix.NFTA_SET_FLAGS, unix.NFTA_SET_KEY_TYPE, unix.NFTA_SET_KEY_LEN,
		unix.NFTA_SET_DATA_TYPE, unix.NFTA_SET_DATA_LEN, unix.NFTA_SET_ID, unix.NFTA_SET_DESC, unix.NFTA_SET_TIMEOUT,
		unix.NFTA_SET_USERDATA, setHandle, unix.NFTA_SET_PAD, unix.NFTA_SET_POLICY, setCount, setType)
	return known && s.Key != nil && s.kernelFlags() == o.u32(unix.NFTA_SET_FLAGS) && o.u32(unix.NFTA_SET_POLICY) == 0 &&
		o.u32(unix.NFTA_SET_KEY_LEN) == uint32(s.Key.Len) && (!s.Map || o.u32(unix.NFTA_SET_DATA_TYPE) == dataVerdict) &&
		bytes.Equal(s.userdata(), o.bytes(unix.NFTA_SET_USERDATA))
}

// stableSet is what of a set's attributes stays the same.
func stableSet(o object) (a attrs) {
	for _, kind := range []uint16{unix.NFTA_SET_FLAGS, unix.NFTA_SET_KEY_TYPE, unix.NFTA_SET_KEY_LEN, unix.NFTA_SET_DATA_TYPE,
		unix.NFTA_SET_DATA_LEN, unix.NFTA_SET_POLICY, unix.NFTA_SET_DESC, unix.NFTA_SET_TIMEOUT, unix.NFTA_SET_USERDATA} {
		if data := o.bytes(kind); data != nil {
			a.bytes(kind, data)
		}
	}
	return a
}
