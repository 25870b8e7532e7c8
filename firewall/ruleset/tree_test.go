package ruleset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// contexts are the words of linux/netfilter/nf_tables.h for attributes: of each
// kind of message, of expressions by their name, and of what is inside of
// others by the word of the attribute they are in.
var contexts = map[string]map[uint16]string{
	"new table":    {1: "name", 2: "flags", 3: "use", 4: "handle", 6: "userdata"},
	"new object":   {1: "table", 2: "name", 3: "type", 4: "counter", 5: "use", 6: "handle"},
	"new chain":    {1: "table", 2: "handle", 3: "name", 4: "hook", 5: "policy", 6: "use", 7: "type", 10: "flags"},
	"new set":      {1: "table", 2: "name", 3: "flags", 4: "key type", 5: "key length", 6: "data type", 7: "data length", 9: "description", 10: "id", 11: "timeout", 13: "userdata", 16: "handle", 19: "backend", 20: "count"},
	"new elements": {1: "table", 2: "set", 3: "list"},
	"new rule":     {1: "table", 2: "chain", 3: "handle", 4: "expressions", 6: "position", 7: "userdata"},

	"hook":        {1: "number", 2: "priority"},
	"description": {1: "size"},
	"expressions": {1: "expression"},
	"expression":  {1: "name", 2: "data"},
	"list":        {1: "element"},
	"element":     {1: "key", 2: "value", 3: "flags", 6: "userdata"},
	"key":         {1: "bytes"},
	"value":       {2: "verdict"},
	"verdict":     {1: "code", 2: "chain"},

	"meta":      {1: "to register", 2: "what"},
	"ct":        {1: "to register", 2: "what"},
	"payload":   {1: "to register", 2: "base", 3: "offset", 4: "length"},
	"cmp":       {1: "register", 2: "relation", 3: "key"},
	"range":     {1: "register", 2: "relation", 3: "from", 4: "to"},
	"bitwise":   {1: "register", 2: "to register", 3: "length", 4: "mask", 5: "xor", 6: "operation"},
	"lookup":    {1: "set", 2: "register", 3: "to register", 4: "set id", 5: "flags"},
	"dynset":    {1: "set", 2: "set id", 3: "operation", 4: "key register", 6: "timeout", 7: "expression", 9: "flags"},
	"immediate": {1: "to register", 2: "value"},
	"objref":    {1: "object type", 2: "object"},
	"limit":     {1: "rate", 2: "unit", 3: "burst", 4: "type", 5: "flags"},
	"log":       {1: "group", 2: "prefix"},
	"notrack":   {},
	"counter":   {1: "bytes", 2: "packets"},
	"from":      {1: "bytes"},
	"to":        {1: "bytes"},
	"mask":      {1: "bytes"},
	"xor":       {1: "bytes"},
}

var messageWords = map[uint8]string{
	unix.NFT_MSG_NEWTABLE: "new table", unix.NFT_MSG_NEWOBJ: "new object", unix.NFT_MSG_NEWSET: "new set",
	unix.NFT_MSG_NEWSETELEM: "new elements", unix.NFT_MSG_NEWCHAIN: "new chain", unix.NFT_MSG_NEWRULE: "new rule",
}

// place is an attribute of a message: its header, and where its data begins and
// ends. Path is what people call it.
type place struct {
	header, from, to int
	path             []string
	leaf             bool // no attributes inside
}

// visit walks through all attributes of a message of ours, outer ones first.
func visit(m Message, see func(place)) {
	word := messageWords[m.Type]
	walk(m.Body, genericHeader, len(m.Body), word, []string{word}, see)
}

func walk(b []byte, from, to int, context string, path []string, see func(place)) {
	var expression string
	for from < to {
		end := from + int(binary.NativeEndian.Uint16(b[from:]))
		raw := binary.NativeEndian.Uint16(b[from+2:])
		word, known := contexts[context][raw&^unix.NLA_F_NESTED]
		if !known {
			word = fmt.Sprint(raw &^ unix.NLA_F_NESTED)
		}
		if word == "data" {
			word = expression // which is how the data is to be read
		}
		p := place{from, from + attrHeader, end, append(path[:len(path):len(path)], word), contexts[word] == nil}
		see(p)
		if word == "name" {
			expression = string(bytes.TrimRight(b[p.from:end], "\x00"))
		}
		if !p.leaf {
			walk(b, p.from, end, word, p.path, see)
		}
		from = (end + 3) &^ 3
	}
}

// drawing is a message as a tree of words.
func drawing(m Message) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s (flags %#x): %s\n", messageWords[m.Type], m.Flags, m.About)
	visit(m, func(p place) {
		fmt.Fprintf(&out, "%s%s", strings.Repeat("  ", len(p.path)-1), p.path[len(p.path)-1])
		if p.leaf {
			out.WriteString(" " + figures(m.Body[p.from:p.to]))
		}
		out.WriteString("\n")
	})
	return out.String()
}

// figures writes data as text where it is a string, and in hexadecimal otherwise.
func figures(data []byte) string {
	text := bytes.TrimSuffix(data, []byte{0})
	if len(text) > 1 && len(text) < len(data) && !bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%x", data)
}

// The rich table's messages, for people to look at.
func TestMessagesAreGolden(t *testing.T) {
	messages, err := richTable().Encode()
	require.NoError(t, err)
	var got strings.Builder
	for _, m := range messages {
		got.WriteString(drawing(m) + "\n")
	}
	file := filepath.Join("testdata", "rich.messages")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}
