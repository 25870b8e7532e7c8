package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// span is a range of keys.
type span struct{ from, to []byte }

// spans draws n ascending ranges, some of them next to each other, over all of
// the type's keys.
func spans(r *rand.Rand, key *ruleset.DataType, n int) (list []span) {
	step := new(big.Int).Lsh(big.NewInt(1), uint(8*key.Len))
	step.Div(step, big.NewInt(int64(n)))
	at := func(i, part int64) []byte { // so many quarters into the i-th part
		x := new(big.Int).Mul(step, big.NewInt(4*i+part))
		return x.Div(x, big.NewInt(4)).FillBytes(make([]byte, key.Len))
	}
	for i := range int64(n) {
		s := span{at(i, 0), neighbour(at(i, 3), -1)}
		switch r.IntN(4) {
		case 0:
			s.to = s.from
		case 1:
			s.to = neighbour(at(i, 4), -1)
		}
		if i == int64(n)-1 && r.IntN(2) == 0 {
			s.to = bytes.Repeat([]byte{0xff}, key.Len)
		}
		list = append(list, s)
	}
	return list
}

func elementsOf(key *ruleset.DataType, interval bool, list []span, keep func(i int) bool) ruleset.Elements {
	e := ruleset.NewElements(key, interval)
	for i, s := range list {
		if keep(i) {
			e.Append(s.from, s.to)
		}
	}
	return e
}

// allowing is a table whose one rule accepts what is in a set of addresses.
func allowing(e ruleset.Elements, key *ruleset.DataType, interval bool) *ruleset.Table {
	t := table(1, 0, 80)
	t.Sets[1].Key, t.Sets[1].Interval, t.Sets[1].Elements = key, interval, e
	if key == ruleset.TypeIPv6Addr {
		rule := &t.Chains[1].Rules[0]
		rule.Statements[0] = ruleset.Match{Field: ruleset.MetaNFProto, Operand: ruleset.Value{byte(ruleset.FamilyIPv6)}}
		rule.Statements[1] = ruleset.Match{Field: ruleset.IP6Saddr, Operand: ruleset.InSet("from-1")}
	}
	return t
}

// changed puts the table into force after the current one and gives it.
func changed(t *testing.T, c *Conn, current, target *ruleset.Table, generation uint64) *ruleset.Table {
	t.Helper()
	want := target.Following(current, generation)
	result, err := c.Change(current, want)
	require.NoError(t, err)
	require.False(t, result.Replaced)
	have, err := c.Read(family, name)
	require.NoError(t, err)
	require.Empty(t, ruleset.Diff(have, want))
	require.NotNil(t, find(have.Sets, setName, want.Sets[1].Name))
	require.Len(t, have.Sets, len(want.Sets))
	want.InPlace = true // any kernel takes deltas, though on some of them packets notice
	return want
}

// Whatever part of a large set comes and goes, the kernel holds it afterwards:
// adjacent ranges, ranges to both ends, single keys.
func TestDeltasOfAllKinds(t *testing.T) {
	const size, changes = 3000, 12
	for _, key := range []*ruleset.DataType{ruleset.TypeIPv4Addr, ruleset.TypeIPv6Addr} {
		for _, interval := range []bool{true, false} {
			t.Run(fmt.Sprint(key.Name, " ", interval), func(t *testing.T) {
				inNamespace(t)
				c := open(t)
				r := rand.New(rand.NewPCG(1, uint64(key.Len)))
				list := spans(r, key, size)
				var current *ruleset.Table
				gone := map[int]bool{}
				for generation := range uint64(changes) {
					n := []int{1, 2, size / 20}[generation%3]
					for range n {
						i := r.IntN(size)
						gone[i] = !gone[i]
					}
					gone[0], gone[size-1] = generation%4 < 2, generation%2 == 0
					e := elementsOf(key, interval, list, func(i int) bool { return !gone[i] })
					current = changed(t, c, current, allowing(e, key, interval), generation+1)
					assert.Equal(t, "from-1", current.Sets[1].Name, "the set stays")
					assert.Equal(t, ruleset.Scoped("ports", generation+1), current.Sets[2].Name)
				}
			})
		}
	}
}

// A range that grows, shrinks, joins another one or falls into two, makes the
// set new: some kernels would lose packets of what is in it before and after.
func TestRangesThatChangeMakeTheSetNew(t *testing.T) {
	wide := func(ends ...uint32) *ruleset.Table {
		target := table(1, 3000, 80)
		for i := 0; i < len(ends); i += 2 {
			target.Sets[1].Elements.Append(binary.BigEndian.AppendUint32(nil, 11<<24+ends[i]), binary.BigEndian.AppendUint32(nil, 11<<24+ends[i+1]))
		}
		return target
	}
	for what, to := range map[string]*ruleset.Table{
		"grows": wide(10, 30), "grows to the left": wide(5, 20), "shrinks": wide(10, 15), "shrinks to the right": wide(15, 20), "falls": wide(10, 12, 15, 20),
	} {
		inNamespace(t)
		c := open(t)
		current := changed(t, c, nil, wide(10, 20), 1)
		current = changed(t, c, current, to, 2)
		assert.Equal(t, "from-2", current.Sets[1].Name, what)
		current = changed(t, c, current, table(1, 3000, 80), 3)
		assert.Equal(t, "from-2", current.Sets[1].Name, what)
	}
}

