package ruleset

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// step is one expression of a rule's program, as read.
type step struct {
	name string
	data []byte
	expr expr.Any // nil: not one of those we write
}

// maxExpressions is how many the kernel takes in a rule (NFT_RULE_MAXEXPRS of
// net/netfilter/nf_tables_api.c).
const maxExpressions = 128

// decodeProgram reads a rule's expressions. Those that are none of ours, and
// those that make no statement of ours, become Foreign one by one. What is no
// list of expressions at all has a name with a space, which no expression has.
func decodeProgram(family Family, data []byte) (statements []Statement) {
	list, ok := readAttrs(data)
	if !ok || len(list) > maxExpressions || slices.ContainsFunc(list, func(a attr) bool { return a.kind != unix.NFTA_LIST_ELEM }) {
		return []Statement{Foreign{"broken expressions", bytes.Clone(data)}}
	}
	steps := make([]step, len(list))
	for i, a := range list {
		steps[i] = readStep(a.data)
	}
	for len(steps) > 0 {
		s, n := recognise(family, statements, steps)
		statements = append(statements, s)
		steps = steps[n:]
	}
	return statements
}

func readStep(data []byte) step {
	var s step
	ok := fields(data, map[uint16]any{unix.NFTA_EXPR_NAME: &s.name, unix.NFTA_EXPR_DATA: &s.data})
	if !ok || s.name == "" || strings.Contains(s.name, " ") {
		return step{name: "broken expression", data: data}
	}
	if read := readers[s.name]; read != nil {
		s.expr = read(s.data)
	}
	return s
}

// recognise finds the statement that the first steps are the program of, behind
// the statements before it.
func recognise(family Family, before []Statement, steps []step) (Statement, int) {
	for _, guess := range guesses(family, before, steps) {
		program, err := instructions(guess)
		if err != nil || len(program) > len(steps) {
			continue
		}
		same := true
		for i, e := range program {
			same = same && reflect.DeepEqual(normal(e), steps[i].expr)
		}
		if same {
			return guess, len(program)
		}
	}
	return Foreign{steps[0].name, bytes.Clone(steps[0].data)}, 1
}

// normal is an expression in the form that readers give it.
func normal(e expr.Any) expr.Any {
	if l, ok := e.(*expr.Log); ok {
		c := *l
		if c.Data == nil {
			c.Data = []byte{}
		}
		return &c
	}
	return e
}

// guesses is the statements that might begin with these steps. Each is
// checked by writing it again, so a guess may be wrong but not too late.
func guesses(family Family, before []Statement, steps []step) []Statement {
	switch e := steps[0].expr.(type) {
	case *expr.Verdict:
		for kind, number := range verdictKinds {
			if number == e.Kind {
				return []Statement{Verdict{kind, e.Chain}}
			}
		}
	case *expr.Counter:
		return []Statement{Count{}}
	case *expr.Objref:
		return []Statement{Count{e.Name}}
	case *expr.Notrack:
		return []Statement{NoTrack{}}
	case *expr.Limit:
		if l, ok := limitOf(e); ok {
			return []Statement{l}
		}
	case *expr.Log:
		return []Statement{logOf(e)}
	}
	if len(steps) < 2 {
		return nil
	}
	var whole, part []Statement
	for _, f := range Fields {
		if rest, loaded := f.loadedWhole(steps); loaded {
			if f.possible(family, before) {
				whole = append(whole, f.guesses(rest)...)
			}
		} else if f.loadedBy(steps[0].expr) && f.possible(family, before) {
			part = append(part, f.guesses(steps[1:])...)
		}
	}
	return append(whole, part...)
}

// possible reports whether the statements before have matched what the field
// needs, so that the bytes are the field's. A table of one family needs no match
// of that family.
func (f *Field) possible(family Family, before []Statement) bool {
	for _, need := range f.Needs {
		if family != FamilyInet && need.Field == MetaNFProto {
			if !reflect.DeepEqual(need.Operand, Value{byte(family)}) {
				return false
			}
			continue
		}
		if !slices.ContainsFunc(before, func(s Statement) bool { return reflect.DeepEqual(s, need) }) {
			return false
		}
	}
	return true
}

// loadedWhole gives the steps behind those that load the field: at least one.
func (f *Field) loadedWhole(steps []step) (rest []step, ok bool) {
	if !f.begins(steps[0].expr, f.Type.Len) {
		return nil, false
	}
	load := f.load(f.Type.Len)
	if len(steps) <= len(load) {
		return nil, false
	}
	for i, e := range load {
		if !reflect.DeepEqual(steps[i].expr, e) {
			return nil, false
		}
	}
	return steps[len(load):], true
}

