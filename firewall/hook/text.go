package hook

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// text is the deciding rule as nft writes it, as far as we can, behind the name of
// its chain where that is not the base chain.
func (v *walker) text(w *witness) string {
	if w == nil {
		return ""
	}
	text := "policy accept"
	switch {
	case w.rule != nil:
		text = ruleText(w.chain, w.rule)
	case w.chain.drop:
		text = "policy drop"
	}
	if w.chain != v.base {
		text = w.chain.name + ": " + text
	}
	return text
}

// quantity is what a register holds: its name, and how nft writes its values.
type quantity struct {
	name   string
	format func([]byte) string
}

// writer writes one rule. It follows what the registers hold.
type writer struct {
	table     *table
	words     []string
	least     []byte // the first of two comparisons that make a range
	registers map[int]quantity
	family    uint8 // that the rule has matched, or its table's
	protocol  uint8 // that the rule has matched; 0: none
}

func ruleText(c *chain, r *rule) string {
	w := &writer{table: c.table, registers: map[int]quantity{}, family: c.table.family}
	for i, e := range r.steps {
		if write := writers[e.name]; write != nil {
			write(w, e.data, r.steps[i+1:])
			continue
		}
		w.say("%s", e.name)
	}
	if r.comment != "" {
		w.say("comment %q", r.comment)
	}
	return strings.Join(w.words, " ")
}

func (w *writer) say(format string, args ...any) {
	w.words = append(w.words, fmt.Sprintf(format, args...))
}

// writers write the expressions; the others are written by their name.
var writers = map[string]func(w *writer, a attributes, behind []expression){
	"meta": writeMeta, "ct": writeCT, "payload": writePayload, "fib": writeFib, "bitwise": writeBitwise, "byteorder": writeNothing,
	"cmp": writeCmp, "range": writeRange, "lookup": writeLookup, "immediate": writeImmediate, "match": writeMatch,
	"target": writeTarget, "limit": writeLimit, "objref": writeObjref, "dynset": writeDynset,
}

func writeNothing(*writer, attributes, []expression) {}

func (w *writer) load(dreg uint64, name string, format func([]byte) string) {
	w.registers[place(dreg)] = quantity{name, format}
}

func (w *writer) at(sreg uint64) quantity {
	q, ok := w.registers[place(sreg)]
	if !ok {
		return quantity{"register", hexadecimal}
	}
	return q
}

func hexadecimal(b []byte) string { return fmt.Sprintf("0x%x", b) }

func decimal(b []byte) string {
	if len(b) > 8 {
		return hexadecimal(b)
	}
	return strconv.FormatUint(big(b), 10)
}

func hostNumber(b []byte) string {
	if len(b) != 4 {
		return hexadecimal(b)
	}
	return fmt.Sprintf("0x%08x", binary.NativeEndian.Uint32(b))
}

func hostDecimal(b []byte) string {
	if len(b) != 4 {
		return hexadecimal(b)
	}
	return fmt.Sprint(binary.NativeEndian.Uint32(b))
}

func typed(t *ruleset.DataType) func([]byte) string {
	return func(b []byte) string {
		if len(b) != t.Len {
			return hexadecimal(b)
		}
		return t.Format(t.Native(b))
	}
}

// linkText is an interface's name, with a star where it is the beginning of one.
func linkText(b []byte) string {
	text := strings.TrimRight(string(b), "\x00")
	if text == string(b) && len(b) < maxName {
		text += "*"
	}
	return `"` + text + `"`
}

// addressText is an address, or a network where the value is the beginning of one.
func addressText(size int) func([]byte) string {
	return func(b []byte) string {
		a, ok := netip.AddrFromSlice(append(slices.Clone(b), make([]byte, max(0, size-len(b)))...))
		switch {
		case !ok:
			return hexadecimal(b)
		case len(b) < size:
			return netip.PrefixFrom(a, 8*len(b)).String()
		}
		return a.String()
	}
}

