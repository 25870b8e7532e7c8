package addr

import (
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// universe is some addresses of each family around both ends of its space, and
// of IPv6 around the border between the halves of its numbers.
var universe = func() (all []netip.Addr) {
	for i := range 8 {
		k := key4From(uint32(i))
		all = append(all, k.addr(), key4From(^k.number()).addr())
		lo := uint64(i)
		all = append(all, key6From(0, lo).addr(), key6From(^uint64(0), ^lo).addr())
		all = append(all, key6From(1, lo).addr(), key6From(0, ^lo).addr())
	}
	return all
}()

// model is a set as the addresses of the universe that are in it.
type model map[netip.Addr]bool

func genSet(t *rapid.T) (Set, model) {
	var b Builder
	m := model{}
	for range rapid.IntRange(0, 6).Draw(t, "ranges") {
		from := rapid.SampledFrom(universe).Draw(t, "from")
		to := rapid.SampledFrom(universe).Draw(t, "to")
		b.AddRange(from, to)
		for _, a := range universe {
			if from.Is4() == to.Is4() && a.Is4() == from.Is4() && !a.Less(from) && !to.Less(a) {
				m[a] = true
			}
		}
	}
	return b.Set(), m
}

func requireModel(t *rapid.T, s Set, in func(a netip.Addr) bool) {
	for _, a := range universe {
		require.Equalf(t, in(a), s.Contains(a), "%s in %v", a, s.Strings())
	}
	var last netip.Addr
	for r := range s.Ranges() {
		require.False(t, r.To.Less(r.From))
		if last.IsValid() && last.Is4() == r.From.Is4() {
			require.Truef(t, last.Next().Less(r.From), "%s touches %s", last, r.From)
		}
		last = r.To
	}
	require.True(t, Of(slices.Collect(s.Prefixes())...).Equal(s))
}

func TestAlgebraAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := genSet(t)
		u, n := genSet(t)
		requireModel(t, s, func(a netip.Addr) bool { return m[a] })
		requireModel(t, s.Union(u), func(a netip.Addr) bool { return m[a] || n[a] })
		requireModel(t, s.Intersect(u), func(a netip.Addr) bool { return m[a] && n[a] })
		requireModel(t, s.Subtract(u), func(a netip.Addr) bool { return m[a] && !n[a] })
		require.Equal(t, s.Overlaps(u), !s.Intersect(u).IsEmpty())
		require.Equal(t, s.Covers(u), s.Union(u).Equal(s))
		require.True(t, Any().Subtract(Any().Subtract(s)).Equal(s))
		require.True(t, s.Only4().Union(s.Only6()).Equal(s))
		again, err := FromPacked(s.Packed4(), s.Packed6())
		require.NoError(t, err)
		require.True(t, again.Equal(s))
		require.Equal(t, s.Has4(), s.Len4() > 0)
		require.Equal(t, s.Has6(), s.Len6() > 0)
	})
}

