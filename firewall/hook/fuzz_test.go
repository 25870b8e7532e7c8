package hook

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// FuzzRule runs and writes rules of two expressions of any kind with any
// attributes: none may bring us down, whatever they say.
func FuzzRule(f *testing.F) {
	names := slices.Sorted(maps.Keys(expressions))
	f.Add(uint8(0), []byte{8, 0, 1, 0, 0, 0, 0, 1}, uint8(1), []byte{8, 0, 2, 0, 0, 0, 0, 255})
	f.Fuzz(func(t *testing.T, first uint8, data []byte, second uint8, more []byte) {
		step := func(n uint8, data []byte) expression {
			return expression{names[int(n)%len(names)], data}
		}
		one := &table{tableKey: tableKey{uint8(ruleset.FamilyInet), "f"}, chains: map[string]*chain{}, sets: map[string]*set{"s": {name: "s", keyLen: 4}}}
		c := one.chain("i")
		c.based, c.hook, c.rules = true, hookInput, []rule{{steps: []expression{step(first, data), step(second, more)}}}
		s := &Snapshot{tables: map[tableKey]*table{one.tableKey: one}}
		s.bases = ordered(s.tables)
		o := s.Judge(ruleset.Packet{In: "eth0", Src: netip.MustParseAddr("192.0.2.1"), Protocol: protoTCP, DstPort: 22})
		assert.Len(t, o.Path, 1)
		_ = ruleText(c, &c.rules[0])
	})
}

// FuzzMessages decodes any messages.
func FuzzMessages(f *testing.F) {
	f.Add(uint8(unix.NFT_MSG_NEWSET), []byte{1, 0, 0, 0, 6, 0, 1, 0, 'f', 0, 0, 0})
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		kinds := []uint8{unix.NFT_MSG_NEWTABLE, unix.NFT_MSG_NEWCHAIN, unix.NFT_MSG_NEWRULE, unix.NFT_MSG_NEWSET, unix.NFT_MSG_NEWSETELEM}
		m := ruleset.Message{Type: kinds[int(kind)%len(kinds)], Body: body}
		s := &Snapshot{tables: decode([]ruleset.Message{{Type: unix.NFT_MSG_NEWSET, Body: body}, m})}
		s.bases = ordered(s.tables)
		o := s.Judge(ruleset.Packet{In: "eth0", Src: netip.MustParseAddr("192.0.2.1"), Protocol: protoTCP, DstPort: 22})
		assert.LessOrEqual(t, len(o.Path), len(s.bases))
	})
}
