package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A tally reads no set that the kernel counts, and of the others only those that
// packets fill.
func TestTallyReadsNoList(t *testing.T) {
	inNamespace(t)
	c := open(t)
	none, err := c.Tally(family, name)
	require.NoError(t, err)
	require.Nil(t, none.Table)
	_, err = c.Apply(table(1, countable+1, 80))
	require.NoError(t, err)
	nft(t, "add set inet test met { type ipv4_addr; size 100; flags dynamic, timeout; }\nadd element inet test met { 192.0.2.1 timeout 1h, 192.0.2.7 timeout 1h }\n")
	nft(t, "add element inet test banned4 { 192.0.2.0/24 timeout 1h, 203.0.113.7 timeout 1h }\n")
	for _, told := range []bool{true, false} {
		w := &watched{transport: c.wire, counts: told}
		c := &Conn{wire: w}
		tally, err := c.Tally(family, name)
		require.NoError(t, err)
		if len(tally.Counts) == 1 && told {
			t.Log("NOT TESTED: this kernel does not count")
			continue
		}
		assert.Equal(t, 2, tally.Counts["met"])
		assert.NotEmpty(t, tally.Table.Counters)
		if told {
			assert.Zero(t, w.dumps)
			assert.Equal(t, countable+1, tally.Counts["from-1"])
			assert.Equal(t, 2, tally.Counts["banned4"])
		} else {
			assert.Equal(t, 1, w.dumps)
			assert.Len(t, tally.Counts, 1)
		}
	}
}
