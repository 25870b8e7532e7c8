package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/verify"
)

// What is compiled is the policy, whatever the policy.
func TestCompiledIsEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		table := compile.Compile(m, 7)
		found, err := verify.Compare(table, m)
		require.NoError(t, err)
		require.Nil(t, found, "%+v\n%s", found, table.Text())
	})
}
