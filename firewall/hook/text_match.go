package hook

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func writeCmp(w *writer, a attributes, behind []expression) {
	q, value := w.at(a.number(unix.NFTA_CMP_SREG)), a.value(unix.NFTA_CMP_DATA)
	op := a.number(unix.NFTA_CMP_OP)
	if op == unix.NFT_CMP_EQ && len(value) == 1 {
		switch {
		case q.name == "meta nfproto":
			w.family = value[0]
		case q.name == "meta l4proto" || q.name == "ip protocol" || q.name == "ip6 nexthdr":
			w.protocol = value[0]
		}
		if w.implied(q.name, behind) {
			return
		}
	}
	if op == unix.NFT_CMP_NEQ && q.name == "ct state" {
		w.say("ct state %s", q.format(value))
		return
	}
	if w.span(q, op, value, behind) {
		return
	}
	word := map[uint64]string{unix.NFT_CMP_NEQ: "!= ", unix.NFT_CMP_LT: "< ", unix.NFT_CMP_LTE: "<= ", unix.NFT_CMP_GT: "> ", unix.NFT_CMP_GTE: ">= "}[op]
	if strings.Contains(q.name, "&") && word == "" {
		word = "== "
	}
	w.say("%s %s%s", q.name, word, q.format(value))
}

// span writes two comparisons of one register as a range.
func (w *writer) span(q quantity, op uint64, value []byte, behind []expression) bool {
	if op == unix.NFT_CMP_LTE && w.least != nil {
		w.say("%s %s-%s", q.name, q.format(w.least), q.format(value))
		w.least = nil
		return true
	}
	if op == unix.NFT_CMP_GTE && len(behind) > 0 && behind[0].name == "cmp" && behind[0].data.number(unix.NFTA_CMP_OP) == unix.NFT_CMP_LTE {
		w.least = value
		return true
	}
	return false
}

// implied tells whether nft adds the match by itself, for a field behind it.
func (w *writer) implied(name string, behind []expression) bool {
	want := map[string]uint64{"meta nfproto": unix.NFT_PAYLOAD_NETWORK_HEADER, "meta l4proto": unix.NFT_PAYLOAD_TRANSPORT_HEADER}[name]
	for i, e := range behind {
		if e.name == "payload" && want != 0 && e.data.number(unix.NFTA_PAYLOAD_BASE) == want {
			return true
		}
		if name == "meta nfproto" && e.name == "cmp" && i < 2 && slices.Contains(icmpNumbers, string(e.data.value(unix.NFTA_CMP_DATA))) {
			return w.implied("meta l4proto", behind[i+1:])
		}
	}
	return false
}

var icmpNumbers = []string{string(rune(protoICMP)), string(rune(protoICMPv6))}

func writeRange(w *writer, a attributes, _ []expression) {
	q := w.at(a.number(unix.NFTA_RANGE_SREG))
	word := ""
	if a.number(unix.NFTA_RANGE_OP) == unix.NFT_RANGE_NEQ {
		word = "!= "
	}
	w.say("%s %s%s-%s", q.name, word, q.format(a.value(unix.NFTA_RANGE_FROM_DATA)), q.format(a.value(unix.NFTA_RANGE_TO_DATA)))
}

// shown is how many elements of an anonymous set are written.
const shown = 8

func writeLookup(w *writer, a attributes, _ []expression) {
	name := a.word(unix.NFTA_LOOKUP_SET)
	set := w.table.sets[name]
	var key []quantity
	for _, at := range w.fieldsAt(a.number(unix.NFTA_LOOKUP_SREG), set) {
		if q, ok := w.registers[at]; ok {
			key = append(key, q)
		}
	}
	word := ""
	switch dreg := a.find(unix.NFTA_LOOKUP_DREG); {
	case dreg != nil && a.number(unix.NFTA_LOOKUP_DREG) == unix.NFT_REG_VERDICT:
		word = "vmap "
	case dreg != nil:
		word = "map "
	case a.number(unix.NFTA_LOOKUP_FLAGS) != 0:
		word = "!= "
	}
	names := make([]string, len(key))
	for i, q := range key {
		names[i] = q.name
	}
	w.say("%s %s%s", strings.Join(names, " . "), word, setText(set, name, key))
}

// fieldsAt is where in the registers the fields of the key are.
func (w *writer) fieldsAt(sreg uint64, s *set) []int {
	at := place(sreg)
	if s == nil || s.fields == nil {
		return []int{at}
	}
	var places []int
	for _, n := range s.fields {
		places = append(places, at)
		at += (n + 3) &^ 3
	}
	return places
}

