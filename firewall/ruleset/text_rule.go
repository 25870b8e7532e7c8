package ruleset

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// RuleText is the rule as one line of the table's text. Dependencies that nft
// supplies by itself are left out: ip saddr says meta nfproto ipv4, and udp
// dport says meta l4proto udp.
func (t *Table) RuleText(r *Rule) string {
	var words []string
	known := context{}
	statements := r.Statements
	for i, s := range statements {
		if t.Family == FamilyInet && known.implied(statements[i:]) {
			known.learn(s)
			continue
		}
		words = append(words, known.statement(s))
		known.learn(s)
	}
	if r.Comment != "" {
		words = append(words, "comment "+quoted(r.Comment))
	}
	return strings.Join(words, " ")
}

func (r *Rule) foreign() bool {
	return slices.ContainsFunc(r.Statements, func(s Statement) bool { _, is := s.(Foreign); return is })
}

// context is what a rule has established so far: the one value that a field
// has, as nft's protocol context knows it.
type context map[*Field]byte

func (c context) learn(s Statement) {
	if f, value, ok := establishes(s); ok {
		c[f] = value
	}
}

func establishes(s Statement) (*Field, byte, bool) {
	m, isMatch := s.(Match)
	value, isValue := m.Operand.(Value)
	if !isMatch || !isValue || m.Op != Equal || len(value) != 1 || m.Field != MetaNFProto && m.Field != MetaL4Proto {
		return nil, 0, false
	}
	return m.Field, value[0], true
}

// implied tells whether nft adds the first of these statements by itself, for
// the sake of the statement that comes right after it and, at most, one more
// dependency. It adds nothing that is established already.
func (c context) implied(statements []Statement) bool {
	for ahead := 1; ahead <= 2 && ahead < len(statements); ahead++ {
		f := fieldOf(statements[ahead])
		if f == nil {
			continue
		}
		run := statements[:ahead]
		if needs := needsAfter(f, run); len(needs) >= ahead && c.suppliesAll(needs, run) {
			return true
		}
	}
	return false
}

// suppliesAll tells whether nft, met with needs, adds exactly the run: the last
// needs are the run and unknown, those before are known.
func (c context) suppliesAll(needs []Match, run []Statement) bool {
	before := len(needs) - len(run)
	for i, need := range needs {
		f, value, _ := establishes(need)
		has, known := c[f]
		if i < before {
			if !known || has != value {
				return false
			}
			continue
		}
		if g, v, ok := establishes(run[i-before]); known || !ok || g != f || v != value {
			return false
		}
	}
	return true
}

// needsAfter is what the field needs, where a port needs the protocol that is
// matched right before it.
func needsAfter(f *Field, run []Statement) []Match {
	if f != THSport && f != THDport {
		return f.Needs
	}
	last, isMatch := run[len(run)-1].(Match)
	if g, value, ok := establishes(last); isMatch && ok && g == MetaL4Proto && portProtocol(value) != "" {
		return []Match{last}
	}
	return nil
}

// portProtocol is the word before sport and dport; "" where nft has none.
func portProtocol(proto uint8) string {
	switch proto {
	case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		return TypeProto.Format([]byte{proto})
	}
	return ""
}

func fieldOf(s Statement) *Field {
	switch s := s.(type) {
	case Match:
		return s.Field
	case VerdictMap:
		return s.Field
	case Update:
		return s.Field
	}
	return nil
}

// field is the field's name, of the protocol that is known.
func (c context) field(f *Field) string {
	if f == THSport || f == THDport {
		if proto := portProtocol(c[MetaL4Proto]); proto != "" {
			return proto + strings.TrimPrefix(f.Name, "th")
		}
	}
	return f.Name
}

func (c context) statement(s Statement) string {
	switch s := s.(type) {
	case Match:
		return c.field(s.Field) + " " + relation(s)
	case VerdictMap:
		return c.field(s.Field) + " vmap @" + s.Map
	case Update:
		return c.update(s)
	case Verdict:
		return s.String()
	case Count:
		if s.Name != "" {
			return `counter name "` + s.Name + `"`
		}
		return "counter"
	case NoTrack:
		return "notrack"
	case Limit:
		return s.String()
	case Log:
		return s.String()
	case Foreign:
		return s.String()
	}
	return fmt.Sprintf("<%T>", s)
}

func (c context) update(u Update) string {
	words := c.field(u.Field)
	if u.Timeout > 0 {
		words += " timeout " + formatTime(u.Timeout)
	}
	if u.Limit != nil {
		words += " " + u.Limit.String()
	}
	return fmt.Sprintf("update @%s { %s }", u.Set, words)
}

