package netns_test

import (
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// scrape is the host's metrics, as Prometheus reads them: values by name and
// labels, as in ngcp_fw_bans{kind=limit}.
func (s *site) scrape() map[string]float64 {
	s.t.Helper()
	r := s.run("metrics")
	require.Zero(s.t, r.Code, r.Stderr)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(r.Stdout))
	require.NoError(s.t, err)
	values := map[string]float64{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			key := strings.TrimPrefix(name, "ngcp_fw_") + "{" + strings.Join(labels, ",") + "}"
			values[strings.TrimSuffix(key, "{}")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

// grown is by how much counters have grown since before.
func grown(before, after map[string]float64) map[string]float64 {
	delta := map[string]float64{}
	for name, value := range after {
		if strings.Contains(name, "_total{") && value != before[name] {
			delta[name] = value - before[name]
		}
	}
	return delta
}

const (
	ipv4Header, ipv6Header = 20, 40
	udpHeader              = 8
	payload                = 100
)

// repeat is a packet of UDP with a payload of a known length, so many times.
func repeat(t *testing.T, from, to string, times int) (flows []lab.Flow) {
	t.Helper()
	f := flow(t, from, to, "")
	f.Payload = make([]byte, payload)
	for range times {
		flows = append(flows, f)
	}
	return flows
}

const metered = `version: 1
roles:
  administrators: {allow: [192.0.2.0/24, "2001:db8:10::/48"]}
services:
  sip: {limit: {rate: 1/hour, burst: 4, ban-for: 1h}}
  snmp: {ports: [161/udp], roles: [administrators]}
  ntp: {ports: [123/udp], roles: [administrators]}
  both: {ports: [123/udp], roles: [administrators]}
deny: [198.51.100.66]
`

// What the counters have counted is what was sent, and an apply changes nothing of
// that.
func TestMetricsCountWhatWasSent(t *testing.T) {
	s := enforce(t, metered)
	send := func(want lab.Outcome, flows []lab.Flow) {
		t.Helper()
		checkFlows(t, s.Host, want, flows...)
	}
	before := s.scrape()
	assert.EqualValues(t, 1, before["enforced"])
	send(accepted, repeat(t, "203.0.113.9", "30000/udp", 7))
	send(accepted, repeat(t, "2001:db8:99::9", "30000/udp", 3))
	send(accepted, repeat(t, "192.0.2.7", "161/udp", 2))
	send(dropped, repeat(t, "203.0.113.9", "161/udp", 5))
	send(dropped, repeat(t, "203.0.113.9", "123/udp", 6))
	send(dropped, repeat(t, "203.0.113.9", "9999/udp", 4))
	send(dropped, repeat(t, "198.51.100.66", "30000/udp", 8))
	send(accepted, repeat(t, "203.0.113.77", "5060/udp", 4))
	send(dropped, repeat(t, "203.0.113.77", "5060/udp", 1)) // which bans
	send(dropped, repeat(t, "203.0.113.77", "30000/udp", 9))
	const size = payload + udpHeader + ipv4Header
	want := map[string]float64{}
	for labels, packets := range map[string]float64{
		"accepted|service=rtp": 10, "accepted|service=snmp": 2, "accepted|service=sip": 4,
		"dropped|reason=refused,service=snmp": 5, "dropped|reason=refused,service=ntp": 6, "dropped|reason=refused,service=both": 6,
		"dropped|reason=refused": 4, "dropped|reason=denied": 8, "dropped|reason=limited,service=sip": 1, "dropped|reason=banned": 9,
	} {
		fate, labels, _ := strings.Cut(labels, "|")
		want[fate+"_packets_total{"+labels+"}"] = packets
		want[fate+"_bytes_total{"+labels+"}"] = packets * size
	}
	want["accepted_bytes_total{service=rtp}"] += 3 * (ipv6Header - ipv4Header)
	after := s.scrape()
	assert.Equal(t, want, grown(before, after))
	assert.EqualValues(t, 1, after["bans{kind=limit}"])
	assert.EqualValues(t, 1, after["limit_sources{family=ipv4,service=sip,set=limit-sip4-1/hour.4}"])
	assert.EqualValues(t, 65536, after["limit_sources_capacity{family=ipv4,service=sip,set=limit-sip4-1/hour.4}"])
	s.change(metered + "never-ban: [203.0.113.200]\n")
	changed := s.scrape()
	assert.Empty(t, grown(after, changed), "an apply")
	for name, value := range after {
		if strings.Contains(name, "_total{") || strings.HasPrefix(name, "limit_") || strings.HasPrefix(name, "bans") {
			assert.Equal(t, value, changed[name], name)
		}
	}
}

// A scrape does not fail where something is wrong: it tells.
func TestMetricsTellWhatIsWrong(t *testing.T) {
	s := newSite(t, map[string]string{"policy.yml": everybody})
	was := s.scrape()
	assert.Equal(t, []float64{1, 0, 0, 0}, []float64{was["scrape_success"], was["enforced"], was["in_force"], was["drift"]})
	s.apply()
	assert.Equal(t, []float64{1, 1, 0, 1}, func(v map[string]float64) []float64 {
		return []float64{v["enforced"], v["in_force"], v["drift"], v["confirmed"]}
	}(s.scrape()))
	nft(t, s.Host, "insert rule inet ngcp-fw input tcp dport 3306 accept\n")
	drifted := s.scrape()
	assert.EqualValues(t, 1, drifted["drift"])
	assert.EqualValues(t, 1, drifted["drift_findings"])
	s.apply("--confirm", "1h")
	tried := s.scrape()
	assert.EqualValues(t, 0, tried["drift"])
	assert.EqualValues(t, 1, tried["pending"])
	assert.NotZero(t, tried["pending_deadline_timestamp_seconds"])
	s.run("rollback")
	nft(t, s.Host, "delete table inet ngcp-fw\n")
	gone := s.scrape()
	assert.Equal(t, []float64{0, 0, 1, 0}, []float64{gone["enforced"], gone["in_force"], gone["drift"], gone["confirmed"]})
}
