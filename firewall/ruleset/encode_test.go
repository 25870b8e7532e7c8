package ruleset

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// roundTrip is the table after encoding and decoding, without what is of the
// moment.
func roundTrip(t require.TestingT, table *Table) *Table {
	messages, err := table.Encode()
	require.NoError(t, err)
	back, err := Decode(table.Family, table.Name, messages)
	require.NoError(t, err)
	return back
}

func TestDecodeIsTheInverseOfEncode(t *testing.T) {
	rich := richTable()
	rich.Counters = []Counter{{Name: "banned"}, {Name: "refused"}, {Name: "accepted-sip"}}
	require.Equal(t, rich.Text(), roundTrip(t, rich).Text())
	rapid.Check(t, func(t *rapid.T) {
		table := genTable(t)
		back := roundTrip(t, table)
		require.Empty(t, Diff(table, back))
		require.Equal(t, table.Text(), back.Text())
		messages, lists, err := table.Skeleton()
		require.NoError(t, err)
		kept, err := DecodeSkeleton(table.Family, table.Name, messages, lists)
		require.NoError(t, err)
		require.Empty(t, Diff(back, kept))
		messages, err = table.Encode()
		require.NoError(t, err)
		again, err := back.Encode()
		require.NoError(t, err)
		require.Equal(t, messages, again)
	})
}
