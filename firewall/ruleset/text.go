package ruleset

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteText writes the table as nft -f of Debian 12 (nft 1.0.6) loads it into
// an empty namespace, laid out as nft list ruleset does. The same table gives
// the same bytes.
//
// What nft has no words for is a comment that starts with "# foreign:": the
// text of such a table can be read, but no longer loaded in its place. Elements
// of live sets are of the moment and left out, but for their number.
//
// Names have to be identifiers of nft that are no keywords: nft 1.0.6 has no
// way to quote them. Two ports in a row that are each compared with one value,
// nft folds into one comparison; a Range from a port to itself it leaves alone.
// In a log prefix it takes $ for a variable.
func (t *Table) WriteText(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(b, "table %s %s {\n", t.Family, t.Name)
	p := printer{Writer: b, table: t}
	if t.Comment != "" {
		p.block("\tcomment %s\n", quoted(t.Comment))
	}
	for i := range t.Counters {
		p.counter(&t.Counters[i])
	}
	for i := range t.Sets {
		p.set(&t.Sets[i])
	}
	for i := range t.Chains {
		p.chain(&t.Chains[i])
	}
	for _, f := range t.Foreign {
		p.block("\t# foreign: %s\n", f)
	}
	b.WriteString("}\n")
	return b.Flush()
}

// Text is what WriteText writes.
func (t *Table) Text() string {
	var b strings.Builder
	_ = t.WriteText(&b) // a Builder does not fail
	return b.String()
}

// String is nft's word for the family.
func (f Family) String() string {
	switch f {
	case FamilyInet:
		return "inet"
	case FamilyIPv4:
		return "ip"
	case FamilyIPv6:
		return "ip6"
	}
	return fmt.Sprintf("family-%d", uint8(f))
}

// String names the kind and size of what is foreign.
func (f Foreign) String() string { return fmt.Sprintf("<%s, %d bytes>", oneLine(f.Name), len(f.Data)) }

type printer struct {
	*bufio.Writer // keeps the first error
	table         *Table
	begun         bool
}

// block writes the beginning of a block, with an empty line between two.
func (p *printer) block(format string, args ...any) {
	if p.begun {
		p.WriteByte('\n')
	}
	p.begun = true
	fmt.Fprintf(p, format, args...)
}

func (p *printer) counter(c *Counter) {
	p.block("\tcounter %s {\n\t\tpackets %d bytes %d\n\t}\n", c.Name, c.Packets, c.Bytes)
}

func (p *printer) set(s *Set) {
	kind := "set"
	if s.Map {
		kind = "map"
	}
	if s.Raw != nil || s.Key == nil {
		p.block("\t# foreign: <%s %s, %d bytes>\n", kind, s.Name, len(s.Raw))
		return
	}
	p.block("\t%s %s {\n", kind, s.Name)
	for _, line := range s.header() {
		fmt.Fprintf(p, "\t\t%s\n", line)
	}
	switch n := s.Elements.Len(); {
	case n > 0 && s.Live():
		fmt.Fprintf(p, "\t\t# elements at the moment: %d\n", n)
	case n > 0:
		p.elements(s)
	}
	p.WriteString("\t}\n")
}

// header is the lines that say what the set is.
func (s *Set) header() []string {
	lines := []string{"type ?"}
	if s.Key != nil {
		lines[0] = "type " + s.Key.Name
	}
	if s.Map {
		lines[0] += " : verdict"
	}
	if s.Size > 0 {
		lines = append(lines, fmt.Sprintf("size %d", s.Size))
	}
	if flags := s.Flags(); len(flags) > 0 {
		lines = append(lines, "flags "+strings.Join(flags, ","))
	}
	if s.Lifetime > 0 {
		lines = append(lines, "timeout "+formatTime(s.Lifetime))
	}
	if s.Comment != "" {
		lines = append(lines, "comment "+quoted(s.Comment))
	}
	return lines
}

