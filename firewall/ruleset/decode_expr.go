package ruleset

import (
	"time"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// readers read the expressions that we write, from their attributes. A reader
// is strict: what it does not know makes it give nil, because a decoded
// expression must say all that the attributes say.
var readers = map[string]func(data []byte) expr.Any{
	"meta": readMeta, "ct": readCT, "payload": readPayload, "cmp": readCmp, "range": readRange,
	"bitwise": readBitwise, "lookup": readLookup, "immediate": readImmediate, "objref": readObjref,
	"counter": readCounter, "limit": readLimit, "log": readLog, "notrack": readNotrack, "dynset": readDynset,
}

// given is e where ok, and nothing otherwise.
func given(ok bool, e expr.Any) expr.Any {
	if !ok {
		return nil
	}
	return e
}

// value reads NFTA_DATA_VALUE.
func dataValue(data []byte) (value []byte, ok bool) {
	ok = fields(data, map[uint16]any{unix.NFTA_DATA_VALUE: &value}) && value != nil
	return value, ok
}

func readMeta(data []byte) expr.Any {
	var key, dreg uint32
	ok := fields(data, map[uint16]any{unix.NFTA_META_KEY: &key, unix.NFTA_META_DREG: &dreg})
	return given(ok, &expr.Meta{Key: expr.MetaKey(key), Register: dreg})
}

func readCT(data []byte) expr.Any {
	var key, dreg uint32
	ok := fields(data, map[uint16]any{unix.NFTA_CT_KEY: &key, unix.NFTA_CT_DREG: &dreg})
	return given(ok, &expr.Ct{Key: expr.CtKey(key), Register: dreg})
}

func readPayload(data []byte) expr.Any {
	var dreg, base, offset, size uint32
	ok := fields(data, map[uint16]any{unix.NFTA_PAYLOAD_DREG: &dreg, unix.NFTA_PAYLOAD_BASE: &base,
		unix.NFTA_PAYLOAD_OFFSET: &offset, unix.NFTA_PAYLOAD_LEN: &size})
	return given(ok, &expr.Payload{OperationType: expr.PayloadLoad, DestRegister: dreg, Base: expr.PayloadBase(base), Offset: offset, Len: size})
}

func readCmp(data []byte) expr.Any {
	var sreg, op uint32
	var raw []byte
	ok := fields(data, map[uint16]any{unix.NFTA_CMP_SREG: &sreg, unix.NFTA_CMP_OP: &op, unix.NFTA_CMP_DATA: &raw})
	value, fine := dataValue(raw)
	return given(ok && fine, &expr.Cmp{Op: expr.CmpOp(op), Register: sreg, Data: value})
}

func readRange(data []byte) expr.Any {
	var sreg, op uint32
	var from, to []byte
	ok := fields(data, map[uint16]any{unix.NFTA_RANGE_SREG: &sreg, unix.NFTA_RANGE_OP: &op,
		unix.NFTA_RANGE_FROM_DATA: &from, unix.NFTA_RANGE_TO_DATA: &to})
	first, fine := dataValue(from)
	last, well := dataValue(to)
	return given(ok && fine && well, &expr.Range{Op: expr.CmpOp(op), Register: sreg, FromData: first, ToData: last})
}

func readBitwise(data []byte) expr.Any {
	var sreg, dreg, size, op uint32
	var mask, xor []byte
	ok := fields(data, map[uint16]any{unix.NFTA_BITWISE_SREG: &sreg, unix.NFTA_BITWISE_DREG: &dreg, unix.NFTA_BITWISE_LEN: &size,
		unix.NFTA_BITWISE_MASK: &mask, unix.NFTA_BITWISE_XOR: &xor, bitwiseOp: &op})
	m, fine := dataValue(mask)
	x, well := dataValue(xor)
	return given(ok && fine && well && op == 0, &expr.Bitwise{SourceRegister: sreg, DestRegister: dreg, Len: size, Mask: m, Xor: x})
}

const (
	bitwiseOp = 6 // NFTA_BITWISE_OP of linux/netfilter/nf_tables.h; 0 is mask and xor

	lookupInvert = 1 // NFT_LOOKUP_F_INV
	limitInvert  = 1 // NFT_LIMIT_F_INV
	levelWarning = 4 // the level of a log that says none
)

func readLookup(data []byte) expr.Any {
	var e expr.Lookup
	var flags uint32
	dreg := ^uint32(0)
	ok := fields(data, map[uint16]any{unix.NFTA_LOOKUP_SET: &e.SetName, unix.NFTA_LOOKUP_SREG: &e.SourceRegister,
		unix.NFTA_LOOKUP_DREG: &dreg, unix.NFTA_LOOKUP_FLAGS: &flags, unix.NFTA_LOOKUP_SET_ID: nil})
	if dreg != ^uint32(0) {
		e.IsDestRegSet, e.DestRegister = true, dreg
	}
	e.Invert = flags == lookupInvert
	return given(ok && flags&^lookupInvert == 0, &e)
}

// readImmediate knows verdicts only.
func readImmediate(data []byte) expr.Any {
	var dreg uint32
	var raw []byte
	ok := fields(data, map[uint16]any{unix.NFTA_IMMEDIATE_DREG: &dreg, unix.NFTA_IMMEDIATE_DATA: &raw})
	v, fine := readVerdict(raw)
	if !ok || !fine || dreg != unix.NFT_REG_VERDICT {
		return nil
	}
	return v.instruction()
}

func readObjref(data []byte) expr.Any {
	var kind uint32
	var name string
	ok := fields(data, map[uint16]any{unix.NFTA_OBJREF_IMM_TYPE: &kind, unix.NFTA_OBJREF_IMM_NAME: &name})
	return given(ok, &expr.Objref{Type: int(kind), Name: name})
}

// readCounter leaves out the counts, which are of the moment.
func readCounter(data []byte) expr.Any {
	ok := fields(data, map[uint16]any{unix.NFTA_COUNTER_BYTES: nil, unix.NFTA_COUNTER_PACKETS: nil, unix.NFTA_COUNTER_PAD: nil})
	return given(ok, &expr.Counter{})
}

func readLimit(data []byte) expr.Any {
	e := expr.Limit{}
	var unit uint64
	var kind, flags uint32
	ok := fields(data, map[uint16]any{unix.NFTA_LIMIT_RATE: &e.Rate, unix.NFTA_LIMIT_UNIT: &unit, unix.NFTA_LIMIT_BURST: &e.Burst,
		unix.NFTA_LIMIT_TYPE: &kind, unix.NFTA_LIMIT_FLAGS: &flags, unix.NFTA_LIMIT_PAD: nil})
	e.Unit, e.Type, e.Over = expr.LimitTime(unit), expr.LimitType(kind), flags == limitInvert
	return given(ok && flags&^limitInvert == 0, &e)
}

func readLog(data []byte) expr.Any {
	e := expr.Log{Data: []byte{}}
	var prefix string
	var group uint16
	var snaplen, level uint32
	var threshold uint16
	level = levelWarning
	list, ok := readAttrs(data)
	ok = ok && fields(data, map[uint16]any{unix.NFTA_LOG_PREFIX: &prefix, unix.NFTA_LOG_GROUP: &group,
		unix.NFTA_LOG_LEVEL: &level, unix.NFTA_LOG_SNAPLEN: &snaplen, unix.NFTA_LOG_QTHRESHOLD: &threshold})
	for _, a := range list {
		if a.kind == unix.NFTA_LOG_PREFIX || a.kind == unix.NFTA_LOG_GROUP {
			e.Key |= 1 << a.kind
		}
	}
	e.Data, e.Group = []byte(prefix), group
	return given(ok && snaplen == 0 && threshold == 0 && level == levelWarning, &e)
}

func readNotrack(data []byte) expr.Any { return given(len(data) == 0, &expr.Notrack{}) }

func readDynset(data []byte) expr.Any {
	e := expr.Dynset{}
	var flags uint32
	var timeout uint64
	var inner []byte
	ok := fields(data, map[uint16]any{unix.NFTA_DYNSET_SET_NAME: &e.SetName, unix.NFTA_DYNSET_SET_ID: nil, unix.NFTA_DYNSET_OP: &e.Operation,
		unix.NFTA_DYNSET_SREG_KEY: &e.SrcRegKey, unix.NFTA_DYNSET_FLAGS: &flags, unix.NFTA_DYNSET_EXPR: &inner,
		unix.NFTA_DYNSET_TIMEOUT: &timeout, unix.NFTA_DYNSET_PAD: nil})
	if inner != nil {
		var name string
		var data []byte
		ok = ok && fields(inner, map[uint16]any{unix.NFTA_EXPR_NAME: &name, unix.NFTA_EXPR_DATA: &data}) && name == "limit"
		limit := readLimit(data)
		ok = ok && limit != nil
		e.Exprs = []expr.Any{limit}
	}
	e.Timeout = time.Duration(timeout) * time.Millisecond
	return given(ok && flags == 0 && uint64(e.Timeout/time.Millisecond) == timeout && e.Timeout >= 0, &e)
}
