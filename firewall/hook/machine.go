package hook

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
)

// machine runs the expressions of one rule, as nft_do_chain of
// net/netfilter/nf_tables_core.c does.
type machine struct {
	*walker
	world     world
	registers struct{ data, known [registerBytes]byte }
}

// registerBytes is the verdict's register and sixteen of four bytes (struct
// nft_regs of net/netfilter/nf_tables.h).
const registerBytes = 16 + 16*4

// did is what an expression does. The zero value: it passes the packet on to the
// next one, or it does not, nobody knows.
type did struct {
	match    Tri
	verdicts []verdict // what it may decide
	ends     bool      // and nothing else
	why      string
}

var passes = did{match: Yes}

func perhaps(format string, args ...any) did { return did{why: fmt.Sprintf(format, args...)} }

// decides is a verdict for certain.
func decides(code int32) did { return did{match: Yes, verdicts: []verdict{{code: code}}, ends: true} }

// elsewhere is a packet that goes where we do not follow.
func elsewhere(why string) did {
	return did{match: Yes, verdicts: []verdict{{code: nfElsewhere}}, ends: true, why: why}
}

const nfElsewhere = 2 // NF_STOLEN of linux/netfilter.h

// register is n bytes of a register, from its beginning on. Registers 0 to 4 are of
// 16 bytes, those from 8 on of 4 (nft_parse_register of nf_tables_api.c).
func (m *machine) register(number uint64, n int) bits {
	at := place(number)
	end := min(at+max(n, 0), registerBytes)
	if at > end {
		return bits{}
	}
	return bits{m.registers.data[at:end], m.registers.known[at:end]}
}

func place(number uint64) int {
	const reg32 = 8 // NFT_REG32_00
	if number >= reg32 {
		return int(min(16+(number-reg32)*4, registerBytes))
	}
	return int(number) * 16
}

// set fills a register, the rest of its last four bytes with zero.
func (m *machine) set(number uint64, value bits) did {
	at := place(number)
	for i := range (value.len() + 3) &^ 3 {
		if at+i >= registerBytes {
			break
		}
		m.registers.data[at+i], m.registers.known[at+i] = 0, 0xff
		if i < value.len() {
			m.registers.data[at+i], m.registers.known[at+i] = value.data[i], value.known[i]
		}
	}
	return passes
}

// run runs one expression.
func (m *machine) run(e expression) did {
	if run := expressions[e.name]; run != nil {
		return run(m, e.data)
	}
	m.forget()
	d := perhaps("expression %s is not understood", e.name)
	d.verdicts = []verdict{{code: nfElsewhere}}
	return d
}

// forget makes all registers unknown.
func (m *machine) forget() {
	m.registers.data, m.registers.known = [registerBytes]byte{}, [registerBytes]byte{}
}

// expressions is what the kernel's expressions do, by their names.
var expressions = map[string]func(*machine, attributes) did{
	"immediate": (*machine).immediate, "cmp": (*machine).cmp, "range": (*machine).span, "bitwise": (*machine).bitwise,
	"byteorder": (*machine).byteorder, "lookup": (*machine).lookup, "meta": (*machine).meta, "ct": (*machine).ct,
	"payload": (*machine).payload, "fib": (*machine).fib, "match": (*machine).match, "target": (*machine).target,
	"dynset": (*machine).dynset, "objref": (*machine).objref, "limit": (*machine).limit, "nat": (*machine).nat,
	"counter": pass, "log": pass, "last": pass, "dup": pass,
	"notrack": (*machine).notrack, "reject": fixed(decides(nfDrop)),
	"queue":    fixed(elsewhere("it goes to a program (queue), which decides")),
	"redir":    fixed(elsewhere("it is redirected to another port")),
	"tproxy":   fixed(elsewhere("it goes to a transparent proxy (tproxy)")),
	"synproxy": fixed(elsewhere("a proxy (synproxy) answers it")),
	"masq":     fixed(decides(nfAccept)),
	"quota":    fixed(perhaps("it depends on a quota")), "connlimit": fixed(perhaps("it depends on the number of connections")),
	"numgen": opens(1), "hash": opens(2), "rt": opens(1), "xfrm": opens(1), "tunnel": opens(2), "socket": opens(2),
	"osf": opens(1), "exthdr": opens(1),
}

func pass(*machine, attributes) did { return passes }

func fixed(d did) func(*machine, attributes) did {
	return func(*machine, attributes) did { return d }
}

// opens loads something unknown into the register that attribute kind names, the
// expression's …_DREG in linux/netfilter/nf_tables.h. Some
// of these expressions stop the rule where they find nothing.
func opens(kind uint16) func(*machine, attributes) did {
	return func(m *machine, a attributes) did {
		m.set(a.number(kind), open(16))
		return did{why: "it depends on more than the packet's headers"}
	}
}

// value is NFTA_DATA_VALUE of an attribute.
func (a attributes) value(kind uint16) []byte { return a.within(kind).find(unix.NFTA_DATA_VALUE) }

func (m *machine) immediate(a attributes) did {
	if v := verdictOf(a.within(unix.NFTA_IMMEDIATE_DATA)); v != nil {
		return m.verdict(*v)
	}
	return m.set(a.number(unix.NFTA_IMMEDIATE_DREG), certain(a.value(unix.NFTA_IMMEDIATE_DATA)))
}

func (m *machine) verdict(v verdict) did {
	d := did{match: Yes, verdicts: []verdict{v}, ends: true}
	switch v.code {
	case nftContinue:
		return passes
	case nftBreak:
		return did{match: No}
	case nfDrop, nfAccept, nftJump, nftGoto, nftReturn:
	default:
		d.why = "it goes to a program (queue), which decides"
	}
	return d
}