var metaNames = map[uint64]quantity{
	unix.NFT_META_IIFNAME: {"iifname", linkText}, unix.NFT_META_OIFNAME: {"oifname", linkText},
	unix.NFT_META_IIF: {"iif", hostDecimal}, unix.NFT_META_MARK: {"meta mark", hostNumber},
	unix.NFT_META_NFPROTO: {"meta nfproto", typed(ruleset.TypeNFProto)}, unix.NFT_META_L4PROTO: {"meta l4proto", typed(ruleset.TypeProto)},
	unix.NFT_META_PKTTYPE: {"meta pkttype", packetTypeText}, unix.NFT_META_PROTOCOL: {"meta protocol", etherTypeText},
}

func packetTypeText(b []byte) string {
	words := []string{"host", "broadcast", "multicast", "other"} // linux/if_packet.h
	if len(b) == 1 && int(b[0]) < len(words) {
		return words[b[0]]
	}
	return decimal(b)
}

func etherTypeText(b []byte) string {
	switch string(b) {
	case "\x08\x00":
		return "ip"
	case "\x86\xdd":
		return "ip6"
	}
	return hexadecimal(b)
}

func writeMeta(w *writer, a attributes, _ []expression) {
	q, known := metaNames[a.number(unix.NFTA_META_KEY)]
	if !known {
		q = quantity{fmt.Sprintf("meta %d", a.number(unix.NFTA_META_KEY)), hexadecimal}
	}
	if a.find(unix.NFTA_META_DREG) == nil {
		w.say("%s set", q.name)
		return
	}
	w.load(a.number(unix.NFTA_META_DREG), q.name, q.format)
}

var ctNames = map[uint64]quantity{
	unix.NFT_CT_STATE: {"ct state", typed(ruleset.TypeCTState)}, unix.NFT_CT_MARK: {"ct mark", hostNumber},
	unix.NFT_CT_STATUS: {"ct status", hostNumber}, unix.NFT_CT_DIRECTION: {"ct direction", decimal},
}

func writeCT(w *writer, a attributes, _ []expression) {
	q, known := ctNames[a.number(unix.NFTA_CT_KEY)]
	if !known {
		q = quantity{fmt.Sprintf("ct %d", a.number(unix.NFTA_CT_KEY)), hexadecimal}
	}
	if a.find(unix.NFTA_CT_DREG) == nil {
		w.say("%s set", q.name)
		return
	}
	w.load(a.number(unix.NFTA_CT_DREG), q.name, q.format)
}

func writePayload(w *writer, a attributes, _ []expression) {
	base, offset, n := a.number(unix.NFTA_PAYLOAD_BASE), a.number(unix.NFTA_PAYLOAD_OFFSET), a.number(unix.NFTA_PAYLOAD_LEN)
	if a.find(unix.NFTA_PAYLOAD_DREG) == nil {
		w.say("payload set")
		return
	}
	q := quantity{fmt.Sprintf("@%s,%d,%d", map[uint64]string{unix.NFT_PAYLOAD_LL_HEADER: "ll", unix.NFT_PAYLOAD_NETWORK_HEADER: "nh",
		unix.NFT_PAYLOAD_TRANSPORT_HEADER: "th"}[base], offset*8, n*8), hexadecimal}
	switch base {
	case unix.NFT_PAYLOAD_NETWORK_HEADER:
		q = w.networkField(offset, n, q)
	case unix.NFT_PAYLOAD_TRANSPORT_HEADER:
		q = w.transportField(offset, n, q)
	}
	w.load(a.number(unix.NFTA_PAYLOAD_DREG), q.name, q.format)
}

// networkField names the fields of RFC 791 and RFC 8200.
func (w *writer) networkField(offset, n uint64, q quantity) quantity {
	v4, v6 := w.family == uint8(ruleset.FamilyIPv4), w.family == uint8(ruleset.FamilyIPv6)
	switch {
	case v4 && offset == 12 && n <= 4:
		return quantity{"ip saddr", addressText(4)}
	case v4 && offset == 16 && n <= 4:
		return quantity{"ip daddr", addressText(4)}
	case v4 && offset == 9 && n == 1:
		return quantity{"ip protocol", typed(ruleset.TypeProto)}
	case v6 && offset == 8 && n <= 16:
		return quantity{"ip6 saddr", addressText(16)}
	case v6 && offset == 24 && n <= 16:
		return quantity{"ip6 daddr", addressText(16)}
	case v6 && offset == 6 && n == 1:
		return quantity{"ip6 nexthdr", typed(ruleset.TypeProto)}
	}
	return q
}

