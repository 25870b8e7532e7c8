package kernel

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// 1,638 ranges of IPv4 are about where a message's element list reaches 64 KiB.
func TestLargeSets(t *testing.T) {
	for _, size := range []int{0, 1, 819, 820, 1638, 1639, countable, countable + 1, 100_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			inNamespace(t)
			c := open(t)
			want := table(1, size, 80)
			_, err := c.Apply(want)
			require.NoError(t, err)
			requireHolds(t, c, want)
			_, err = c.Apply(table(2, size/2, 80))
			require.NoError(t, err)
			removed, err := c.Remove(family, name)
			require.NoError(t, err)
			require.True(t, removed)
		})
	}
}

func TestManyRules(t *testing.T) {
	inNamespace(t)
	c := open(t)
	for generation := range uint64(2) {
		want := table(generation+1, 3, 80)
		for i := range 3000 {
			port := binary.BigEndian.AppendUint16(nil, uint16(i))
			want.Chains[1].Rules = append(want.Chains[1].Rules, ruleset.Rule{Comment: fmt.Sprint("rule ", i), Statements: []ruleset.Statement{
				ruleset.Match{Field: ruleset.THDport, Operand: ruleset.Value(port)}, ruleset.Count{Name: "accepted"}, ruleset.Verdict{Kind: ruleset.Accept}}})
		}
		_, err := c.Apply(want)
		require.NoError(t, err)
		requireHolds(t, c, want)
	}
}

// watched counts the dumps of elements; with counts false, it is a kernel that
// does not tell how many elements a set has.
type watched struct {
	transport
	counts bool
	dumps  int
}

func (w *watched) get(kind uint8, flags uint16, body []byte) ([]ruleset.Message, error) {
	if kind == unix.NFT_MSG_GETSETELEM && flags&unix.NLM_F_DUMP != 0 {
		w.dumps++
	}
	list, err := w.transport.get(kind, flags, body)
	if kind == unix.NFT_MSG_GETSET && !w.counts {
		for i := range list {
			list[i].Body = withoutCount(list[i].Body)
		}
	}
	return list, err
}

// withoutCount drops the last attribute, which the count is.
func withoutCount(body []byte) []byte {
	length := genericHeader
	for kind, data := range attributes(body[genericHeader:]) {
		if kind != setCount {
			length += (attributeHeader + len(data) + 3) &^ 3
		}
	}
	return body[:length]
}

// Large sets are dumped only where all else is equal, whether the kernel counts
// or not.
func TestLargeSetsAreCounted(t *testing.T) {
	const small = 2 // banned4 and ports
	for _, counts := range []bool{true, false} {
		inNamespace(t)
		c := open(t)
		if _, err := c.Apply(table(1, countable+1, 80)); err != nil {
			require.NoError(t, err)
		}
		list, err := c.wire.get(unix.NFT_MSG_GETSET, unix.NLM_F_DUMP, body(family, text(unix.NFTA_SET_TABLE, name)))
		require.NoError(t, err)
		if len(setCounts(list)) == 0 && counts {
			t.Log("NOT TESTED: this kernel does not count")
			continue
		}
		w := &watched{transport: c.wire, counts: counts}
		c.wire = w
		apply := func(want *ruleset.Table) Result {
			w.dumps = 0
			result, err := c.Apply(want)
			require.NoError(t, err)
			return result
		}
		require.Zero(t, apply(table(1, countable+1, 80)).Messages)
		require.NotZero(t, apply(table(2, countable+2, 81)).Messages)
		require.Equal(t, 2*small, w.dumps)
		nft(t, "delete element inet test from-2 { 10.0.0.4-10.0.0.5 }\nadd element inet test from-2 { 10.0.0.6-10.0.0.7 }\n")
		want := table(3, countable+2, 81)
		require.NotZero(t, apply(want).Messages, "as many elements, but others")
		requireHolds(t, c, want)
	}
}

// The kernel counts ranges by their ends, of which the lowest and the highest
// one have only one.
func TestLargeSetsFromEndToEnd(t *testing.T) {
	inNamespace(t)
	c := open(t)
	want := table(1, 0, 80)
	all := ruleset.NewElements(ruleset.TypeIPv4Addr, true)
	for i := range uint32(countable + 1) {
		last := i*8 + 3
		if i == countable {
			last = 1<<32 - 1
		}
		all.Append(binary.BigEndian.AppendUint32(nil, i*8), binary.BigEndian.AppendUint32(nil, last))
	}
	want.Sets[1].Elements = all
	_, err := c.Apply(want)
	require.NoError(t, err)
	requireHolds(t, c, want)
}