func TestEdges(t *testing.T) {
	for _, test := range []struct {
		in, want []string
	}{
		{[]string{"0.0.0.0/0"}, []string{"0.0.0.0/0"}},
		{[]string{"0.0.0.0/1", "128.0.0.0/1"}, []string{"0.0.0.0/0"}},
		{[]string{"::/0"}, []string{"::/0"}},
		{[]string{"::/1", "8000::/1"}, []string{"::/0"}},
		{[]string{"255.255.255.255/32", "255.255.255.254/32"}, []string{"255.255.255.254/31"}},
		{[]string{"0.0.0.0/32"}, []string{"0.0.0.0"}},
		{[]string{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"}, []string{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}},
		{[]string{"2001:db8::/64", "2001:db8:0:1::/64"}, []string{"2001:db8::/63"}},
		{[]string{"192.0.2.0/24", "192.0.2.7/32"}, []string{"192.0.2.0/24"}},
		{[]string{"192.0.2.77/24"}, []string{"192.0.2.0/24"}},
		{[]string{"2001:db8::1/64"}, []string{"2001:db8::/64"}},
		{[]string{"10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8"}, []string{"10.0.0.0/7", "12.0.0.0/8"}},
	} {
		assert.Equal(t, test.want, Of(prefixes(test.in...)...).Strings())
	}
}

func TestAny(t *testing.T) {
	assert.Equal(t, []string{"0.0.0.0/0", "::/0"}, Any().Strings())
	assert.True(t, Any().IsAny())
	assert.False(t, Any().IsAny4())
	assert.True(t, Any4().IsAny4())
	assert.True(t, Any6().IsAny6())
	assert.False(t, Any4().IsAny())
	assert.Equal(t, []string{}, Set{}.Strings())
	for _, almost := range []string{"0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"} {
		less := Any().Subtract(Of(netip.MustParsePrefix(almost)))
		assert.Falsef(t, less.IsAny() || less.Only4().IsAny4() && less.Only6().IsAny6(), "any but %s", almost)
	}
}

func TestCount(t *testing.T) {
	v4, v6 := Any().Count()
	assert.Equal(t, uint64(1)<<32, v4)
	assert.Equal(t, new(big.Int).Lsh(big.NewInt(1), 128), v6)
	v4, _ = Of(prefixes("192.0.2.0/24", "198.51.100.1/32")...).Count()
	assert.Equal(t, uint64(257), v4)
	_, v6 = Of(prefixes("2001:db8::/64", "2001:db9::/32", "::1/128")...).Count()
	want := new(big.Int).Lsh(big.NewInt(1), 64)
	want.Add(want, new(big.Int).Lsh(big.NewInt(1), 96)).Add(want, big.NewInt(1))
	assert.Equal(t, want, v6)
}

func TestBackwardAndMixedRangesAddNothing(t *testing.T) {
	var b Builder
	b.AddRange(netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.1"))
	b.AddRange(netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::"))
	assert.True(t, b.Set().IsEmpty())
}

func TestMappedCountsAsIPv4(t *testing.T) {
	want := Of(prefixes("192.0.2.0/24")...)
	assert.True(t, want.Contains(netip.MustParseAddr("::ffff:192.0.2.7")))
	assert.True(t, want.Equal(Of(prefixes("::ffff:192.0.2.0/120")...)))
	assert.True(t, Any4().Equal(Of(prefixes("::ffff:0:0/96")...)))
	assert.Equal(t, []string{"::fffe:0:0/95"}, Of(prefixes("::fffe:0:0/95")...).Strings())
	var b Builder
	b.AddRange(netip.MustParseAddr("::ffff:192.0.2.0"), netip.MustParseAddr("::ffff:192.0.2.255"))
	assert.True(t, want.Equal(b.Set()))
}

func TestWhatIsNotValidAddsNothing(t *testing.T) {
	var b Builder
	b.AddPrefix(netip.Prefix{})
	b.AddPrefix(netip.PrefixFrom(netip.MustParseAddr("192.0.2.1"), 33))
	b.AddRange(netip.Addr{}, netip.Addr{})
	b.AddRange(netip.Addr{}, netip.MustParseAddr("::1"))
	b.AddRange(netip.MustParseAddr("::"), netip.Addr{})
	assert.Empty(t, b.Set().Strings())
	assert.False(t, Any().Contains(netip.Addr{}))
}

// Sets share memory with what they were made of; none may change for it.
func TestSetsDoNotChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := genSet(t)
		u, n := genSet(t)
		var b Builder
		b.AddSet(u)
		b.AddSet(s)
		both := b.Set()
		b.AddRange(universe[0], universe[0])
		b.Set().Union(s).Subtract(u).Intersect(Any())
		s.Union(u).Union(s)
		requireModel(t, s, func(a netip.Addr) bool { return m[a] })
		requireModel(t, u, func(a netip.Addr) bool { return n[a] })
		requireModel(t, both, func(a netip.Addr) bool { return m[a] || n[a] })
	})
}

func TestBuilderGoesOn(t *testing.T) {
	var b Builder
	for _, p := range prefixes("10.0.0.6/32", "10.0.0.4/32", "10.0.0.2/32") { // room for one more
		b.AddPrefix(p)
	}
	before := b.Set()
	b.AddPrefix(netip.MustParsePrefix("10.0.0.3/32"))
	assert.Equal(t, []string{"10.0.0.2/31", "10.0.0.4", "10.0.0.6"}, b.Set().Strings())
	assert.Equal(t, []string{"10.0.0.2", "10.0.0.4", "10.0.0.6"}, before.Strings())
}

func TestMillionPrefixes(t *testing.T) {
	const n = 1_000_000
	var even, odd Builder
	for i := range n { // in an order far from sorted
		k := uint32(i*7919%n) << 12
		even.AddPrefix(netip.PrefixFrom(key4From(k).addr(), 24))
		odd.AddPrefix(netip.PrefixFrom(key4From(k|1<<11).addr(), 24))
	}
	s, u := even.Set(), odd.Set()
	require.Equal(t, n, s.Len4())
	require.Equal(t, 2*n, s.Union(u).Len4())
	require.True(t, s.Union(u).Subtract(u).Equal(s))
	require.True(t, s.Intersect(u).IsEmpty())
}

// Long sets that hardly differ are compared block by block.
func TestLongSetsThatHardlyDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var both, one, other Builder
		n := rapid.IntRange(block, 4*block).Draw(t, "ranges")
		only := rapid.MapOfN(rapid.IntRange(0, n), rapid.IntRange(0, 2), 0, 5).Draw(t, "only in")
		for i := range n {
			p := netip.PrefixFrom(key4From(uint32(i)<<8).addr(), 30)
			where, differs := only[i]
			if !differs || where == 2 {
				both.AddPrefix(p)
			}
			if !differs || where == 0 {
				one.AddPrefix(p)
			}
			if !differs || where == 1 {
				other.AddPrefix(p)
			}
		}
		a, b := one.Set(), other.Set()
		common := a.Intersect(b)
		require.True(t, a.Subtract(b).Equal(a.Subtract(common)))
		require.True(t, a.Subtract(b).Union(common).Equal(a))
		require.True(t, b.Subtract(a).Union(common).Equal(b))
		require.False(t, a.Subtract(b).Overlaps(b))
		require.True(t, common.Subtract(both.Set()).IsEmpty())
	})
}

