package audit

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/policy/addr"
)

func set(texts ...string) addr.Set { return addr.Of(prefixes(texts...)...) }

func TestClasses(t *testing.T) {
	all, cut := classify(set("10.9.0.0/16"), []addr.Set{set("10.0.0.0/8", "192.0.2.0/24"), set("10.1.0.0/16"), set("2001:db8::/32")})
	require.False(t, cut)
	var sources [][]string
	for _, c := range all {
		assert.True(t, c.sources.Contains(c.one))
		if n := c.sources.Len4() + c.sources.Len6(); n < 4 {
			sources = append(sources, c.sources.Strings()[:1])
		}
	}
	assert.Contains(t, sources, []string{"10.1.0.0/16"})
	assert.Contains(t, sources, []string{"2001:db8::/32"})
	assert.Contains(t, sources, []string{"fe80::/10"})
	assert.Len(t, all, 3+3, "of each family the rest, and what is inside")
}

func TestTooManyClassesAreCut(t *testing.T) {
	var sets []addr.Set
	for i := range maxClasses + 1 {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
		sets = append(sets, addr.Of(netip.PrefixFrom(a, 32)))
	}
	all, cut := classify(addr.Set{}, sets)
	assert.True(t, cut)
	assert.Len(t, all, maxClasses)
}

// TestEveryAddressIsInOneClass draws sets and addresses: those of a class are in
// the same sets, and what is left out is in none.
func TestEveryAddressIsInOneClass(t *testing.T) {
	address := rapid.Custom(func(t *rapid.T) netip.Addr {
		if low := byte(rapid.IntRange(0, 255).Draw(t, "low")); rapid.Bool().Draw(t, "v4") {
			return netip.AddrFrom4([4]byte{10, 0, 0, low})
		} else {
			return netip.AddrFrom16([16]byte{0x20, 1, 15: low})
		}
	})
	some := rapid.Custom(func(t *rapid.T) (s addr.Set) {
		var b addr.Builder
		for range rapid.IntRange(0, 4).Draw(t, "ranges") {
			from := address.Draw(t, "from")
			b.AddPrefix(netip.PrefixFrom(from, from.BitLen()-rapid.IntRange(0, 8).Draw(t, "free")))
		}
		return b.Set()
	})
	rapid.Check(t, func(t *rapid.T) {
		out, sets := some.Draw(t, "out"), rapid.SliceOfN(some, 0, 5).Draw(t, "sets")
		all, _ := classify(out, sets)
		a := address.Draw(t, "address")
		var mine []class
		for _, c := range all {
			if c.sources.Contains(a) {
				mine = append(mine, c)
			}
		}
		if out.Contains(a) {
			if len(mine) > 0 {
				t.Fatalf("%s is left out, but in %v", a, mine)
			}
			return
		}
		if len(mine) != 1 {
			t.Fatalf("%s is in %d classes", a, len(mine))
		}
		for _, s := range sets {
			if s.Contains(a) != s.Contains(mine[0].one) {
				t.Fatalf("%s and %s differ in %v", a, mine[0].one, s.Strings())
			}
		}
	})
}