func setText(s *set, name string, key []quantity) string {
	if s == nil || !s.anonymous {
		return "@" + name
	}
	var words []string
	for i, e := range s.elements {
		if i == shown {
			words = append(words, "…")
			break
		}
		text := keyText(s, e.from, key)
		if last := keyText(s, e.to, key); last != text {
			text += "-" + last
		}
		if e.verdict != nil {
			text += " : " + e.verdict.String()
		}
		words = append(words, text)
	}
	return "{ " + strings.Join(words, ", ") + " }"
}

func keyText(s *set, value []byte, key []quantity) string {
	if s.fields == nil && len(key) == 1 {
		return key[0].format(value)
	}
	var words []string
	at := 0
	for i, n := range s.fields {
		if i < len(key) && at+n <= len(value) {
			words = append(words, key[i].format(value[at:at+n]))
		}
		at += (n + 3) &^ 3
	}
	if words == nil {
		return hexadecimal(value)
	}
	return strings.Join(words, " . ")
}

// String is the verdict as nft writes it.
func (v verdict) String() string {
	switch v.code {
	case nfAccept:
		return "accept"
	case nfDrop:
		return "drop"
	case nftContinue:
		return "continue"
	case nftJump:
		return "jump " + v.chain
	case nftGoto:
		return "goto " + v.chain
	case nftReturn:
		return "return"
	}
	return "queue"
}

func writeImmediate(w *writer, a attributes, _ []expression) {
	if v := verdictOf(a.within(unix.NFTA_IMMEDIATE_DATA)); v != nil {
		w.say("%s", v)
		return
	}
	w.load(a.number(unix.NFTA_IMMEDIATE_DREG), hexadecimal(a.value(unix.NFTA_IMMEDIATE_DATA)), hexadecimal)
}

// writeMatch writes a match of iptables as nft does what it cannot translate, and
// its states, which are the most common of them.
func writeMatch(w *writer, a attributes, _ []expression) {
	name, info := a.word(unix.NFTA_MATCH_NAME), xt(a.find(unix.NFTA_MATCH_INFO))
	const state, statesAt, flagsAt = 1, 150, 146
	switch {
	case name == "conntrack" && len(info) >= 154 && info.u16(flagsAt)&state != 0:
		w.say("ct state %s", stateText(host32(uint32(info.u16(statesAt))&0xf).data))
	case name == "state" && len(info) >= 4:
		w.say("ct state %s", stateText(host32(info.u32(0)&0xf).data))
	default:
		w.say("match %s", name)
	}
}

func writeTarget(w *writer, a attributes, _ []expression) {
	name := a.word(unix.NFTA_TARGET_NAME)
	if name == "REJECT" || name == "LOG" {
		name = strings.ToLower(name)
	} else {
		name = "target " + name
	}
	w.say("%s", name)
}

func writeLimit(w *writer, a attributes, _ []expression) {
	units := map[uint64]string{1: "second", 60: "minute", 3600: "hour", 86400: "day", uint64(7 * 24 * time.Hour / time.Second): "week"}
	word := ""
	if a.number(unix.NFTA_LIMIT_FLAGS) != 0 {
		word = "over "
	}
	w.say("limit rate %s%d/%s", word, a.number(unix.NFTA_LIMIT_RATE), units[a.number(unix.NFTA_LIMIT_UNIT)])
}

func writeObjref(w *writer, a attributes, _ []expression) {
	kinds := map[uint64]string{1: "counter", objectQuota: "quota", 3: "ct helper set", objectLimit: "limit", objectConnlimit: "ct count", objectSynproxy: "synproxy"}
	word := kinds[a.number(unix.NFTA_OBJREF_IMM_TYPE)]
	if word == "" {
		word = "object"
	}
	w.say("%s name %q", word, a.word(unix.NFTA_OBJREF_IMM_NAME))
}

func writeDynset(w *writer, a attributes, _ []expression) {
	q := w.at(a.number(unix.NFTA_DYNSET_SREG_KEY))
	word := "add"
	if a.number(unix.NFTA_DYNSET_OP) == 1 { // NFT_DYNSET_OP_UPDATE
		word = "update"
	}
	inner := &writer{table: w.table, registers: w.registers}
	if e := attributes(a.find(unix.NFTA_DYNSET_EXPR)); e.word(unix.NFTA_EXPR_NAME) == "limit" {
		writeLimit(inner, e.find(unix.NFTA_EXPR_DATA), nil)
	}
	w.say("%s @%s { %s }", word, a.word(unix.NFTA_DYNSET_SET_NAME), strings.Join(append([]string{q.name}, inner.words...), " "))
}