func (w *writer) transportField(offset, n uint64, q quantity) quantity {
	protocol := "th"
	if hasPorts(w.protocol) {
		protocol = ruleset.TypeProto.Format([]byte{w.protocol})
	}
	switch {
	case w.protocol == protoICMP && offset == 0 && n == 1:
		return quantity{"icmp type", typed(ruleset.TypeICMP)}
	case w.protocol == protoICMPv6 && offset == 0 && n == 1:
		return quantity{"icmpv6 type", typed(ruleset.TypeICMPv6)}
	case offset == 0 && n == 2:
		return quantity{protocol + " sport", decimal}
	case offset == 2 && n == 2:
		return quantity{protocol + " dport", decimal}
	case w.protocol == protoTCP && offset == 13 && n == 1:
		return quantity{"tcp flags", hexadecimal}
	}
	return q
}

func writeFib(w *writer, a attributes, _ []expression) {
	var words []string
	for _, flag := range []struct {
		bit  uint64
		word string
	}{{unix.NFTA_FIB_F_SADDR, "saddr"}, {unix.NFTA_FIB_F_DADDR, "daddr"}, {unix.NFTA_FIB_F_MARK, "mark"}, {unix.NFTA_FIB_F_IIF, "iif"}} {
		if a.number(unix.NFTA_FIB_FLAGS)&flag.bit != 0 {
			words = append(words, flag.word)
		}
	}
	result := map[uint64]string{fibOif: "oif", fibOifname: "oifname", fibType: "type"}[a.number(unix.NFTA_FIB_RESULT)]
	format := hostDecimal
	if result == "type" {
		format = routeText
	}
	w.load(a.number(unix.NFTA_FIB_DREG), fmt.Sprintf("fib %s %s", strings.Join(words, " . "), result), format)
}

func routeText(b []byte) string {
	words := []string{"unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit"} // linux/rtnetlink.h
	if n := binary.NativeEndian.Uint32(append(slices.Clone(b), 0, 0, 0, 0)); int(n) < len(words) {
		return words[n]
	}
	return hexadecimal(b)
}

// writeBitwise writes a mask that leaves whole leading bits as a prefix, others as
// they are.
func writeBitwise(w *writer, a attributes, _ []expression) {
	q := w.at(a.number(unix.NFTA_BITWISE_SREG))
	mask := a.value(unix.NFTA_BITWISE_MASK)
	masked := quantity{q.name + " & " + q.format(mask), q.format}
	if length, ok := prefixLength(mask); ok && strings.HasSuffix(q.name, "addr") {
		masked = quantity{q.name, func(b []byte) string { return fmt.Sprintf("%s/%d", q.format(b), length) }}
	}
	if q.name == "ct state" {
		masked = quantity{q.name, func([]byte) string { return stateText(mask) }}
	}
	w.registers[place(a.number(unix.NFTA_BITWISE_DREG))] = masked
}

func stateText(mask []byte) string {
	var words []string
	n := binary.NativeEndian.Uint32(append(slices.Clone(mask), 0, 0, 0, 0))
	for bit := uint32(1); bit != 0; bit <<= 1 {
		if n&bit != 0 {
			words = append(words, ruleset.TypeCTState.Format(binary.BigEndian.AppendUint32(nil, bit)))
		}
	}
	return strings.Join(words, ",")
}

func prefixLength(mask []byte) (length int, ok bool) {
	for length < 8*len(mask) && mask[length/8]&(0x80>>(length%8)) != 0 {
		length++
	}
	for i := length; i < 8*len(mask); i++ {
		if mask[i/8]&(0x80>>(i%8)) != 0 {
			return 0, false
		}
	}
	return length, true
}
