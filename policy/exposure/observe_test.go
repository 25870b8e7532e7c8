package exposure

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
)

func TestObserveLetsInWhatNoServiceDoes(t *testing.T) {
	plain := files{policy: "roles: {administrators: {allow: [192.0.2.0/24]}}\ndeny: [198.51.100.0/24]\n"}.resolve(t)
	observing := files{policy: "observe: true\nroles: {administrators: {allow: [192.0.2.0/24]}}\n"}.resolve(t)
	require.Same(t, plain, plain.InForce())
	require.Nil(t, (*Model)(nil).InForce())

	change := Compare(plain.InForce(), observing.InForce())
	require.Empty(t, change.Lost)
	reached := func(deltas []Delta, port uint16) (sources addr.Set) {
		for _, d := range deltas {
			e := Exposure{Ports: d.Ports}
			if e.hasPorts(policy.Ports{Protocol: policy.TCP, From: port, To: port}) {
				sources = sources.Union(d.Sources)
			}
		}
		return sources
	}
	require.Equal(t, []string{"198.51.100.0/24"}, reached(change.Gained, 5060).Strings(), "who was denied")
	require.Equal(t, addr.Any().Subtract(plain.Exposures[len(plain.Exposures)-1].Sources).Strings(), reached(change.Gained, 2443).Strings())
	require.Equal(t, addr.Any().Strings(), reached(change.Gained, 9).Strings())
	require.True(t, Compare(observing.InForce(), observing.InForce()).IsEmpty())
}
