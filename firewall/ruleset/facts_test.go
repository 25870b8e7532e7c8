package ruleset

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// ofTheMoment is what a dump says that is not of the ruleset, and what it says
// of something although nobody asked for anything but the default.
var ofTheMoment = []string{
	"/handle ", "/position ", "/use ", "/count ", "/backend ", "new set/id ", "/set id ",
	"/counter/bytes ", "/counter/packets ", "/data length ",
	"new elements/table ", "new elements/set ", // as many as messages
	"new chain/flags 00000001",        // NFT_CHAIN_BASE
	"bitwise/operation 00000000",      // mask and xor
	"lookup/flags 00000000",           // not inverted
	"dynset/timeout 0000000000000000", // that of the set
}

// facts is what a message says of the ruleset: each attribute with its value,
// sorted.
func facts(m Message) (list []string) {
	visit(m, func(p place) {
		if !p.leaf {
			return
		}
		data := m.Body[p.from:p.to]
		if slices.Contains(names, p.path[len(p.path)-1]) {
			data = bytes.TrimSuffix(data, []byte{0})
		}
		line := fmt.Sprintf("%s %x", strings.Join(p.path, "/"), data)
		if !slices.ContainsFunc(ofTheMoment, func(s string) bool { return strings.Contains(line, s) }) {
			list = append(list, line)
		}
	})
	slices.Sort(list)
	return list
}

// dump reads a file of TestRecordDumps, and gives the table that it is of.
func dump(t require.TestingT, file string) (messages []Message, family Family, name string) {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	messages = unpack(data)
	family, name = subject(messages)
	return messages, family, name
}

// subject is the table of which the first message is.
func subject(messages []Message) (family Family, name string) {
	if len(messages) == 0 || len(messages[0].Body) < genericHeader {
		return 0, ""
	}
	list, _ := readAttrs(messages[0].Body[genericHeader:])
	name, _ = object{attrs: list}.text(unix.NFTA_TABLE_NAME)
	return Family(messages[0].Body[0]), name
}

// What is decoded of a kernel's dump encodes to what the kernel said; what is
// foreign is there to see.
func TestDumpsEncodeAgain(t *testing.T) {
	files, err := filepath.Glob("testdata/dumps/*.dump")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			messages, family, name := dump(t, file)
			table, err := Decode(family, name, messages)
			require.NoError(t, err)
			golden(t, strings.TrimSuffix(file, ".dump")+".decoded", table.Text())
			of := func(kind uint8) (list []Message) {
				return slices.DeleteFunc(slices.Clone(messages), func(m Message) bool { return m.Type != kind })
			}
			checkRules(t, table, of(unix.NFT_MSG_NEWRULE))
			checkSets(t, table, of(unix.NFT_MSG_NEWSET), of(unix.NFT_MSG_NEWSETELEM))
			foreign := len(table.Foreign)
			assert.Equal(t, len(of(unix.NFT_MSG_NEWOBJ)), len(table.Counters)+count(table, "object "))
			assert.Equal(t, len(of(unix.NFT_MSG_NEWCHAIN)), len(table.Chains))
			if count(table, "chain ")+count(table, "table") == 0 {
				assert.Equal(t, facts(of(unix.NFT_MSG_NEWTABLE)[0]), facts(table.EncodeTable()))
				for i, m := range of(unix.NFT_MSG_NEWCHAIN) {
					assert.Equal(t, facts(m), facts(table.EncodeChain(&table.Chains[i])))
				}
			}
			_, err = table.Encode()
			assert.Equal(t, foreign > 0 || anyRaw(table), err != nil)
		})
	}
}

func count(t *Table, prefix string) (n int) {
	for _, f := range t.Foreign {
		if strings.HasPrefix(f.Name, prefix) {
			n++
		}
	}
	return n
}

func anyRaw(t *Table) bool {
	return slices.ContainsFunc(t.Sets, func(s Set) bool { return s.Raw != nil })
}

func checkRules(t *testing.T, table *Table, said []Message) {
	i := 0
	for c := range table.Chains {
		for r := range table.Chains[c].Rules {
			m, err := table.EncodeRule(&table.Chains[c], r)
			require.NoError(t, err)
			assert.Equal(t, facts(said[i]), facts(m), table.RuleText(&table.Chains[c].Rules[r]))
			i++
		}
	}
	assert.Equal(t, len(said), i)
}

func checkSets(t *testing.T, table *Table, said, elements []Message) {
	require.Len(t, table.Sets, len(said))
	for i := range table.Sets {
		s := &table.Sets[i]
		if s.Raw != nil {
			continue
		}
		assert.Equal(t, facts(said[i]), facts(table.EncodeSet(s)), s.Name)
		var theirs, ours []string
		for _, m := range elements {
			list, _ := readAttrs(m.Body[genericHeader:])
			if name, _ := (object{attrs: list}).text(unix.NFTA_SET_ELEM_LIST_SET); name == s.Name {
				theirs = append(theirs, facts(m)...)
			}
		}
		for _, m := range table.EncodeElements(s) {
			ours = append(ours, facts(m)...)
		}
		if s.Live() || len(ours) == 0 {
			continue
		}
		slices.Sort(theirs)
		slices.Sort(ours)
		assert.Equal(t, theirs, ours, s.Name)
	}
}

func golden(t *testing.T, file, got string) {
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
