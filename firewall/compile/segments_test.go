package compile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

func TestSegments(t *testing.T) {
	all := []policy.Ports{udpPorts(0, 65535)}
	for _, row := range []struct {
		name  string
		ports [][]policy.Ports // of each exposure
		want  []segment        // of udp
	}{
		{"none", nil, nil},
		{"one port", [][]policy.Ports{{udpPorts(5060, 5060)}}, []segment{{5060, 5060, []int{0}}}},
		{"every port", [][]policy.Ports{all}, []segment{{0, 65535, []int{0}}}},
		{"a range around a port", [][]policy.Ports{{udpPorts(5060, 5060)}, {udpPorts(5000, 6000)}},
			[]segment{{5000, 5059, []int{1}}, {5060, 5060, []int{0, 1}}, {5061, 6000, []int{1}}}},
		{"touching ranges of one exposure", [][]policy.Ports{{udpPorts(1, 2), udpPorts(3, 4)}}, []segment{{1, 4, []int{0}}}},
		{"touching ranges of two", [][]policy.Ports{{udpPorts(1, 2)}, {udpPorts(3, 4)}}, []segment{{1, 2, []int{0}}, {3, 4, []int{1}}}},
		{"a range within its own", [][]policy.Ports{{udpPorts(1, 9), udpPorts(3, 4)}}, []segment{{1, 9, []int{0}}}},
		{"the last port", [][]policy.Ports{{udpPorts(65535, 65535)}, all}, []segment{{0, 65534, []int{1}}, {65535, 65535, []int{0, 1}}}},
		{"another protocol", [][]policy.Ports{{tcp(1, 9)}}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := &exposure.Model{}
			for _, p := range row.ports {
				m.Exposures = append(m.Exposures, exposure.Exposure{Ports: p})
			}
			assert.Equal(t, row.want, openings(m)[policy.UDP])
		})
	}
}

// At every port, the segments say who is open, and no two that touch say the
// same.
func TestSegmentsAreThePorts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		segments := openings(m)[policy.UDP]
		for i, s := range segments {
			require.LessOrEqual(t, s.from, s.to)
			if i > 0 {
				require.Greater(t, s.from, segments[i-1].to)
				touching := s.from == segments[i-1].to+1
				require.False(t, touching && assert.ObjectsAreEqual(segments[i-1].exposures, s.exposures))
			}
		}
		for _, p := range somePorts {
			for n := max(p, 1) - 1; n <= p && n < 65535; n++ {
				require.Equal(t, openAt(m, n), exposuresAt(segments, n), "port %d", n)
			}
		}
	})
}

func openAt(m *exposure.Model, port uint16) (open []int) {
	for i, e := range m.Exposures {
		for _, p := range e.Ports {
			if p.Protocol == policy.UDP && p.From <= port && port <= p.To {
				open = append(open, i)
				break
			}
		}
	}
	return open
}

func exposuresAt(segments []segment, port uint16) []int {
	for _, s := range segments {
		if s.from <= port && port <= s.to {
			return s.exposures
		}
	}
	return nil
}
