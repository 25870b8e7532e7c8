package ruleset

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestValuesAreReadAsTheyAreWritten(t *testing.T) {
	for _, key := range Types {
		t.Run(key.Name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				want := genValue(key).Draw(r, "value")
				got, err := key.Parse(key.Format(want))
				require.NoError(r, err)
				assert.Equal(r, want, got)
				assert.Equal(r, want, key.Native(key.Native(want)))
			})
		})
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		key   *DataType
		value []byte
		want  string
	}{
		{TypeIPv4Addr, []byte{192, 0, 2, 1}, "192.0.2.1"},
		{TypeIPv6Addr, append(make([]byte, 15), 1), "::1"},
		{TypePort, []byte{0x13, 0xc4}, "5060"},
		{TypeProto, []byte{17}, "udp"},
		{TypeProto, []byte{200}, "200"},
		{TypeNFProto, []byte{10}, "ipv6"},
		{TypeICMP, []byte{8}, "echo-request"},
		{TypeICMPv6, []byte{8}, "8"},
		{TypeCTState, []byte{0, 0, 0, 64}, "untracked"},
		{TypeCTState, []byte{0, 0, 0, 3}, "0x3"},
		{TypeIfname, ifname("eth0.100"), `"eth0.100"`},
		{TypeIfname, ifname("eth*"), `"eth\*"`},
		{TypePort, []byte{1}, "0x01"}, // of the wrong length
	} {
		assert.Equal(t, c.want, c.key.Format(c.value))
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		key  *DataType
		text string
	}{
		{TypeIPv4Addr, "::1"}, {TypeIPv4Addr, "192.0.2"}, {TypeIPv6Addr, "192.0.2.1"}, {TypeIPv6Addr, "fe80::1%eth0"},
		{TypePort, "65536"}, {TypePort, "-1"}, {TypePort, "sip"}, {TypeProto, "256"}, {TypeProto, ""},
		{TypeIfname, ""}, {TypeIfname, "sixteen-bytes-xx"}, {TypeCTState, "old"},
	} {
		_, err := c.key.Parse(c.text)
		assert.ErrorContains(t, err, c.key.Name, c.text)
	}
}
