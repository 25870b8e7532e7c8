package compile

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// many is a model of n services, each for the same two roles.
func many(n int, list addr.Set) *exposure.Model {
	m := &exposure.Model{}
	for i := range n {
		for _, role := range []string{"peers", "administrators"} {
			m.Exposures = append(m.Exposures, exposure.Exposure{Service: fmt.Sprintf("service-%d", i), Role: role,
				Ports: []policy.Ports{tcp(uint16(1000+i), uint16(1000+i)), udpPorts(uint16(1000+i), uint16(1000+i))}, Sources: list})
		}
	}
	return m
}

// scattered is n IPv4 addresses and as many IPv6 ones, none beside another.
func scattered(n int) addr.Set {
	var b addr.Builder
	for i := range n {
		var v4 [4]byte
		binary.BigEndian.PutUint32(v4[:], 0x0a000000+uint32(2*i))
		var v6 [16]byte
		copy(v6[:], []byte{0x20, 0x01, 0x0d, 0xb8})
		binary.BigEndian.PutUint32(v6[12:], uint32(2*i))
		for _, a := range []netip.Addr{netip.AddrFrom4(v4), netip.AddrFrom16(v6)} {
			b.AddRange(a, a)
		}
	}
	return b.Set()
}

// longest is the most rules a packet can meet from this chain on, whatever the
// packet: what a packet costs, but for look-ups.
func longest(table *ruleset.Table, name string) (most int) {
	maps := map[string]*ruleset.Set{}
	for i := range table.Sets {
		maps[table.Sets[i].Name] = &table.Sets[i]
	}
	for _, c := range table.Chains {
		if c.Name != name {
			continue
		}
		for _, r := range c.Rules {
			most += 1 + longestBeyond(table, maps, r)
		}
	}
	return most
}

func longestBeyond(table *ruleset.Table, maps map[string]*ruleset.Set, r ruleset.Rule) (most int) {
	for _, s := range r.Statements {
		switch s := s.(type) {
		case ruleset.Verdict:
			most = max(most, longest(table, s.Chain))
		case ruleset.VerdictMap:
			e := maps[s.Map].Elements
			for i := range e.Len() {
				_, _, v := e.At(i)
				most = max(most, longest(table, v.Chain))
			}
		}
	}
	return most
}

func TestPacketsCostDoesNotGrow(t *testing.T) {
	few, most := Compile(many(3, scattered(1)), 1), Compile(many(300, scattered(10_000)), 1)
	assert.Equal(t, longest(few, "input-1"), longest(most, "input-1"), "rules on the way of a packet")
	assert.Less(t, longest(most, "input-1"), 40)
	assert.Equal(t, len(few.Sets), len(most.Sets), "a set for each role, however many services it has")
	hash := most.Sets[indexOf(t, most, "tcp-ports-1")]
	assert.Equal(t, 300, hash.Elements.Len())
	assert.False(t, hash.Interval, "single ports are a hash")
	assert.Equal(t, 10_000, most.Sets[indexOf(t, most, "from-peers4-1")].Elements.Len())
}

func indexOf(t *testing.T, table *ruleset.Table, name string) int {
	t.Helper()
	for i := range table.Sets {
		if table.Sets[i].Name == name {
			return i
		}
	}
	require.Fail(t, "no set "+name)
	return -1
}

// The longest names a policy may have, all services on one port.
func TestLongestNames(t *testing.T) {
	m := &exposure.Model{Log: &policy.Log{Rate: policy.Rate{Count: 1, Unit: 3600e9}}, NeverBan: sources(peers)}
	for i := range 5 {
		service, role := strings.Repeat("s", 63)+fmt.Sprint(i), strings.Repeat("r", 63)+fmt.Sprint(i)
		m.Services = append(m.Services, exposure.Service{Name: service, Limit: &exposure.Limit{
			Rate: policy.Rate{Count: 1<<32 - 1, Unit: 24 * 3600e9}, Burst: 1<<32 - 1, Exempt: sources("198.51.100.1")}})
		for n, list := range []string{peers, "192.0.2.0/24 2001:db8::/64"} {
			m.Exposures = append(m.Exposures, exposure.Exposure{Service: service, Role: role, Ports: []policy.Ports{udpPorts(1, uint16(10-i))},
				Sources: sources(list), Interfaces: []string{"fifteen-letters", "nic-" + fmt.Sprint(n), "odd!name"},
				Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")}})
		}
	}
	m.Exposures = append(m.Exposures, exposure.Exposure{Service: "cluster", Role: "cluster", Sources: sources("any"), Interfaces: []string{"odd!name", "odd?name"}})
	table := Compile(m, 1<<64-1)
	requireNames(t, table)
	load(t, table)
}

// Names that differ only where they are cut, or where they are no identifier,
// stay different.
func TestNamesStayDifferent(t *testing.T) {
	var n names
	long := strings.Repeat("x", nameMax)
	assert.Equal(t, []string{"a", "a.2", "a.3"}, []string{n.take("a"), n.take("a"), n.take("a")})
	assert.Equal(t, long, n.take(long))
	one, other := n.take(long+"1"), n.take(long+"2")
	assert.NotEqual(t, one, other)
	assert.Len(t, one, nameMax)
	assert.Len(t, n.take(long), nameMax, "the ordinal has room")
	assert.Equal(t, []string{"e_0", "e_0.2"}, []string{n.take("e?0"), n.take("e!0")})
}

// load has the real nft load the table's text.
func load(t *testing.T, table *ruleset.Table) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "table.nft")
	require.NoError(t, os.WriteFile(file, []byte(table.Text()), 0o600))
	nft(t, "nft", "-f", file)
}

func TestNftLoadsAMultitude(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOTHING PROVEN: only root has a socket buffer for a batch of this size (net.core.wmem_max)")
	}
	load(t, Compile(many(300, scattered(10_000)), 1))
}

// A service for one family is not there in the other.
func TestOneFamilyOnly(t *testing.T) {
	m := &exposure.Model{Exposures: []exposure.Exposure{
		{Service: "four", Role: "four", Ports: []policy.Ports{tcp(4, 4)}, Sources: sources("0.0.0.0/0")},
		{Service: "six", Role: "six", Ports: []policy.Ports{tcp(6, 6)}, Sources: sources("2001:db8::/32")},
		{Service: "at", Role: "at", Ports: []policy.Ports{tcp(7, 7)}, Sources: sources(peers), Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::1")}},
		{Service: "none", Role: "none", Ports: []policy.Ports{tcp(8, 8)}},
	}, Deny: sources("203.0.113.66"), NeverBan: sources("2001:db8::1")}
	text := Compile(m, 1).Text()
	for _, want := range []string{
		"chain service-four-1 {\n\t\tmeta nfproto ipv4 counter name \"accepted-four\" accept comment \"four/four\"\n\t\tcounter name \"refused-four\" drop",
		"chain service-six-1 {\n\t\tip6 saddr @from-six6-1 counter name \"accepted-six\" accept comment \"six/six\"\n\t\tcounter name \"refused-six\" drop",
		"chain service-at-1 {\n\t\tip6 daddr 2001:db8::1 ip6 saddr @from-at6-1 counter name \"accepted-at\" accept comment \"at/at\"\n\t\tcounter name \"refused-at\" drop",
		"chain service-none-1 {\n\t\tcounter name \"refused-none\" drop",
	} {
		assert.Contains(t, text, want)
	}
	for _, absent := range []string{"from-four", "from-six4", "from-at4", "from-none", "deny6", "never-ban4", "accepted-none"} {
		assert.NotContains(t, text, absent)
	}
}