// begins reports whether the expression may be the first of those that load size
// bytes of the field. It is quick, as most fields are not what is looked for.
func (f *Field) begins(e expr.Any, size int) bool {
	switch e := e.(type) {
	case *expr.Meta:
		return f.Load.Kind == LoadMeta && e.Key == expr.MetaKey(f.Load.Key)
	case *expr.Ct:
		return f.Load.Kind == LoadCT && e.Key == expr.CtKey(f.Load.Key)
	case *expr.Payload:
		return e.Base == expr.PayloadBase(f.Load.Base) && e.Offset == f.Load.Offset && e.Len == uint32(size)
	}
	return false
}

// loadedBy reports whether the expression loads the field's beginning.
func (f *Field) loadedBy(e expr.Any) bool {
	p, ok := e.(*expr.Payload)
	return ok && p.Len >= 1 && p.Len < uint32(f.Type.Len) && f.begins(e, int(p.Len)) && reflect.DeepEqual([]expr.Any{e}, f.load(int(p.Len)))
}

// guesses is what the steps after the field's load may make of it.
func (f *Field) guesses(steps []step) []Statement {
	match := func(op Op, o Operand) []Statement { return []Statement{Match{f, op, o}} }
	switch e := steps[0].expr.(type) {
	case *expr.Cmp:
		if e.Op == expr.CmpOpGte && len(steps) > 1 {
			if to, ok := steps[1].expr.(*expr.Cmp); ok {
				return match(Equal, Range{f.Type.Native(e.Data), f.Type.Native(to.Data)})
			}
		}
		if len(e.Data) < f.Type.Len {
			if end := bytes.IndexByte(e.Data, 0); f.Type == TypeIfname && end >= 0 && end < len(e.Data)-1 {
				return nil // no beginning of a name, nor one with its closing zero as of iptables
			}
			addr := append(bytes.Clone(e.Data), make([]byte, f.Type.Len-len(e.Data))...)
			return match(opOf(e.Op), Prefix{addr, 8 * len(e.Data)})
		}
		return match(opOf(e.Op), Value(f.Type.Native(e.Data)))
	case *expr.Range:
		return match(NotEqual, Range{f.Type.Native(e.FromData), f.Type.Native(e.ToData)})
	case *expr.Lookup:
		if e.IsDestRegSet {
			return []Statement{VerdictMap{f, e.SetName}}
		}
		return append(match(Equal, InSet(e.SetName)), match(NotEqual, InSet(e.SetName))...)
	case *expr.Dynset:
		return f.updates(e)
	case *expr.Bitwise:
		return f.masked(e, steps[1:])
	}
	return nil
}

// updates is the statement that adds the field to a set.
func (f *Field) updates(e *expr.Dynset) []Statement {
	u := Update{Set: e.SetName, Field: f, Timeout: e.Timeout}
	if len(e.Exprs) == 1 {
		l, _ := e.Exprs[0].(*expr.Limit)
		limit, ok := limitOf(l)
		if !ok {
			return nil
		}
		u.Limit = &limit
	}
	return []Statement{u}
}

// masked is a prefix, or some bits, as a mask and a comparison.
func (f *Field) masked(b *expr.Bitwise, steps []step) []Statement {
	if len(steps) == 0 {
		return nil
	}
	c, ok := steps[0].expr.(*expr.Cmp)
	if !ok {
		return nil
	}
	switch f.Type {
	case TypeCTState:
		bits := Bits(f.Type.Native(b.Mask))
		return []Statement{Match{f, Equal, bits}, Match{f, NotEqual, bits}}
	case TypeIPv4Addr, TypeIPv6Addr:
		return []Statement{Match{f, opOf(c.Op), Prefix{bytes.Clone(c.Data), maskLength(b.Mask)}}}
	}
	return nil
}

func maskLength(mask []byte) (length int) {
	for length < 8*len(mask) && mask[length/8]&(0x80>>(length%8)) != 0 {
		length++
	}
	return length
}

func opOf(op expr.CmpOp) Op {
	if op == expr.CmpOpNeq {
		return NotEqual
	}
	return Equal
}

// limitOf is the limit, if its unit is one that a Limit has.
func limitOf(e *expr.Limit) (l Limit, ok bool) {
	if e == nil || !slices.Contains(limitUnits, e.Unit) {
		return Limit{}, false
	}
	return Limit{Rate: e.Rate, Unit: time.Duration(e.Unit) * time.Second, Burst: e.Burst, Over: e.Over}, true
}

var limitUnits = []expr.LimitTime{expr.LimitTimeSecond, expr.LimitTimeMinute, expr.LimitTimeHour, expr.LimitTimeDay, expr.LimitTimeWeek}

func logOf(e *expr.Log) Log {
	l := Log{Prefix: string(e.Data)}
	if e.Key&(1<<unix.NFTA_LOG_GROUP) != 0 {
		group := e.Group
		l.Group = &group
	}
	return l
}
