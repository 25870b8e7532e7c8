package ruleset

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The model is a verdict for each of the values of one byte.
func TestElementsAreAMapOfKeys(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		interval := rapid.Bool().Draw(r, "interval")
		model := map[byte]string{}
		e := NewElements(TypeProto, interval)
		overlap := false
		n := rapid.IntRange(0, 8).Draw(r, "n")
		e.Grow(n)
		for i := range n {
			from := rapid.Byte().Draw(r, "from")
			to := from
			if interval {
				to = byte(rapid.IntRange(int(from), min(255, int(from)+30)).Draw(r, "to"))
			}
			v := Verdict{Jump, fmt.Sprint(i)}
			e.AppendVerdict([]byte{from}, []byte{to}, v)
			for key := int(from); key <= int(to); key++ {
				overlap = overlap || model[byte(key)] != ""
				model[byte(key)] = v.Chain
			}
		}
		if overlap {
			require.Error(r, e.Sort())
			return
		}
		require.NoError(r, e.Sort())
		require.Equal(r, n, e.Len())
		for key := range 256 {
			i, ok := e.Lookup([]byte{byte(key)})
			require.Equal(r, model[byte(key)] != "", ok, key)
			if ok {
				from, to, v := e.At(i)
				require.True(r, from[0] <= byte(key) && byte(key) <= to[0])
				require.Equal(r, model[byte(key)], v.Chain)
			}
		}
	})
}

func TestPackedElements(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		keys := rapid.SliceOfNDistinct(genValue(TypeIPv4Addr), 2, 20, func(v []byte) string { return string(v) }).Draw(r, "keys")
		slices.SortFunc(keys, bytes.Compare)
		keys = keys[:len(keys)/2*2]
		sorted := NewElements(TypeIPv4Addr, true)
		for i := 0; i < len(keys); i += 2 {
			sorted.Append(keys[i], keys[i+1])
		}
		order := rapid.Permutation(seq(len(keys)/2)).Draw(r, "order")
		var packed []byte
		for _, i := range order {
			packed = append(append(packed, keys[2*i]...), keys[2*i+1]...)
		}
		e, err := PackedElements(TypeIPv4Addr, true, packed)
		require.NoError(r, err)
		assert.True(r, e.Equal(&sorted))
	})
}

func TestElementsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		what     string
		interval bool
		keys     []byte
	}{
		{"reversed", true, []byte{9, 8}},
		{"overlapping", true, []byte{1, 5, 5, 9}},
		{"twice the same", false, []byte{7, 7}},
		{"cut short", true, []byte{1, 2, 3}},
	} {
		_, err := PackedElements(TypeProto, c.interval, c.keys)
		assert.Error(t, err, c.what)
	}
}

func TestElementsEqual(t *testing.T) {
	one := func(interval bool, key byte, v ...Verdict) *Elements {
		e := NewElements(TypeProto, interval)
		e.Append([]byte{key}, []byte{key})
		e.verdicts = v
		return &e
	}
	var none Elements
	empty := NewElements(TypePort, true)
	assert.True(t, none.Equal(&empty))
	assert.False(t, none.Equal(one(false, 1)))
	assert.True(t, one(false, 1).Equal(one(false, 1)))
	assert.False(t, one(false, 1).Equal(one(true, 1)))
	assert.False(t, one(false, 1).Equal(one(false, 2)))
	assert.False(t, one(false, 1, Verdict{}).Equal(one(false, 1, Verdict{Kind: Drop})))
	_, found := none.Lookup([]byte{1})
	assert.False(t, found)
	require.NoError(t, none.Sort())
}

func seq(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
