package verify_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/verify"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// scattered is n IPv4 addresses from one on, none beside another.
func scattered(from uint32, n int) addr.Set {
	packed := make([]byte, 0, 8*n)
	for i := range n {
		a := from + uint32(2*i)
		packed = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(packed, a), a)
	}
	s, err := addr.FromPacked(packed, nil)
	if err != nil {
		panic(err)
	}
	return s
}

// builtin is the host of a policy that says nothing.
func builtin(t testing.TB) *exposure.Model {
	m, diags := exposure.Resolve(exposure.Inputs{Policy: policy.Builtin(), Now: time.Now()})
	require.Zero(t, diags.Errors())
	return m
}

// large is a host of two carriers with a million prefixes each, which overlap,
// and a long deny list between them.
func large() *exposure.Model {
	const million = 1_000_000
	udp := []policy.Ports{{Protocol: policy.UDP, From: 5060, To: 5060}, {Protocol: policy.TCP, From: 5060, To: 5060}}
	media := []policy.Ports{{Protocol: policy.UDP, From: 30000, To: 40000}}
	deny := scattered(0x0a000000+million, million/10)
	one, other := scattered(0x0a000000, million).Subtract(deny), scattered(0x0a000000+million+1, million).Subtract(deny)
	m := &exposure.Model{Deny: deny, NeverBan: one}
	for _, e := range []exposure.Exposure{{Service: "sip", Ports: udp}, {Service: "rtp", Ports: media}} {
		for role, list := range map[string]addr.Set{"one": one, "other": other} {
			e.Role, e.Sources = role, list
			m.Exposures = append(m.Exposures, e)
		}
	}
	return m
}

// listed is a host of one carrier with n prefixes.
func listed(n int) *exposure.Model {
	m := large()
	m.Exposures, m.Deny, m.NeverBan = m.Exposures[:0], sources("203.0.113.0/24"), addr.Set{}
	for _, e := range []exposure.Exposure{
		{Service: "sip", Ports: []policy.Ports{{Protocol: policy.UDP, From: 5060, To: 5060}}},
		{Service: "rtp", Ports: []policy.Ports{{Protocol: policy.UDP, From: 30000, To: 40000}}},
	} {
		e.Role, e.Sources = "carriers", scattered(0x0a000000, n)
		m.Exposures = append(m.Exposures, e)
	}
	return m
}

// crowded is n services on links and addresses of their own.
func crowded(n int) *exposure.Model {
	m := &exposure.Model{}
	for i := range n {
		port := uint16(1000 + i)
		for _, role := range []string{"peers", "administrators"} {
			m.Exposures = append(m.Exposures, exposure.Exposure{Service: fmt.Sprint("service-", i), Role: role, Interfaces: []string{fmt.Sprint("eth", i%10)},
				Ports:     []policy.Ports{{Protocol: policy.TCP, From: port, To: port}, {Protocol: policy.UDP, From: port, To: port}},
				Addresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}, Sources: scattered(uint32(i), 10)})
		}
	}
	return m
}

func BenchmarkCompare(b *testing.B) {
	for _, row := range []struct {
		name  string
		model *exposure.Model
	}{{"default", builtin(b)}, {"services=300", crowded(300)}, {"prefixes=1000000", listed(1_000_000)}, {"prefixes=2100000", large()}} {
		table := compile.Compile(row.model, 1)
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				found, err := verify.Compare(table, row.model)
				require.NoError(b, err)
				require.Nil(b, found)
			}
		})
	}
}

// One address more or less among a million is found.
func TestOneOfAMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a second")
	}
	m := large()
	table := compile.Compile(m, 1)
	extra := netip.MustParseAddr("198.51.100.7")
	for i := range table.Sets {
		s := &table.Sets[i]
		if s.Name != "from-other4-1" {
			continue
		}
		with := addr.Of(netip.PrefixFrom(extra, 32))
		whole, err := addr.FromPacked(s.Elements.Packed(), nil)
		require.NoError(t, err)
		mutant := copyOf(table)
		mutant.Sets[i].Elements, err = packed4(whole.Union(with))
		require.NoError(t, err)
		found, err := verify.Compare(mutant, m)
		require.NoError(t, err)
		require.NotNil(t, found)
		assert.Equal(t, extra, found.Flow.From)
		assert.True(t, found.Kernel && found.Plain())
		return
	}
	t.Fatal("no such set")
}