// Flags are the set's flags in nft's words, never nil.
func (s *Set) Flags() []string {
	flags := []string{}
	for _, f := range []struct {
		on   bool
		name string
	}{{s.Dynamic, "dynamic"}, {s.Interval, "interval"}, {s.Timeout, "timeout"}} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	return flags
}

// Elements are wrapped so that a line ends at this column, with tabs of eight.
const (
	lastColumn    = 80
	elementColumn = 29
)

func (p *printer) elements(s *Set) {
	p.WriteString("\t\telements = { ")
	column := elementColumn
	var text []byte
	for i := range s.Elements.Len() {
		text = s.appendElement(text[:0], i)
		switch {
		case i == 0:
		case column+len(text)+3 > lastColumn: // a comma before, a comma or space and brace behind
			p.WriteString(",\n\t\t\t     ")
			column = elementColumn
		default:
			p.WriteString(", ")
			column += 2
		}
		p.Write(text)
		column += len(text)
	}
	p.WriteString(" }\n")
}

// ElementText is element i as nft writes it.
func (s *Set) ElementText(i int) string { return string(s.appendElement(nil, i)) }

// appendElement writes element i as nft does: a prefix where the range is one.
func (s *Set) appendElement(dst []byte, i int) []byte {
	from, to, verdict := s.Elements.At(i)
	dst = s.Key.appendElement(dst, from, to)
	if s.Map {
		dst = append(append(dst, " : "...), verdict.String()...)
	}
	return dst
}

func (p *printer) chain(c *Chain) {
	p.block("\tchain %s {\n", c.Name)
	if c.Base != nil {
		fmt.Fprintf(p, "\t\t%s\n", c.Base)
	}
	for i := range c.Rules {
		comment := ""
		if c.Rules[i].foreign() {
			comment = "# foreign: "
		}
		fmt.Fprintf(p, "\t\t%s%s\n", comment, p.table.RuleText(&c.Rules[i]))
	}
	p.WriteString("\t}\n")
}

// priorities are nft's names for priorities (linux/netfilter_ipv4.h, enum
// nf_ip_hook_priorities); dstnat and srcnat have theirs at one hook only.
var priorities = []struct {
	name  string
	value int32
	hooks []Hook
}{
	{"raw", -300, nil},
	{"mangle", -150, nil},
	{"dstnat", -100, []Hook{HookPrerouting}},
	{"filter", 0, nil},
	{"security", 50, nil},
	{"srcnat", 100, []Hook{HookPostrouting}},
}

// String is the line that makes a chain a base chain.
func (b *Base) String() string {
	policy := "accept"
	if b.Drop {
		policy = "drop"
	}
	return fmt.Sprintf("type %s hook %s priority %s; policy %s;", b.Type, b.Hook, b.priority(), policy)
}

// priority is relative to the nearest name, at most ten away, as nft has it.
func (b *Base) priority() string {
	for _, p := range priorities {
		away := b.Priority - p.value
		if away < -10 || away > 10 || len(p.hooks) > 0 && p.hooks[0] != b.Hook {
			continue
		}
		switch {
		case away < 0:
			return fmt.Sprintf("%s - %d", p.name, -away)
		case away > 0:
			return fmt.Sprintf("%s + %d", p.name, away)
		}
		return p.name
	}
	return fmt.Sprint(b.Priority)
}

// String is nft's word for the hook.
func (h Hook) String() string {
	names := []string{"prerouting", "input", "forward", "output", "postrouting"}
	if int(h) < len(names) {
		return names[h]
	}
	return fmt.Sprintf("hook-%d", uint8(h))
}

// formatTime writes a time as nft reads it: 1d2h3m4s5ms.
func formatTime(d time.Duration) string {
	var b strings.Builder
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.unit
		}
	}
	return b.String()
}

// quoted is a string of nft, which knows no escapes: double quotes become
// single ones.
func quoted(s string) string { return `"` + strings.ReplaceAll(oneLine(s), `"`, "'") + `"` }

// oneLine keeps what would end a line or a comment from doing so.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
