package ruleset

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// pack puts messages into one text for the fuzzer: type, length in two bytes,
// body.
func pack(messages []Message) (data []byte) {
	for _, m := range messages {
		data = append(append(data, m.Type, byte(len(m.Body)>>8), byte(len(m.Body))), m.Body...)
	}
	return data
}

func unpack(data []byte) (messages []Message) {
	for len(data) >= 3 {
		size := min(int(data[1])<<8|int(data[2]), len(data)-3)
		messages = append(messages, Message{Type: data[0], Body: data[3 : 3+size]})
		data = data[3+size:]
	}
	return messages
}

// FuzzDecode decodes whatever comes, as a dump of the table that comes first: no
// panic, and what is understood means the same after another round.
func FuzzDecode(f *testing.F) {
	rich, err := richTable().Encode()
	require.NoError(f, err)
	f.Add(pack(rich))
	for _, m := range rich {
		f.Add(pack([]Message{rich[0], m}))
	}
	files, err := filepath.Glob("testdata/dumps/*.dump")
	require.NoError(f, err)
	for _, file := range files {
		messages, _, _ := dump(f, file)
		f.Add(pack(messages))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		messages := unpack(data)
		family, name := subject(messages)
		table, err := Decode(family, name, messages)
		if err != nil || table == nil {
			return
		}
		table.EvaluateInput(Packet{In: "eth0"})
		_ = table.Text()
		again, err := table.Encode()
		if err != nil || !whole(table) {
			return
		}
		back, err := Decode(family, name, again)
		require.NoError(t, err)
		require.Empty(t, Diff(table, back))
		twice, err := back.Encode()
		require.NoError(t, err)
		require.Equal(t, again, twice)
	})
}

// whole reports whether nothing of the table is foreign, and names are there
// once: such a table is one that a kernel can hold.
func whole(t *Table) bool {
	seen := map[string]bool{}
	once := func(name string) bool {
		known := seen[name]
		seen[name] = true
		return !known
	}
	for _, s := range t.Sets {
		if s.Raw != nil || !once("set "+s.Name) {
			return false
		}
	}
	for i := range t.Counters {
		if !once("counter " + t.Counters[i].Name) {
			return false
		}
	}
	for _, c := range t.Chains {
		if !once("chain " + c.Name) {
			return false
		}
		for _, r := range c.Rules {
			if r.foreign() {
				return false
			}
		}
	}
	return len(t.Foreign) == 0
}
