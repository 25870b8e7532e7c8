package rehearse

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// inNamespace moves the test's thread, which ends with it, into an empty network
// namespace.
func inNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("SKIPPING: no network namespace: %v", err)
	}
	t.Setenv(outside, "1")
}

// firewallOf is a table with the statements of one rule at the input hook, which
// drops the rest.
func firewallOf(statements ...ruleset.Statement) *ruleset.Table {
	return &ruleset.Table{Family: ruleset.FamilyInet, Name: "under-test", Chains: []ruleset.Chain{{
		Name: "input", Base: &ruleset.Base{Type: "filter", Hook: ruleset.HookInput, Drop: true},
		Rules: []ruleset.Rule{{Statements: statements}},
	}}}
}

var accept = ruleset.Verdict{Kind: ruleset.Accept}

func isNew() []ruleset.Statement {
	return []ruleset.Statement{ruleset.Match{Field: ruleset.CTState, Operand: ruleset.Bits(binary.BigEndian.AppendUint32(nil, uint32(ruleset.StateNew)))}}
}

func from(link, src, dst string, protocol uint8, port uint16) ruleset.Packet {
	return ruleset.Packet{In: link, Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Protocol: protocol, SrcPort: 50000, DstPort: port}
}

func TestEveryPacketIsNewAndArrivesByItsLink(t *testing.T) {
	inNamespace(t)
	const icmpEcho, icmpv6Echo = 8, 128
	var packets []ruleset.Packet
	for _, link := range []string{"eth0", "eth0.100", "a-name-of-15-ch", "lo", "@weird"} {
		for _, ends := range [][2]string{{"203.0.113.9", "192.0.2.1"}, {"2001:db8:99::1", "2001:db8::1"}, {"fe80::2", "fe80::1"}, {"192.0.2.1", "192.0.2.1"}} {
			for _, protocol := range []uint8{protoTCP, protoUDP, protoSCTP, 47, 112} {
				packets = append(packets, from(link, ends[0], ends[1], protocol, 5060))
			}
		}
	}
	ping, ping6 := from("eth0", "203.0.113.9", "192.0.2.1", protoICMP, 0), from("eth0", "2001:db8:99::1", "2001:db8::1", protoICMPv6, 0)
	ping.ICMPType, ping6.ICMPType = icmpEcho, icmpv6Echo
	packets = append(packets, ping, ping6, ping, ping6)
	outcomes, err := Run(firewallOf(append(isNew(), accept)...), packets)
	require.NoError(t, err)
	for i, p := range packets {
		assert.Equal(t, Accepted, outcomes[i], "%+v", p)
	}

	inNamespace(t)
	onlyVLAN := firewallOf(ruleset.Match{Field: ruleset.MetaIifname, Operand: ruleset.Value(append([]byte("eth0.100"), make([]byte, 8)...))}, accept)
	outcomes, err = Run(onlyVLAN, packets)
	require.NoError(t, err)
	for i, p := range packets {
		assert.Equal(t, p.In == "eth0.100", outcomes[i] == Accepted, "%+v", p)
		assert.NotEqual(t, Refused, outcomes[i])
	}
}

func TestGroupsAndMartians(t *testing.T) {
	inNamespace(t)
	for _, row := range []struct {
		packet ruleset.Packet
		want   Outcome
	}{
		{from("eth0", "203.0.113.9", "224.0.0.251", protoUDP, 5353), Accepted},
		{from("eth0", "203.0.113.9", "255.255.255.255", protoUDP, 68), Accepted},
		{from("eth0", "2001:db8:99::1", "ff02::fb", protoUDP, 5353), Accepted},
		{from("eth0", "127.0.0.1", "192.0.2.1", protoUDP, 5060), Accepted},
		{from("lo", "127.0.0.1", "127.0.0.1", protoTCP, 22), Accepted},
		{from("lo", "::1", "::1", protoTCP, 22), Accepted},
		{from("eth0", "::1", "2001:db8::1", protoTCP, 22), Refused},
		{from("eth0", "224.0.0.1", "192.0.2.1", protoUDP, 5060), Refused},
		{from("eth0", "255.255.255.255", "192.0.2.1", protoUDP, 5060), Refused},
		{from("eth0", "0.0.0.0", "192.0.2.1", protoUDP, 5060), Refused},
		{from("eth0", "ff02::1", "2001:db8::1", protoUDP, 5060), Refused},
	} {
		inNamespace(t)
		outcomes, err := Run(firewallOf(accept), []ruleset.Packet{row.packet, row.packet})
		require.NoError(t, err, "%+v", row.packet)
		assert.Equal(t, []Outcome{row.want, row.want}, outcomes, "%+v", row.packet)
	}
}

// A source may do as much as its meter says, and each packet is its first.
func TestAMeterForgets(t *testing.T) {
	inNamespace(t)
	table := firewallOf(ruleset.Match{Field: ruleset.MetaNFProto, Operand: ruleset.Value{byte(ruleset.FamilyIPv4)}},
		ruleset.Update{Set: "meter", Field: ruleset.IPSaddr, Limit: &ruleset.Limit{Rate: 1, Unit: time.Hour, Burst: 1}}, accept)
	table.Sets = []ruleset.Set{{Name: "meter", Key: ruleset.TypeIPv4Addr, Dynamic: true, Timeout: true, Size: 100, Lifetime: time.Hour}}
	packets := make([]ruleset.Packet, 20)
	for i := range packets {
		packets[i] = from("eth0", []string{"203.0.113.9", "203.0.113.10"}[i%2], "192.0.2.1", protoUDP, 5060)
	}
	outcomes, err := Run(table, packets)
	require.NoError(t, err)
	for i := range packets {
		assert.Equal(t, Accepted, outcomes[i], "packet %d", i)
	}
}

func TestOnlyAnEmptyNamespaceWillDo(t *testing.T) {
	inNamespace(t)
	for name, setUp := range map[string]func(){
		"not ours":         func() { t.Setenv(outside, "") },
		"the one outside":  func() { here, _ := namespace(); t.Setenv(outside, here) },
		"one that is used": func() { t.Setenv(outside, "1"); require.NoError(t, (&wires{far: map[string]end{}}).link("eth0")) },
	} {
		setUp()
		_, err := Run(firewallOf(accept), []ruleset.Packet{from("eth0", "203.0.113.9", "192.0.2.1", protoUDP, 5060)})
		require.ErrorContains(t, err, "nothing was touched", name)
		conn, err := kernel.Open()
		require.NoError(t, err)
		have, err := conn.Read(ruleset.FamilyInet, "under-test")
		require.NoError(t, err)
		assert.Nil(t, have, name)
		conn.Close()
	}
}

func TestErrorsInWords(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EPERM, unix.EOPNOTSUPP, unix.ENOTTY} {
		err := words(errno)
		require.ErrorIs(t, err, errno)
		assert.NotEqual(t, errno.Error(), err.Error())
	}
	other := errors.New("no error number")
	assert.Equal(t, other, words(other))
	assert.Equal(t, ErrNotAllowed, allowed(kernel.ErrPermission))
	assert.Regexp(t, `^\d+\.\d+$`, Kernel())
}

func TestStrangePacketsAreAnError(t *testing.T) {
	for _, counts := range [][2]uint64{{2, 1}, {0, 1}, {1, 2}} {
		_, err := outcomeOf(counts[0], counts[1])
		assert.Error(t, err, "%v", counts)
	}
}