func BenchmarkMillionUnion(b *testing.B) {
	var even, odd Builder
	for i := range 1_000_000 {
		even.AddPrefix(netip.PrefixFrom(key4From(uint32(i)<<12).addr(), 24))
		odd.AddPrefix(netip.PrefixFrom(key4From(uint32(i)<<12|1<<11).addr(), 24))
	}
	s, u := even.Set(), odd.Set()
	for b.Loop() {
		s.Union(u)
	}
}

func BenchmarkMillionPrefixes(b *testing.B) {
	for range b.N {
		var builder Builder
		for i := range 1_000_000 {
			builder.AddPrefix(netip.PrefixFrom(key4From(uint32(i*2654435761)&^0xff).addr(), 24))
		}
		builder.Set()
	}
}

func TestUnsoundBytesAreNoSet(t *testing.T) {
	for name, packed := range map[string][]byte{
		"cut":        {10, 0, 0, 0, 10, 0, 0},
		"backwards":  {10, 0, 0, 1, 10, 0, 0, 0},
		"touching":   {10, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 3},
		"descending": {10, 0, 0, 9, 10, 0, 0, 9, 10, 0, 0, 2, 10, 0, 0, 3},
	} {
		_, err := FromPacked(packed, nil)
		require.Error(t, err, name)
	}
}

func BenchmarkMillionPrefixes6(b *testing.B) {
	for range b.N {
		var builder Builder
		for i := range 1_000_000 {
			builder.AddPrefix(netip.PrefixFrom(key6From(0x20010db8_00000000|uint64(uint32(i*2654435761)), 0).addr(), 64))
		}
		builder.Set()
	}
}
