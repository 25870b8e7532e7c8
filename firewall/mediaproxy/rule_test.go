package mediaproxy

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// golden reads a file of hexadecimal bytes, a line for each attribute, with
// comments behind #; an empty line ends a message.
func golden(t *testing.T, file string) (messages [][]byte) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var message []byte
	for line := range strings.Lines(string(text) + "\n") {
		bare, _, commented := strings.Cut(line, "#")
		data, err := hex.DecodeString(strings.Join(strings.Fields(bare), ""))
		require.NoError(t, err, line)
		if message = append(message, data...); len(data) == 0 && !commented && len(message) > 0 {
			messages, message = append(messages, message), nil
		}
	}
	return messages
}

func TestTheRuleIsExactlyTheseBytes(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("NOT TESTED: the golden file is of a little-endian machine")
	}
	messages, err := Rule(TargetRTPENGINE, 5)
	require.NoError(t, err)
	require.Len(t, messages, 6)
	want := golden(t, "testdata/rule.hex")
	require.Len(t, want, 3)
	for i, m := range messages {
		body := strings.Clone(string(want[i%3]))
		assert.Equal(t, byte(Families[i/3]), m.Body[0])
		assert.Equal(t, body[1:], string(m.Body[1:]), "message %d (%s)", i+1, m.About)
		assert.Equal(t, []uint8{unix.NFT_MSG_NEWTABLE, unix.NFT_MSG_NEWCHAIN, unix.NFT_MSG_NEWRULE}[i%3], m.Type)
		assert.Zero(t, m.Flags&unix.NLM_F_EXCL, "a table of others is no error")
		assert.NotZero(t, m.Flags&unix.NLM_F_CREATE)
	}
}

func TestTheTargetComesBackAsItWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Z]{1,28}`).Draw(t, "name")
		id := rapid.Uint32().Draw(t, "id")
		gotName, gotID, ok := decodeTarget(encodeTarget(name, id).Data)
		if !ok || gotName != name || gotID != id {
			t.Fatalf("got %q %d %v", gotName, gotID, ok)
		}
	})
}

func TestWhatIsNotOursIsTold(t *testing.T) {
	want := table(ruleset.FamilyIPv4, TargetRTPENGINE, 0)
	messages := func(change func(*ruleset.Table)) []ruleset.Message {
		other := table(ruleset.FamilyIPv4, TargetRTPENGINE, 0)
		change(other)
		all, err := other.Encode()
		require.NoError(t, err)
		return all
	}
	rule := func(c *ruleset.Table) *ruleset.Rule { return &c.Chains[0].Rules[0] }
	assert.True(t, holds(messages(func(*ruleset.Table) {}), want))
	assert.True(t, holds(messages(func(c *ruleset.Table) { c.Comment = "" }), want), "the table's comment is its maker's")
	assert.True(t, holds(messages(func(c *ruleset.Table) { rule(c).Handle = 7 }), want))
	for name, change := range map[string]func(*ruleset.Table){
		"another target": func(c *ruleset.Table) { rule(c).Statements[2] = encodeTarget(TargetMEDIAPROXY, 0) },
		"another table":  func(c *ruleset.Table) { rule(c).Statements[2] = encodeTarget(TargetRTPENGINE, 1) },
		"native": func(c *ruleset.Table) {
			rule(c).Statements[2] = ruleset.Foreign{Name: nativeExpression, Data: encodeTarget(TargetRTPENGINE, 0).Data}
		},
		"no counter": func(c *ruleset.Table) { rule(c).Statements = append(rule(c).Statements[:1:1], rule(c).Statements[2]) },
		"TCP": func(c *ruleset.Table) {
			rule(c).Statements[0] = ruleset.Match{Field: ruleset.MetaL4Proto, Operand: ruleset.Value{6}}
		},
		"another comment": func(c *ruleset.Table) { rule(c).Comment = "" },
		"a verdict behind": func(c *ruleset.Table) {
			rule(c).Statements = append(rule(c).Statements, ruleset.Verdict{Kind: ruleset.Drop})
		},
		"two rules":           func(c *ruleset.Table) { c.Chains[0].Rules = append(c.Chains[0].Rules, *rule(c)) },
		"no rules":            func(c *ruleset.Table) { c.Chains[0].Rules = nil },
		"no chain":            func(c *ruleset.Table) { c.Chains = nil },
		"no base chain":       func(c *ruleset.Table) { c.Chains[0].Base = nil },
		"an earlier priority": func(c *ruleset.Table) { c.Chains[0].Base.Priority = -11 },
		"policy drop":         func(c *ruleset.Table) { c.Chains[0].Base.Drop = true },
	} {
		t.Run(name, func(t *testing.T) { assert.False(t, holds(messages(change), want)) })
	}
	assert.False(t, holds(nil, want))
}

func FuzzDecode(f *testing.F) {
	messages, err := Rule(TargetRTPENGINE, 0)
	require.NoError(f, err)
	for _, m := range messages {
		f.Add(m.Type, m.Body)
	}
	f.Add(uint8(unix.NFT_MSG_NEWRULE), []byte{2, 0, 0, 0, 4, 0, 1, 0})
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		m := ruleset.Message{Type: kind, Body: body}
		chain, isChain := kernel.DecodeChain(m)
		rule, isRule := kernel.DecodeRule(m)
		require.False(t, isChain && isRule)
		if isRule {
			chain = kernel.Chain{Family: rule.Family, Table: rule.Table, Name: rule.Chain, Base: &ruleset.Base{Hook: ruleset.HookInput}}
		}
		for _, h := range handlers([]kernel.Chain{chain}, []kernel.Rule{rule}) {
			require.Equal(t, rule.Chain, h.Chain)
			require.Len(t, h.Hooks, 1)
		}
		want := table(ruleset.FamilyIPv4, TargetRTPENGINE, 0)
		whole := []ruleset.Message{messages[0], messages[1], m}
		if holds(whole, want) {
			_, id, ok := decodeTarget(rule.Expressions[len(rule.Expressions)-1].Data)
			require.True(t, ok && id == 0 && rule.Table == FilterTable && rule.Chain == Chain)
		}
	})
}

func FuzzTarget(f *testing.F) {
	f.Add(encodeTarget(TargetRTPENGINE, 63).Data)
	f.Fuzz(func(t *testing.T, data []byte) {
		name, id, ok := decodeTarget(data)
		if !ok {
			return
		}
		again, same, ok := decodeTarget(encodeTarget(name, id).Data)
		require.True(t, ok)
		require.Equal(t, name, again)
		require.Equal(t, id, same)
	})
}
