package ruleset

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// idle are the attributes whose value says nothing of the ruleset: ids of sets
// hold within a batch, counts are of the moment.
var idle = []string{"new set/id", "lookup/set id", "dynset/set id", "counter/bytes", "counter/packets"}

// names are strings, which netlink closes with a zero or not.
var names = []string{"table", "name", "type", "chain", "set", "object", "prefix"}

// Every byte that the kernel keeps counts: with another one in its place, a
// message decodes to a table that is not equal, or not at all.
func TestEveryByteCounts(t *testing.T) {
	table, messages := richMessages(t)
	for i, m := range messages {
		visit(m, func(p place) {
			for at := p.from; p.leaf && at < p.to; at++ {
				for _, mask := range []byte{1, 0x80} {
					body := bytes.Clone(m.Body)
					body[at] ^= mask
					differs(t, table, messages, i, body, p)
				}
			}
		})
	}
}

// No attribute can be missing, too short, or be joined by one that nobody knows.
func TestEveryAttributeCounts(t *testing.T) {
	table, messages := richMessages(t)
	const unheardOf = 99
	for i, m := range messages {
		visit(m, func(p place) {
			// The attribute's number is changed: it is missing, and another is there.
			body := bytes.Clone(m.Body)
			binary.NativeEndian.PutUint16(body[p.header+2:], unheardOf)
			differs(t, table, messages, i, body, p)
			if p.leaf {
				body := bytes.Clone(m.Body)
				binary.NativeEndian.PutUint16(body[p.header:], uint16(p.to-p.header-1))
				if !slices.Contains(names, p.path[len(p.path)-1]) {
					differs(t, table, messages, i, body, p)
				}
				return
			}
			var stranger attrs
			stranger.u32(unheardOf, 0)
			differs(t, table, messages, i, inserted(m.Body, p, stranger), p)
		})
	}
}

func richMessages(t *testing.T) (*Table, []Message) {
	table := richTable()
	for i := range table.Chains[:2] {
		table.Chains[i].Rules[0].Comment = "a number of a generation does not count"
	}
	messages, err := table.Encode()
	require.NoError(t, err)
	back, err := Decode(table.Family, table.Name, messages)
	require.NoError(t, err)
	require.True(t, back.Equal(table))
	return table, messages
}

// differs holds that the table is not what the messages say if this body is in
// the place of the i-th one's.
func differs(t *testing.T, table *Table, messages []Message, i int, body []byte, p place) {
	path := strings.Join(p.path, "/")
	if slices.ContainsFunc(idle, func(s string) bool { return strings.HasSuffix(path, s) }) {
		return
	}
	changed := slices.Clone(messages)
	changed[i].Body = body
	back, err := Decode(table.Family, table.Name, changed)
	if err == nil && back.Equal(table) {
		assert.Failf(t, "does not count", "%s of %s:\n%s", path, messages[i].About, drawing(changed[i]))
	}
}

// inserted is the body with more inside of the attribute, and of those that it
// is in.
func inserted(body []byte, p place, more []byte) []byte {
	end := (p.to + 3) &^ 3
	longer := slices.Concat(body[:end], more, body[end:])
	grow(longer, genericHeader, p.header, len(more))
	return longer
}

func grow(b []byte, from, header, by int) {
	for from < len(b) {
		size := int(binary.NativeEndian.Uint16(b[from:]))
		end := from + (size+3)&^3
		if header < end {
			binary.NativeEndian.PutUint16(b[from:], uint16((size+3)&^3+by))
			if header != from {
				grow(b, from+attrHeader, header, by)
			}
			return
		}
		from = end
	}
}

// A set without an elements message has no elements; elements without their set
// are not lost.
func TestOrphansAreForeign(t *testing.T) {
	table, messages := richMessages(t)
	without := func(kind uint8) []Message {
		return slices.DeleteFunc(slices.Clone(messages), func(m Message) bool { return m.Type == kind })
	}
	for _, kind := range []uint8{unix.NFT_MSG_NEWSET, unix.NFT_MSG_NEWCHAIN} {
		back, err := Decode(table.Family, table.Name, without(kind))
		require.NoError(t, err)
		assert.NotEmpty(t, back.Foreign)
	}
	back, err := Decode(table.Family, table.Name, without(unix.NFT_MSG_NEWTABLE))
	require.NoError(t, err)
	assert.Nil(t, back)
}
