package audit

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

func TestPrefixesByWholeBytes(t *testing.T) {
	for name, c := range map[string]struct {
		load     load
		from, to []byte
		want     []string
	}{
		"an address":            {load{kind: source, full: size4}, []byte{192, 0, 2, 1}, []byte{192, 0, 2, 1}, []string{"192.0.2.1"}},
		"a prefix, masked":      {load{kind: source, full: size4, mask: []byte{255, 255, 240, 0}}, []byte{10, 1, 16, 0}, []byte{10, 1, 16, 0}, []string{"10.1.16.0/20"}},
		"a prefix, cut short":   {load{kind: source, full: size4}, []byte{10}, []byte{10}, []string{"10.0.0.0/8"}},
		"a range":               {load{kind: source, full: size4}, []byte{10, 0, 0, 0}, []byte{10, 0, 0, 2}, []string{"10.0.0.0/31", "10.0.0.2"}},
		"a prefix of IPv6":      {load{kind: source, full: size6}, []byte{0x20, 1, 0xd, 0xb8}, []byte{0x20, 1, 0xd, 0xb8}, []string{"2001:db8::/32"}},
		"with what is behind":   {load{kind: source, full: size4}, []byte{10, 0, 0, 1, 192, 0, 2, 1}, []byte{10, 0, 0, 1, 192, 0, 2, 1}, []string{"10.0.0.1"}},
		"a connection's source": {load{kind: source}, []byte{10, 0, 0, 1}, []byte{10, 0, 0, 1}, []string{"10.0.0.1"}},
		"nothing":               {load{kind: source, full: size4}, nil, nil, []string{}},
	} {
		assert.Equal(t, c.want, c.load.sources(c.from, c.to).Strings(), name)
	}
}

func TestPrefixMasks(t *testing.T) {
	for _, mask := range [][]byte{nil, {255}, {255, 240, 0}, {0, 0}, {255, 255, 255, 255}} {
		assert.True(t, isPrefix(mask), mask)
	}
	for _, mask := range [][]byte{{0, 255}, {255, 0, 1}, {1}, {255, 241}} {
		assert.False(t, isPrefix(mask), mask)
	}
}

func TestRangesOfASet(t *testing.T) {
	s := elementSet{interval: true, elements: []element{{from: []byte{10, 0, 0, 5}, to: []byte{10, 0, 0, 5}, end: true}, {from: []byte{10, 0, 0, 1}, to: []byte{10, 0, 0, 1}},
		{from: []byte{11, 0, 0, 0}, to: []byte{11, 0, 0, 0}}}}
	s.settle()
	assert.Equal(t, []element{{from: []byte{10, 0, 0, 1}, to: []byte{10, 0, 0, 4}}, {from: []byte{11, 0, 0, 0}, to: []byte{255, 255, 255, 255}}}, s.elements)
}

func TestFieldsOfAConcatenation(t *testing.T) {
	e := element{from: []byte{0, 80, 0, 0, 10, 0, 0, 1}, to: []byte{0, 90, 0, 0, 10, 0, 0, 9}}
	from, to := e.field(4, []int{2, 4})
	assert.Equal(t, [][]byte{{10, 0, 0, 1}, {10, 0, 0, 9}}, [][]byte{from, to})
	from, _ = e.field(0, []int{2, 4})
	assert.Equal(t, []byte{0, 80}, from)
	from, _ = e.field(4, []int{2, 1 << 30})
	assert.Nil(t, from)
}

// TestKeysOfSeveralFields holds that elements that say more than an address are kept
// apart: nft does not always tell the kernel where their fields are.
func TestKeysOfSeveralFields(t *testing.T) {
	pairs := elementSet{elements: []element{
		{from: []byte{10, 0, 0, 1, 0, 22, 0, 0}, to: []byte{10, 0, 0, 1, 0, 22, 0, 0}},
		{from: []byte{10, 0, 0, 2, 0, 80, 0, 0}, to: []byte{10, 0, 0, 2, 0, 80, 0, 0}},
	}}
	c := collector{seen: map[string]bool{}}
	c.lookup(registers{16: {kind: source, full: size4}}, pairs, 16)
	assert.Len(t, c.Sources, 2)
	plain := elementSet{elements: []element{{from: []byte{10, 0, 0, 1}, to: []byte{10, 0, 0, 1}}, {from: []byte{10, 0, 0, 9}, to: []byte{10, 0, 0, 9}}}}
	c = collector{seen: map[string]bool{}}
	c.lookup(registers{16: {kind: source, full: size4}}, plain, 16)
	assert.Len(t, c.Sources, 1)
}

// FuzzConstants wants no panic, whatever the kernel might say.
func FuzzConstants(f *testing.F) {
	f.Add(uint8(unix.NFT_MSG_NEWRULE), []byte{2, 0, 0, 0, 8, 0, 1, 0, 'a', 0, 0, 0})
	f.Add(uint8(unix.NFT_MSG_NEWSETELEM), []byte{1, 0, 0, 0, 8, 0, 2, 0, 's', 0, 0, 0})
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		c := ConstantsOf([]ruleset.Message{{Type: kind, Body: body}})
		for _, s := range c.Sources {
			assert.False(t, s.IsEmpty())
		}
	})
}
