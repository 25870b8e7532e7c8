package ruleset

import (
	"bytes"
	"fmt"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// register is the one register that nft uses for what is no concatenation.
const register = unix.NFT_REG_1

// instructions is what nft 1.0.6 makes of a statement: the kernel's
// expressions in the order they run. The decoder recognises exactly these.
func instructions(s Statement) ([]expr.Any, error) {
	switch s := s.(type) {
	case Match:
		return s.instructions()
	case VerdictMap:
		return append(s.Field.load(s.Field.Type.Len), &expr.Lookup{
			SourceRegister: register, SetName: s.Map, IsDestRegSet: true, DestRegister: unix.NFT_REG_VERDICT}), nil
	case Verdict:
		return []expr.Any{s.instruction()}, nil
	case Count:
		if s.Name == "" {
			return []expr.Any{&expr.Counter{}}, nil
		}
		return []expr.Any{&expr.Objref{Type: objectCounter, Name: s.Name}}, nil
	case NoTrack:
		return []expr.Any{&expr.Notrack{}}, nil
	case Limit:
		return []expr.Any{s.instruction()}, nil
	case Log:
		return []expr.Any{s.instruction()}, nil
	case Update:
		return s.instructions(), nil
	}
	return nil, fmt.Errorf("a %T cannot be encoded", s)
}

// load fetches the first size bytes of the field.
func (f *Field) load(size int) []expr.Any {
	switch f.Load.Kind {
	case LoadMeta:
		return []expr.Any{&expr.Meta{Key: expr.MetaKey(f.Load.Key), Register: register}}
	case LoadCT:
		return []expr.Any{&expr.Ct{Key: expr.CtKey(f.Load.Key), Register: register}}
	}
	whole := &expr.Payload{
		OperationType: expr.PayloadLoad, DestRegister: register,
		Base: expr.PayloadBase(f.Load.Base), Offset: f.Load.Offset, Len: uint32(size),
	}
	if f.Load.Bits == 0 {
		return []expr.Any{whole}
	}
	return []expr.Any{whole, mask(prefixMask(f.Load.Bits, size))}
}

func (m Match) instructions() ([]expr.Any, error) {
	f, size := m.Field, m.Field.Type.Len
	not := m.Op == NotEqual
	if set, ok := m.Operand.(InSet); ok {
		return append(f.load(size), &expr.Lookup{SourceRegister: register, SetName: string(set), Invert: not}), nil
	}
	if f.Load.Bits > 0 {
		return nil, fmt.Errorf("%s can only be looked up in sets", f.Name) // nft writes the rest as prefixes
	}
	switch o := m.Operand.(type) {
	case Value:
		if f.Type.fits(o) {
			return append(f.load(size), compareWith(not, f.Type.Native(o))), nil
		}
	case Range:
		if f.Type.fits(o.From, o.To) {
			return append(f.load(size), between(not, f.Type.Native(o.From), f.Type.Native(o.To))...), nil
		}
	case Prefix:
		return f.matchPrefix(not, o)
	case Bits:
		if f.Type.fits(o) {
			return append(f.load(size), mask(f.Type.Native(o)), compareWith(!not, make([]byte, size))), nil
		}
	}
	return nil, fmt.Errorf("%s has no operand that can be encoded", f.Name)
}

// matchPrefix compares whole bytes where the prefix ends with one, otherwise it
// masks the rest, as it does for the prefix of nothing.
func (f *Field) matchPrefix(not bool, p Prefix) ([]expr.Any, error) {
	if p.Length < 0 || p.Length > 8*len(p.Addr) || len(p.Addr) != f.Type.Len {
		return nil, fmt.Errorf("%s cannot have a prefix of %d bits", f.Name, p.Length)
	}
	if p.Length%8 == 0 && p.Length > 0 {
		size := p.Length / 8
		return append(f.load(size), compareWith(not, p.Addr[:size])), nil
	}
	return append(f.load(f.Type.Len), mask(prefixMask(p.Length, f.Type.Len)), compareWith(not, p.Addr)), nil
}

func prefixMask(length, size int) []byte {
	m := make([]byte, size)
	for i := range m {
		m[i] = ^byte(0xff >> min(8, max(0, length-8*i)))
	}
	return m
}

func compareWith(not bool, data []byte) *expr.Cmp {
	op := expr.CmpOpEq
	if not {
		op = expr.CmpOpNeq
	}
	return &expr.Cmp{Op: op, Register: register, Data: bytes.Clone(data)}
}

func between(not bool, from, to []byte) []expr.Any {
	if not {
		return []expr.Any{&expr.Range{Op: expr.CmpOpNeq, Register: register, FromData: bytes.Clone(from), ToData: bytes.Clone(to)}}
	}
	return []expr.Any{
		&expr.Cmp{Op: expr.CmpOpGte, Register: register, Data: bytes.Clone(from)},
		&expr.Cmp{Op: expr.CmpOpLte, Register: register, Data: bytes.Clone(to)},
	}
}

func mask(bits []byte) *expr.Bitwise {
	return &expr.Bitwise{
		SourceRegister: register, DestRegister: register, Len: uint32(len(bits)),
		Mask: bytes.Clone(bits), Xor: make([]byte, len(bits)),
	}
}

// verdictKinds are the kernel's numbers of verdicts (linux/netfilter.h,
// linux/netfilter/nf_tables.h).
var verdictKinds = map[VerdictKind]expr.VerdictKind{
	Accept: expr.VerdictAccept, Drop: expr.VerdictDrop, Jump: expr.VerdictJump,
	Goto: expr.VerdictGoto, Return: expr.VerdictReturn, Continue: expr.VerdictContinue,
}

func (v Verdict) instruction() *expr.Verdict {
	return &expr.Verdict{Kind: verdictKinds[v.Kind], Chain: v.Chain}
}

func (l Limit) instruction() *expr.Limit {
	return &expr.Limit{Type: expr.LimitTypePkts, Rate: l.Rate, Unit: seconds(l.Unit), Burst: l.Burst, Over: l.Over}
}

func (l Log) instruction() *expr.Log {
	e := &expr.Log{}
	if l.Prefix != "" {
		e.Key |= 1 << unix.NFTA_LOG_PREFIX
		e.Data = []byte(l.Prefix)
	}
	if l.Group != nil {
		e.Key |= 1 << unix.NFTA_LOG_GROUP
		e.Group = *l.Group
	}
	return e
}

func (u Update) instructions() []expr.Any {
	set := &expr.Dynset{SrcRegKey: register, SetName: u.Set, Operation: unix.NFT_DYNSET_OP_UPDATE, Timeout: u.Timeout}
	if u.Limit != nil {
		set.Exprs = []expr.Any{u.Limit.instruction()}
	}
	return append(u.Field.load(u.Field.Type.Len), set)
}