func (m *machine) cmp(a attributes) did {
	want := a.value(unix.NFTA_CMP_DATA)
	have := m.register(a.number(unix.NFTA_CMP_SREG), len(want))
	least, most := bytes.Compare(have.least(), want), bytes.Compare(have.most(), want)
	var t Tri
	switch a.number(unix.NFTA_CMP_OP) {
	case unix.NFT_CMP_EQ:
		t = have.equals(want)
	case unix.NFT_CMP_NEQ:
		t = have.equals(want).not()
	case unix.NFT_CMP_LT:
		t = bounds(most < 0, least >= 0)
	case unix.NFT_CMP_LTE:
		t = bounds(most <= 0, least > 0)
	case unix.NFT_CMP_GT:
		t = bounds(least > 0, most <= 0)
	case unix.NFT_CMP_GTE:
		t = bounds(least >= 0, most < 0)
	}
	return did{match: t}
}

func bounds(yes, no bool) Tri {
	switch {
	case yes:
		return Yes
	case no:
		return No
	}
	return Perhaps
}

func (m *machine) span(a attributes) did {
	from, to := a.value(unix.NFTA_RANGE_FROM_DATA), a.value(unix.NFTA_RANGE_TO_DATA)
	in := m.register(a.number(unix.NFTA_RANGE_SREG), len(from)).within(from, to)
	return did{match: in.flip(a.number(unix.NFTA_RANGE_OP) == unix.NFT_RANGE_NEQ)}
}

const bitwiseOp = 6 // NFTA_BITWISE_OP; 0 is mask and xor, others shift or take two registers

func (m *machine) bitwise(a attributes) did {
	n := int(a.number(unix.NFTA_BITWISE_LEN))
	source := m.register(a.number(unix.NFTA_BITWISE_SREG), n)
	dreg := a.number(unix.NFTA_BITWISE_DREG)
	if a.number(bitwiseOp) != 0 {
		return m.set(dreg, open(source.len()))
	}
	return m.set(dreg, source.masked(a.value(unix.NFTA_BITWISE_MASK), a.value(unix.NFTA_BITWISE_XOR)))
}

// byteorder turns the numbers in a register around, on machines where the two
// orders differ.
func (m *machine) byteorder(a attributes) did {
	size := int(a.number(unix.NFTA_BYTEORDER_SIZE))
	b := m.register(a.number(unix.NFTA_BYTEORDER_SREG), int(a.number(unix.NFTA_BYTEORDER_LEN))).clone()
	for at := 0; littleEndian && size > 0 && at+size <= b.len(); at += size {
		slices.Reverse(b.data[at : at+size])
		slices.Reverse(b.known[at : at+size])
	}
	return m.set(a.number(unix.NFTA_BYTEORDER_DREG), b)
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

func (m *machine) lookup(a attributes) did {
	set := m.base.table.sets[a.word(unix.NFTA_LOOKUP_SET)]
	if set == nil {
		return perhaps("set %s cannot be read", a.word(unix.NFTA_LOOKUP_SET))
	}
	f := m.snapshot.lookup(m.base.table, set, m.register(a.number(unix.NFTA_LOOKUP_SREG), set.keyLen))
	const invert = 1 // NFT_LOOKUP_F_INV
	if a.find(unix.NFTA_LOOKUP_DREG) == nil {
		return did{match: f.in.flip(a.number(unix.NFTA_LOOKUP_FLAGS)&invert != 0), why: f.why}
	}
	return m.mapped(a.number(unix.NFTA_LOOKUP_DREG), f)
}

// mapped is what a map gives: a verdict, or a value for a register.
func (m *machine) mapped(dreg uint64, f found) did {
	d := did{match: f.in, why: f.why}
	if dreg != unix.NFT_REG_VERDICT {
		value := open(16)
		if f.in == Yes {
			value = certain(f.elements[0].data)
		}
		m.set(dreg, value)
		return d
	}
	d.ends = f.in != No
	for _, e := range f.elements {
		v := verdict{code: nfElsewhere}
		if e.verdict != nil {
			v = *e.verdict
		}
		if v.code == nftContinue {
			d.ends = false
			continue
		}
		if !slices.Contains(d.verdicts, v) {
			d.verdicts = append(d.verdicts, v)
		}
	}
	if f.in == Perhaps && len(f.elements) == 0 { // a set that nobody read
		d.verdicts = []verdict{{code: nfElsewhere}}
	}
	return d
}

// dynset adds to a set, which fails where that is full or has the element, and
// may have a limit with it.
func (m *machine) dynset(a attributes) did {
	const expressionList, invert, remove = 10, 1, 2 // NFTA_DYNSET_EXPRESSIONS, NFT_DYNSET_F_INV, NFT_DYNSET_OP_DELETE
	inner := []attributes{a.find(unix.NFTA_DYNSET_EXPR)}
	for _, e := range kernel.Attributes(a.find(expressionList)) {
		inner = append(inner, e)
	}
	for _, e := range inner {
		if name := e.word(unix.NFTA_EXPR_NAME); name == "limit" {
			return m.limit(e.find(unix.NFTA_EXPR_DATA))
		} else if holds(e) {
			return perhaps("it depends on a %s kept in set %s", name, a.word(unix.NFTA_DYNSET_SET_NAME))
		}
	}
	if a.number(unix.NFTA_DYNSET_OP) == remove || a.number(unix.NFTA_DYNSET_FLAGS)&invert != 0 {
		return perhaps("it depends on what is in set %s", a.word(unix.NFTA_DYNSET_SET_NAME))
	}
	return passes
}
