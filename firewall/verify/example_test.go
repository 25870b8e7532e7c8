package verify_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/verify"
)

// An example is of addresses and interfaces that hosts have.
func TestExamplesAreLikely(t *testing.T) {
	closed := carrier()
	closed.Exposures = closed.Exposures[:1]
	found, err := verify.Compare(compile.Compile(closed, 1), carrier())
	require.NoError(t, err)
	require.NotNil(t, found)
	assert.Truef(t, found.Flow.From.IsGlobalUnicast(), "%s", found.Flow.From)
	assert.Equal(t, "eth0", found.Flow.In)
	found.By([]string{"lo", "neth0"})
	assert.Equal(t, "neth0", found.Flow.In)
	assert.Equal(t, "neth0", found.Packet.In)
}
