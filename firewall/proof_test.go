package firewall

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/ruleset"
)

// A ruleset that is not its policy never reaches the kernel.
func TestAnUnprovenRulesetIsNotApplied(t *testing.T) {
	f := inNamespace(t)
	w := compiled(model(t, office), operator)
	for i := range w.table.Sets {
		if s := &w.table.Sets[i]; s.Name == "from-administrators4-1" {
			s.Elements = ruleset.SortedElements(s.Key, true, []byte{192, 0, 2, 0, 192, 0, 3, 255})
		}
	}
	conn, release, err := f.open()
	require.NoError(t, err)
	defer release()
	_, err = f.put(conn, w, Options{})
	var unproven *UnprovenError
	require.ErrorAs(t, err, &unproven)
	assert.Equal(t, "192.0.3.1", unproven.Found.Flow.From.String())
	assert.False(t, unproven.Found.Policy)
	assert.ErrorContains(t, err, "a packet from 192.0.3.1 to port 22/tcp")
	assert.Empty(t, nft(t, "list", "ruleset"))
}
