package exposure

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
)

// A small world: what exposures may name, and something beyond it.
var (
	someLinks     = []string{"eth0", "eth1"}
	someAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8:1::1")}
	someSources   = []string{"198.51.100.0/31", "198.51.100.2/31", "2001:db8::/127"}
)

func genExposure(t *rapid.T, i int) Exposure {
	e := Exposure{Service: fmt.Sprintf("service%d", i), Role: "role"}
	if rapid.Bool().Draw(t, "on some links") {
		e.Interfaces = rapid.SliceOfNDistinct(rapid.SampledFrom(someLinks), 1, 2, rapid.ID).Draw(t, "links")
		slices.Sort(e.Interfaces)
	}
	if rapid.Bool().Draw(t, "at some addresses") {
		e.Addresses = rapid.SliceOfNDistinct(rapid.SampledFrom(someAddresses), 1, 3, rapid.ID).Draw(t, "addresses")
		slices.SortFunc(e.Addresses, netip.Addr.Compare)
	}
	if rapid.IntRange(0, 4).Draw(t, "ports") > 0 {
		from := rapid.Uint16Range(1, 6).Draw(t, "from")
		to := rapid.Uint16Range(from, 7).Draw(t, "to")
		protocol := rapid.SampledFrom([]policy.Protocol{policy.TCP, policy.UDP}).Draw(t, "protocol")
		e.Ports = []policy.Ports{{Protocol: protocol, From: from, To: to}}
	}
	for _, text := range rapid.SliceOfDistinct(rapid.SampledFrom(someSources), rapid.ID).Draw(t, "sources") {
		e.Sources = e.Sources.Union(addr.Of(netip.MustParsePrefix(text)))
	}
	return e
}

func genModel(t *rapid.T) *Model {
	m := &Model{}
	for i := range rapid.IntRange(0, 4).Draw(t, "exposures") {
		m.Exposures = append(m.Exposures, genExposure(t, i))
	}
	return m
}

// everyFlow is the packets of the small world and of what is just beyond it.
func everyFlow(yield func(policy.Flow)) {
	for _, from := range []string{"198.51.100.0", "198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "2001:db8::1", "2001:db8::2"} {
		for _, link := range append(someLinks, "eth9") {
			for _, to := range append(someAddresses, netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8:1::9")) {
				if to.Is4() != netip.MustParseAddr(from).Is4() {
					continue
				}
				for _, port := range []uint16{1, 2, 3, 4, 5, 6, 7, 8, 65535} {
					for _, protocol := range []policy.Protocol{policy.TCP, policy.UDP, policy.SCTP} {
						yield(policy.Flow{From: netip.MustParseAddr(from), In: link, To: to, ToPort: port, Protocol: protocol})
					}
				}
			}
		}
	}
}

func (d Delta) holds(f policy.Flow) bool {
	e := Exposure{Ports: d.Ports}
	return e.opens(f) && d.Sources.Contains(f.From) && inClass(d.Interfaces, f.In) && inClass(d.Addresses, f.To.String())
}

func inClass(class []string, name string) bool {
	if len(class) > 0 && strings.HasPrefix(class[0], "!") {
		return !slices.Contains(class, "!"+name)
	}
	return len(class) == 0 || slices.Contains(class, name)
}

func TestCompareAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := genModel(t), genModel(t)
		change := Compare(before, after)
		everyFlow(func(f policy.Flow) {
			was, is := before.Allows(f).Accept, after.Allows(f).Accept
			gained := slices.ContainsFunc(change.Gained, func(d Delta) bool { return d.holds(f) })
			lost := slices.ContainsFunc(change.Lost, func(d Delta) bool { return d.holds(f) })
			require.Equalf(t, is && !was, gained, "gained %+v", f)
			require.Equalf(t, was && !is, lost, "lost %+v", f)
		})
	})
}

func TestCompareWithItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genModel(t)
		require.True(t, Compare(m, m).IsEmpty())
		require.Equal(t, Compare(nil, m).Gained, Compare(m, nil).Lost)
	})
}
