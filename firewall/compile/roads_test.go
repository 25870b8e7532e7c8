package compile

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/ruleset"
)

// What is compiled says the same on the road of text, through the real nft and
// the kernel, as on that of netlink messages.
func TestNftListsTheTextAsItIs(t *testing.T) {
	for name := range models {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".nft")
			listed := nft(t, "sh", "-c", "nft -f "+file+" && nft list ruleset")
			want := strings.Fields(Compile(models[name](), 1).Text())
			assert.Equal(t, want, strings.Fields(listed), "but for where lines break")
		})
	}
}

func TestMessagesAreTheTable(t *testing.T) {
	for name, model := range models {
		t.Run(name, func(t *testing.T) { requireMessages(t, Compile(model(), 1)) })
	}
	rapid.Check(t, func(t *rapid.T) { requireMessages(t, Compile(drawModel(t), 7)) })
}

func requireMessages(t require.TestingT, table *ruleset.Table) {
	messages, err := table.Encode()
	require.NoError(t, err)
	back, err := ruleset.Decode(Family, TableName, messages)
	require.NoError(t, err)
	require.Empty(t, ruleset.Diff(table, back))
	require.Equal(t, table.Text(), back.Text())
}
