package verify

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/ruleset"
)

// The algebra of ranges is that of sets, held against single numbers; both ends
// are among them.
func TestRangesAreSets(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) (r ranges) {
		for _, from := range rapid.SliceOfN(rapid.IntRange(0, 20), 0, 6).Draw(t, "from") {
			s := span{place(from), place(min(20, from+rapid.IntRange(0, 5).Draw(t, "size")))}
			r = union(r, ranges{s})
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		both, rest, all := a.intersect(b), a.subtract(b), union(a, b)
		for i := range 21 {
			n := place(i)
			require.Equal(t, a.contains(n) && b.contains(n), both.contains(n))
			require.Equal(t, a.contains(n) && !b.contains(n), rest.contains(n))
			require.Equal(t, a.contains(n) || b.contains(n), all.contains(n))
		}
		require.Equal(t, len(both) > 0, a.overlaps(b))
		require.Equal(t, len(both)+len(rest) > 0, len(a) > 0)
		for _, r := range []ranges{a, b, both, rest, all} {
			for i := 1; i < len(r); i++ {
				require.Less(t, uint32(r[i-1].to)+1, uint32(r[i].from), "%v is neither sorted nor separate", r)
			}
		}
	})
}

// A field that rules can look at and the proof does not know would only be told
// of when a packet meets it: none is left out.
func TestEveryFieldIsKnown(t *testing.T) {
	for _, f := range ruleset.Fields {
		_, isNet := netFields[f]
		require.True(t, knows(f) || isNet, f.Name)
	}
	require.False(t, knows(&ruleset.Field{Name: "ether type"}))
}

// place spreads 0 to 20 over both ends of all numbers.
func place(i int) uint16 {
	if i > 10 {
		return uint16(65535 - (20 - i))
	}
	return uint16(i)
}
