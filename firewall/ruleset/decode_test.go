package ruleset

import (
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// decodeRule takes a program as it could come from a kernel.
func decodeRule(t *testing.T, family Family, program ...expr.Any) []Statement {
	var list attrs
	for _, e := range program {
		data, err := expr.Marshal(byte(family), e)
		require.NoError(t, err)
		list.bytes(unix.NFTA_LIST_ELEM, data)
	}
	return decodeProgram(family, list)
}

func loadName() expr.Any { return &expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1} }

func cmpData(data string) expr.Any { return &expr.Cmp{Register: 1, Data: []byte(data)} }

func loadPacket(base expr.PayloadBase, offset, size uint32) expr.Any {
	return &expr.Payload{DestRegister: 1, Base: base, Offset: offset, Len: size}
}

// What looks like ours and is not stays foreign; what is ours in other clothes
// is told apart from it.
func TestDecodeLooksTwice(t *testing.T) {
	const network, transport = expr.PayloadBaseNetworkHeader, expr.PayloadBaseTransportHeader
	ipv4 := []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, cmpData("\x02")}
	for _, c := range []struct {
		about   string
		family  Family
		program []expr.Any
		want    string
	}{
		{"an exact name", FamilyInet, []expr.Any{loadName(), cmpData("lo\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")}, `iifname "lo"`},
		{"the same of iptables", FamilyInet, []expr.Any{loadName(), cmpData("lo\x00")}, `iifname "lo"`},
		{"names that begin so", FamilyInet, []expr.Any{loadName(), cmpData("lo")}, `iifname "lo*"`},
		{"more than one zero", FamilyInet, []expr.Any{loadName(), cmpData("lo\x00\x00")}, "<meta, 16 bytes> <cmp, 28 bytes>"},
		{"longer than the field", FamilyInet, []expr.Any{loadPacket(transport, 2, 2), cmpData("abc")}, "<payload, 32 bytes> <cmp, 28 bytes>"},
		{"an address of nobody knows which family", FamilyInet, []expr.Any{loadPacket(network, 12, 4), cmpData("abcd")}, "<payload, 32 bytes> <cmp, 28 bytes>"},
		{"an address in a table of its family", FamilyIPv4, []expr.Any{loadPacket(network, 12, 4), cmpData("abcd")}, "ip saddr 97.98.99.100"},
		{"an address in a table of the other", FamilyIPv6, []expr.Any{loadPacket(network, 12, 4), cmpData("abcd")}, "<payload, 32 bytes> <cmp, 28 bytes>"},
		{"an address", FamilyInet, append(ipv4, loadPacket(network, 12, 4), cmpData("abcd")), "ip saddr 97.98.99.100"},
		{"its first two bytes", FamilyInet, append(ipv4, loadPacket(network, 12, 2), cmpData("ab")), "ip saddr 97.98.0.0/16"},
		{"two bytes of four", FamilyInet, append(ipv4, loadPacket(network, 12, 4), cmpData("ab")), "meta nfproto ipv4 <payload, 32 bytes> <cmp, 28 bytes>"},
		{"both ports at once", FamilyInet, []expr.Any{loadPacket(transport, 0, 4), cmpData("abcd")}, "<payload, 32 bytes> <cmp, 28 bytes>"},
		{"another register", FamilyInet, []expr.Any{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 2}, cmpData("lo")}, "<meta, 16 bytes> <cmp, 28 bytes>"},
		{"less than", FamilyInet, []expr.Any{loadPacket(transport, 2, 2), &expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: []byte("ab")}}, "<payload, 32 bytes> <cmp, 28 bytes>"},
		{"a range that is one expression", FamilyInet, []expr.Any{loadPacket(transport, 2, 2), &expr.Range{Register: 1, FromData: []byte("ab"), ToData: []byte("cd")}}, "<payload, 32 bytes> <range, 40 bytes>"},
		{"a load that nothing follows", FamilyInet, []expr.Any{loadPacket(transport, 2, 2)}, "<payload, 32 bytes>"},
		{"a rate in another unit", FamilyInet, []expr.Any{&expr.Limit{Rate: 1, Unit: 5, Burst: 5}}, "<limit, 48 bytes>"},
		{"a rate of bytes", FamilyInet, []expr.Any{&expr.Limit{Rate: 1, Unit: 1, Burst: 5, Type: expr.LimitTypePktBytes}}, "<limit, 48 bytes>"},
		{"a verdict nobody knows", FamilyInet, []expr.Any{&expr.Verdict{Kind: expr.VerdictQueue}}, "<immediate, 24 bytes>"},
		{"a jump nowhere", FamilyInet, []expr.Any{&expr.Verdict{Kind: expr.VerdictJump}}, "<immediate, 24 bytes>"},
	} {
		table := &Table{Family: c.family, Name: "x"}
		rule := &Rule{Statements: decodeRule(t, c.family, c.program...)}
		assert.Equal(t, c.want, table.RuleText(rule), c.about)
	}
	exact := &Table{Chains: []Chain{{Name: "c", Rules: []Rule{{Statements: decodeRule(t, FamilyInet, loadName(), cmpData("lo\x00"+string(make([]byte, 13))))}}}}}
	iptables := &Table{Chains: []Chain{{Name: "c", Rules: []Rule{{Statements: decodeRule(t, FamilyInet, loadName(), cmpData("lo\x00"))}}}}}
	assert.Equal(t, exact.Text(), iptables.Text())
	assert.False(t, exact.Equal(iptables))
}

// A kernel that says a thousand things in a rule is none; it takes no time.
func TestDecodeHasAnEnd(t *testing.T) {
	program := make([]expr.Any, maxExpressions+1)
	for i := range program {
		program[i] = &expr.Notrack{}
	}
	assert.Len(t, decodeRule(t, FamilyInet, program[:maxExpressions]...), maxExpressions)
	assert.Equal(t, "broken expressions", decodeRule(t, FamilyInet, program...)[0].(Foreign).Name)
}

func TestDecodeRefusesWhatIsBroken(t *testing.T) {
	for _, m := range []Message{
		{Type: unix.NFT_MSG_NEWTABLE}, {Type: unix.NFT_MSG_NEWTABLE, Body: []byte{1, 0, 0}},
		{Type: unix.NFT_MSG_NEWTABLE, Body: []byte{1, 0, 0, 0, 3, 0}},
		{Type: unix.NFT_MSG_NEWTABLE, Body: []byte{1, 0, 0, 0, 3, 0, 1, 0}},
		{Type: unix.NFT_MSG_NEWTABLE, Body: []byte{1, 0, 0, 0, 9, 0, 1, 0, 'x', 0, 0, 0}},
	} {
		_, err := Decode(FamilyInet, "x", []Message{m})
		assert.Error(t, err, "% x", m.Body)
	}
}

// Of a live set, what is in it at the moment is read, however long it stays.
func TestDecodeReadsLiveSets(t *testing.T) {
	messages, family, name := dump(t, "testdata/dumps/foreign.dump")
	table, err := Decode(family, name, messages)
	require.NoError(t, err)
	held := map[string]int{}
	for i := range table.Sets {
		if s := &table.Sets[i]; s.Live() {
			held[s.Name] = s.Elements.Len()
			for _, address := range []string{"192.0.2.3", "192.0.2.4"} {
				_, ok := s.Elements.Lookup(value(TypeIPv4Addr, address))
				assert.True(t, ok, "%s in %s", address, s.Name)
			}
		}
	}
	assert.Equal(t, map[string]int{"seen": 2, "timed": 2}, held)
}
