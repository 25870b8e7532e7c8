package mediaproxy

import (
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// Kind is how a rule hands packets to rtpengine's module.
type Kind string

// The kinds of rule.
const (
	KindTarget Kind = "target" // an xtables target, through nft_compat
	KindNative Kind = "native" // the module's own expression, which only the daemon makes (from mr14.1)
)

// nativeExpression is the kernel's name of the module's own expression, and
// nativeTable the attribute with the table's number, in the machine's byte order
// (sipwise/rtpengine, kernel-module/nft_rtpengine.h).
const (
	nativeExpression = "rtpengine"
	nativeTable      = 1
)

// Handler is a rule that hands packets to rtpengine's module, by whomever.
type Handler struct {
	Family  string `json:"family"` // ip, ip6 or inet
	Table   string `json:"table"`
	Chain   string `json:"chain"`
	Kind    Kind   `json:"kind"`
	Target  string `json:"target,omitempty"`
	ID      int    `json:"id"` // rtpengine's table
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
	Ours    bool   `json:"ours"`
	Hooks   []Hook `json:"hooks"` // where packets come from; none: no packet meets the rule
}

// Hook is a base chain at the input hook.
type Hook struct {
	Chain    string `json:"chain"`
	Priority int32  `json:"priority"`
}

// Covers reports whether packets of the family meet the rule.
func (h Handler) Covers(f ruleset.Family) bool {
	return len(h.Hooks) > 0 && (h.Family == f.String() || h.Family == ruleset.FamilyInet.String())
}

// handlers finds the rules for rtpengine's module among those of a survey. Jumps
// by verdict maps are not followed: rtpengine makes none.
func handlers(chains []kernel.Chain, rules []kernel.Rule) (found []Handler) {
	for _, r := range rules {
		h := Handler{Family: r.Family.String(), Table: r.Table, Chain: r.Chain, Hooks: []Hook{}}
		handles := false
		for _, e := range r.Expressions {
			handles = h.read(e) || handles
		}
		if !handles {
			continue
		}
		h.Ours = r.Family != ruleset.FamilyInet && r.Table == FilterTable && r.Chain == Chain
		h.Hooks = append(h.Hooks, leading(chains, rules, r)...)
		found = append(found, h)
	}
	return found
}

// read takes up what an expression tells, and reports whether it hands the packet
// over.
func (h *Handler) read(e kernel.Expression) bool {
	switch e.Name {
	case "counter":
		h.Packets, h.Bytes = counter(e.Data)
	case targetExpression:
		name, id, ok := decodeTarget(e.Data)
		if ok && (name == TargetRTPENGINE || name == TargetMEDIAPROXY) {
			h.Kind, h.Target, h.ID = KindTarget, name, int(id)
			return true
		}
	case nativeExpression:
		h.Kind = KindNative
		for kind, data := range kernel.Attributes(e.Data) {
			if kind == nativeTable && len(data) == 4 {
				h.ID = int(binary.NativeEndian.Uint32(data))
			}
		}
		return true
	}
	return false
}

func counter(list []byte) (packets, bytes uint64) {
	for kind, data := range kernel.Attributes(list) {
		switch {
		case len(data) != 8:
		case kind == unix.NFTA_COUNTER_PACKETS:
			packets = binary.BigEndian.Uint64(data)
		case kind == unix.NFTA_COUNTER_BYTES:
			bytes = binary.BigEndian.Uint64(data)
		}
	}
	return packets, bytes
}

// leading is the base chains of the input hook from which packets come to the
// rule, by however many jumps.
func leading(chains []kernel.Chain, rules []kernel.Rule, to kernel.Rule) (hooks []Hook) {
	reached := map[string]bool{to.Chain: true}
	for grown := true; grown; {
		grown = false
		for _, r := range rules {
			if r.Family != to.Family || r.Table != to.Table || reached[r.Chain] {
				continue
			}
			if slices.ContainsFunc(r.Expressions, func(e kernel.Expression) bool { return reached[jumpsTo(e)] }) {
				reached[r.Chain], grown = true, true
			}
		}
	}
	for _, c := range chains {
		if c.Family == to.Family && c.Table == to.Table && reached[c.Name] && atHook(c, ruleset.HookInput) {
			hooks = append(hooks, Hook{c.Name, c.Base.Priority})
		}
	}
	return hooks
}

func atHook(c kernel.Chain, h ruleset.Hook) bool { return c.Base != nil && c.Base.Hook == h }

// jumpsTo is the chain that the expression jumps or goes to; "" for others.
func jumpsTo(e kernel.Expression) (chain string) {
	if e.Name != "immediate" {
		return ""
	}
	for kind, data := range kernel.Attributes(e.Data) {
		if kind != unix.NFTA_IMMEDIATE_DATA {
			continue
		}
		for kind, data := range kernel.Attributes(data) {
			if kind != unix.NFTA_DATA_VERDICT {
				continue
			}
			for kind, data := range kernel.Attributes(data) {
				if kind == unix.NFTA_VERDICT_CHAIN {
					chain = strings.TrimSuffix(string(data), "\x00")
				}
			}
		}
	}
	return chain
}