// relation is operator and operand. A plain ct state means any of its bits to
// nft, so a comparison has to say so, as it does behind a mask.
func relation(m Match) string {
	if bits, ok := m.Operand.(Bits); ok {
		return bitsRelation(m, bits)
	}
	text := operand(m.Field.Type, m.Operand)
	switch {
	case m.Op == NotEqual:
		return "!= " + text
	case m.Field == CTState && text[0] != '@', m.Field.Load.Bits > 0:
		return "== " + text
	}
	return text
}

func bitsRelation(m Match, bits Bits) string {
	list := m.Field.Type.formatBits(bits)
	if m.Op == NotEqual {
		return "! " + list
	}
	return list
}

func operand(t *DataType, o Operand) string {
	switch o := o.(type) {
	case Value:
		return t.Format(o)
	case Range:
		return string(t.appendRange(nil, o.From, o.To))
	case Prefix:
		return t.formatPrefix(o)
	case InSet:
		return "@" + string(o)
	}
	return fmt.Sprintf("<%T>", o)
}

// formatPrefix writes eth* for interfaces; a whole address needs no length.
func (t *DataType) formatPrefix(p Prefix) string {
	switch {
	case p.Length == 8*t.Len:
		return t.Format(p.Addr)
	case t == TypeIfname && p.Length < 8*len(p.Addr) && bytes.IndexByte(p.Addr[:p.Length/8], 0) >= 0:
		return t.Format(p.Addr) // with the closing zero it is all of the name
	case t == TypeIfname:
		return fmt.Sprintf(`"%s*"`, bytes.TrimRight(p.Addr, "\x00"))
	}
	return fmt.Sprintf("%s/%d", t.Format(p.Addr), p.Length)
}

// formatBits lists the bits, lowest first.
func (t *DataType) formatBits(bits []byte) string {
	if len(bits) != t.Len || t.Len > 8 {
		return fmt.Sprintf("0x%x", bits)
	}
	var names []string
	for n, bit := number(bits), uint64(1); bit <= n && bit != 0; bit <<= 1 {
		if n&bit != 0 {
			names = append(names, string(t.Append(nil, wire(bit, t.Len))))
		}
	}
	if names == nil {
		return "0x0"
	}
	return strings.Join(names, ",")
}

// appendElement writes the element of a set: a value, prefix or range.
func (t *DataType) appendElement(dst, from, to []byte) []byte {
	if bytes.Equal(from, to) {
		return t.Append(dst, from)
	}
	if length, ok := prefixLength(from, to); ok && (t == TypeIPv4Addr || t == TypeIPv6Addr) {
		return fmt.Appendf(t.Append(dst, from), "/%d", length)
	}
	return t.appendRange(dst, from, to)
}

// prefixLength is the length of the prefix that is exactly this range.
func prefixLength(from, to []byte) (length int, ok bool) {
	for length < 8*len(from) && bit(from, length) == bit(to, length) {
		length++
	}
	for i := length; i < 8*len(from); i++ {
		if bit(from, i) != 0 || bit(to, i) == 0 {
			return 0, false
		}
	}
	return length, true
}

func bit(b []byte, i int) byte { return b[i/8] >> (7 - i%8) & 1 }

// String is the verdict as nft writes it.
func (v Verdict) String() string {
	switch v.Kind {
	case Accept:
		return "accept"
	case Drop:
		return "drop"
	case Jump:
		return "jump " + v.Chain
	case Goto:
		return "goto " + v.Chain
	case Return:
		return "return"
	case Continue:
		return "continue"
	}
	return fmt.Sprintf("verdict-%d", v.Kind)
}

// defaultBurst is what nft 1.0.6 takes where the text says none.
const defaultBurst = 5

// String is the limit as nft writes it.
func (l Limit) String() string {
	over, burst := "", ""
	if l.Over {
		over = "over "
	}
	if l.Burst != defaultBurst {
		burst = fmt.Sprintf(" burst %d packets", l.Burst)
	}
	return fmt.Sprintf("limit rate %s%d/%s%s", over, l.Rate, unitName(l.Unit), burst)
}

func unitName(unit time.Duration) string {
	switch unit {
	case time.Minute:
		return "minute"
	case time.Hour:
		return "hour"
	case 24 * time.Hour:
		return "day"
	case 7 * 24 * time.Hour:
		return "week"
	}
	return "second"
}

// String is the log statement as nft writes it.
func (l Log) String() string {
	text := "log"
	if l.Prefix != "" {
		text += " prefix " + quoted(l.Prefix)
	}
	if l.Group != nil {
		text += fmt.Sprintf(" group %d", *l.Group)
	}
	return text
}
