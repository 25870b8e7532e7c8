package yamlwalk

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
)

func TestUTF16IsSaidOnce(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, text := range []string{"version: 1\nforward: drop\n", "\ufeffversion: 1\n", "\ufeffä: 1\n", "\n# note\n"} {
			var data []byte
			for _, unit := range utf16.Encode([]rune(text)) {
				data = order.AppendUint16(data, unit)
			}
			root, list := Read("f", data, true)
			assert.Nil(t, root)
			assert.Equal(t, []string{"f:1: error: the file is UTF-16, not UTF-8 [yaml-encoding]"}, told(list))
		}
	}
	for _, text := range []string{"", "a", "a: 1\n", "\x00", "\x00\x00", "\x00\x01", "\ufeffa: 1", "a: \x00b"} {
		_, list := Read("f", []byte(text), true)
		assert.NotContains(t, told(list), "f:1: error: the file is UTF-16, not UTF-8 [yaml-encoding]", "%q", text)
	}
}