func TestSetsThatNothingChangesStay(t *testing.T) {
	inNamespace(t)
	c := open(t)
	current := changed(t, c, nil, table(1, 3, 80), 1)
	for generation := range uint64(4) {
		current = changed(t, c, current, table(1, 3, 81+uint16(generation)), generation+2)
		assert.Equal(t, "from-1", current.Sets[1].Name)
	}
	current = changed(t, c, current, table(1, 4, 81), 6)
	assert.Equal(t, "from-6", current.Sets[1].Name, "a small set is made anew")
	text := listRuleset(t)
	assert.NotContains(t, text, "-1 ")
	assert.NotContains(t, text, "-5 ")
}

// A large set that somebody else has changed behind our back, as look-ups do not
// tell: the delta does not go in, and the next attempt makes the set anew.
func TestADeltaThatDoesNotFit(t *testing.T) {
	for _, size := range []int{countable + 10, readable + 10} {
		inNamespace(t)
		c := open(t)
		c.pick = func(int) int { return 0 }
		current := changed(t, c, nil, table(1, size, 80), 1)
		nft(t, "delete element inet test from-1 { 10.0.0.40-10.0.0.41 }\nadd element inet test from-1 { 10.0.0.42-10.0.0.43 }\n")
		less := table(1, size, 80)
		less.Sets[1].Elements = without(less.Sets[1].Elements, 10)
		_, err := c.Change(current, less.Following(current, 2))
		require.ErrorIs(t, err, ErrChanged)
		again, err := c.Examine(family, name, current)
		require.NoError(t, err)
		want := less.Following(again.Table, 3)
		require.Equal(t, "from-3", want.Sets[1].Name)
		_, err = c.Change(again.Table, want)
		require.NoError(t, err)
		if size < readable { // beyond, reading it all takes the kernel seconds
			requireHolds(t, c, want)
		}
	}
}

func without(e ruleset.Elements, gone int) ruleset.Elements {
	rest := ruleset.NewElements(ruleset.TypeIPv4Addr, true)
	for i := range e.Len() {
		if from, to, _ := e.At(i); i != gone {
			rest.Append(from, to)
		}
	}
	return rest
}

func TestACrashAroundADelta(t *testing.T) {
	for crash := 1; crash <= 3; crash++ {
		inNamespace(t)
		c := open(t)
		current := changed(t, c, nil, table(1, 3000, 80), 1)
		wire := c.wire
		c.wire = &faulty{transport: wire, before: func(n int, _ []ruleset.Message) error {
			if n == crash {
				return ErrChanged
			}
			return nil
		}}
		target := table(1, 3001, 80)
		_, err := c.Change(current, target.Following(current, 2))
		require.ErrorIs(t, err, ErrChanged)
		c.wire = wire
		have, err := c.Read(family, name)
		require.NoError(t, err)
		have.InPlace = true
		changed(t, c, have, target, 3)
		text := listRuleset(t)
		require.NotContains(t, text, "input-1")
		require.NotContains(t, text, "input-2")
	}
}

// What was learned while a delta took effect is forgotten.
func TestLearnedSetsAreEmptiedAfterADelta(t *testing.T) {
	flushed := func(m ruleset.Message) bool {
		return m.Type == unix.NFT_MSG_DELSETELEM && bytes.Contains(m.AppendBody(nil), []byte("seen-rtp4-2\x00"))
	}
	learning := func(size int) *ruleset.Table {
		target := table(1, size, 80)
		target.Sets = append(target.Sets, ruleset.Set{Name: "seen-rtp4-1", Key: ruleset.TypeIPv4Addr, Dynamic: true, Timeout: true, Size: 100})
		return target
	}
	for size, want := range map[int]bool{3000: false, 3001: true} {
		inNamespace(t)
		c := open(t)
		current := changed(t, c, nil, learning(3000), 1)
		found := false
		c.wire = &faulty{transport: c.wire, before: func(n int, batch []ruleset.Message) error {
			for _, m := range batch {
				found = found || n == 3 && flushed(m)
			}
			return nil
		}}
		target := learning(size)
		target.Chains[2].Rules[0].Comment = map[bool]string{false: "other"}[want]
		changed(t, c, current, target, 2)
		assert.Equal(t, want, found)
	}
}
