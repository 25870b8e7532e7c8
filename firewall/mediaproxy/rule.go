// Package mediaproxy keeps rtpengine's rule (NGCP's old name for rtpengine is
// mediaproxy): the rule that hands RTP packets to its kernel module, which
// forwards them without waking the daemon.
//
// Up to rtpengine 11 the rule is an xtables target that somebody has to install:
// us. The kernel takes that target only in tables called filter of the families
// ip and ip6, which others use too, so the rule stands in a base chain of our
// own there. From 12 on the daemon installs the rule; then we look whether it is
// there, and have the daemon put it back where it is not.
package mediaproxy

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// Where our rule stands.
const (
	FilterTable = "filter"
	Chain       = "ngcp-fw-mediaproxy"
	// Priority is later than that of ngcp-fw's own input chain (-10) and of
	// iptables' chains (0; NF_IP_PRI_FILTER of linux/netfilter_ipv4.h): the
	// module takes packets away, so only what is accepted may reach it.
	Priority = 10
)

// The names of the target: xt_RTPENGINE's, and its older self's.
const (
	TargetRTPENGINE  = "RTPENGINE"
	TargetMEDIAPROXY = "MEDIAPROXY"
)

// Families are those that have the rule. A call from IPv4 to IPv6 needs both.
var Families = []ruleset.Family{ruleset.FamilyIPv4, ruleset.FamilyIPv6}

// tableComment marks a table filter that was not there before us.
const tableComment = "made by ngcp-fw"

const udp = 17 // IPPROTO_UDP, RFC 768

// Rule gives the messages that put the rule into both families: the table if it
// is missing, our chain, and in it the rule
//
//	meta l4proto udp counter <target --id table>
//
// All UDP is shown to the target, not only the ports that the policy opens for
// RTP: the policy has decided before, in our input chain. The module takes only
// the addresses and ports that the daemon has told it of. Ports here would have
// to follow those of the daemon, whose own settings may differ, and a wrong one
// would cost the kernel's forwarding silently; and the rule, with its counter,
// would have to be replaced at changes of the policy that do not concern it.
func Rule(target string, id uint32) ([]ruleset.Message, error) {
	var all []ruleset.Message
	for _, f := range Families {
		messages, err := table(f, target, id).Encode()
		if err != nil {
			return nil, err
		}
		all = append(all, messages...)
	}
	return all, nil
}

// table is what is ours in a family's table filter.
func table(f ruleset.Family, target string, id uint32) *ruleset.Table {
	return &ruleset.Table{
		Family: f, Name: FilterTable, Comment: tableComment,
		Chains: []ruleset.Chain{{
			Name: Chain,
			Base: &ruleset.Base{Type: "filter", Hook: ruleset.HookInput, Priority: Priority},
			Rules: []ruleset.Rule{{
				Comment: fmt.Sprintf("ngcp-fw: media to rtpengine's table %d", id),
				Statements: []ruleset.Statement{
					ruleset.Match{Field: ruleset.MetaL4Proto, Operand: ruleset.Value{udp}},
					ruleset.Count{},
					encodeTarget(target, id),
				},
			}},
		}},
	}
}

// Attributes of the expression target (linux/netfilter/nf_tables_compat.h).
const (
	targetName = 1 // NFTA_TARGET_NAME: string
	targetRev  = 2 // NFTA_TARGET_REV: u32
	targetInfo = 3 // NFTA_TARGET_INFO: what the target's module defines
)

// targetExpression is the name of nft_compat's expression.
const targetExpression = "target"

// infoSize is the bytes of the target's info: one unsigned int, the number of
// rtpengine's table, in the machine's byte order (struct xt_rtpengine_info). The
// kernel fills it up to XT_ALIGN(4), which is eight, and shows it so.
const infoSize = 4

func encodeTarget(name string, id uint32) ruleset.Foreign {
	data := ruleset.TextAttribute(targetName, name)
	data = append(data, attribute(targetRev, make([]byte, 4))...)
	data = append(data, attribute(targetInfo, binary.NativeEndian.AppendUint32(nil, id))...)
	return ruleset.Foreign{Name: targetExpression, Data: data}
}

// attribute is one netlink attribute whose data fills whole words.
func attribute(kind uint16, data []byte) []byte {
	a := binary.NativeEndian.AppendUint16(nil, uint16(4+len(data)))
	return append(binary.NativeEndian.AppendUint16(a, kind), data...)
}

// decodeTarget reads a target of revision 0 with an info of one number; false if
// it is something else.
func decodeTarget(data []byte) (name string, id uint32, ok bool) {
	revision, sized := uint32(1), false
	for kind, value := range kernel.Attributes(data) {
		switch kind {
		case targetName:
			name = strings.TrimSuffix(string(value), "\x00")
		case targetRev:
			if len(value) == 4 {
				revision = binary.BigEndian.Uint32(value)
			}
		case targetInfo:
			if sized = len(value) == infoSize || len(value) == 2*infoSize; sized {
				id = binary.NativeEndian.Uint32(value)
			}
		}
	}
	return name, id, name != "" && !strings.Contains(name, "\x00") && revision == 0 && sized
}

// holds reports whether the messages, which are of a table and one chain, hold
// exactly what is wanted.
func holds(messages []ruleset.Message, want *ruleset.Table) bool {
	have, err := ruleset.Decode(want.Family, want.Name, messages)
	if err != nil || have == nil || len(have.Chains) != 1 || slices.ContainsFunc(have.Foreign, notTable) {
		return false
	}
	a, b := &have.Chains[0], &want.Chains[0]
	return a.Name == b.Name && reflect.DeepEqual(a.Base, b.Base) && slices.EqualFunc(a.Rules, b.Rules, sameRule)
}

// notTable tells what is wrong with the chain from what is the table's own
// matter: others may have given it flags and user data.
func notTable(f ruleset.Foreign) bool {
	return strings.HasPrefix(f.Name, "chain") || strings.HasPrefix(f.Name, "rule")
}

func sameRule(a, b ruleset.Rule) bool {
	return a.Comment == b.Comment && slices.EqualFunc(a.Statements, b.Statements, sameStatement)
}

func sameStatement(a, b ruleset.Statement) bool {
	x, isTarget := a.(ruleset.Foreign)
	y, wanted := b.(ruleset.Foreign)
	if !isTarget || !wanted {
		return reflect.DeepEqual(a, b)
	}
	nameX, idX, okX := decodeTarget(x.Data)
	nameY, idY, okY := decodeTarget(y.Data)
	return x.Name == y.Name && okX && okY && nameX == nameY && idX == idY
}

// hasChain reports whether the messages tell of our chain.
func hasChain(messages []ruleset.Message) bool {
	return slices.ContainsFunc(messages, func(m ruleset.Message) bool { return m.Type == unix.NFT_MSG_NEWCHAIN })
}
