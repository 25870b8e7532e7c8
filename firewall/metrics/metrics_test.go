package metrics

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var write = flag.Bool("write", false, "write the golden files")

var noon = time.Date(2027, 1, 12, 12, 0, 0, 0, time.UTC)

// whole is a state of which everything is known.
func whole() State {
	return State{
		Version: "v1.2.3", InForce: true, Drift: 2, Deadline: noon.Add(time.Minute), Fallback: true, FellBack: noon.Add(-time.Hour),
		Generation: &Generation{Number: 7, Policy: "/etc/ngcp-fw/policy.yml", Digest: "c0ffee", Applied: noon, Confirmed: true},
		Accepted:   []Traffic{{Service: "ssh", Packets: 3, Bytes: 180}, {Service: "rtp", Packets: 18446744073709551615, Bytes: 1 << 53}},
		Dropped:    []Traffic{{Reason: "refused", Packets: 9, Bytes: 540}, {Reason: "refused", Service: "ssh", Packets: 2, Bytes: 120}, {Reason: "banned"}},
		Bans:       []Bans{{"permanent", 1}, {"temporary", 20}, {"limit", 300}},
		Limits:     []Limit{{"sip", "ipv4", "limit-sip4-50/second.100", 12, 65536}, {"sip", "ipv6", "limit-sip6-50/second.100", 0, 65536}},
		Sets:       []Set{{"from-peers4", 1000000, 0}, {"offenders4", 300, 65536}},
		Entries:    &Entries{Ending: 1, Outdated: 2, Next: noon.AddDate(0, 0, 3)},
		Media: Media{Wanted: true, InForce: true, Module: true, Findings: 1,
			Rules: []MediaRule{{"ipv4", true, 500}, {"ipv6", true, 0}}, Tables: []MediaTable{{0, 44}}},
		Tracked: &Tracking{1200, 262144},
	}
}

func TestGolden(t *testing.T) {
	observing := State{InForce: true, Generation: &Generation{Observe: true, Applied: noon}}
	for name, state := range map[string]State{"whole": whole(), "nothing": {}, "failed": {Failed: true}, "observing": observing, "asleep": {InForce: true, Asleep: true}} {
		t.Run(name, func(t *testing.T) {
			path, text := "testdata/"+name+".prom", Text(Families(state))
			if *write {
				require.NoError(t, os.WriteFile(path, text, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(text))
			problems, err := promlint.New(bytes.NewReader(text)).Lint()
			require.NoError(t, err)
			assert.Empty(t, problems)
		})
	}
}

func TestRowsAreSortedAndAllUsed(t *testing.T) {
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.name
	}
	assert.True(t, slices.IsSorted(names), names)
	assert.Len(t, Families(whole()), len(rows))
}

// drawFamily is a family of any content that its type allows.
func drawFamily(name string) *rapid.Generator[Family] {
	return rapid.Custom(func(t *rapid.T) Family {
		f := Family{Name: name, Kind: rapid.SampledFrom([]Kind{Counter, Gauge}).Draw(t, "kind"), Help: anyText.Draw(t, "help")}
		values := rapid.SliceOfN(anyText, 1, 4).Draw(t, "labels")
		for _, value := range values {
			f.Samples = append(f.Samples, one(rapid.Float64().Draw(t, "value"), "first", value, "second", "fixed"))
		}
		return f
	})
}

// anyText has what has to be escaped more often than chance would.
var anyText = rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("\\\"\n {}=,#äx"))),
	rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))

// What is written is read by Prometheus' own parser as it was meant.
func TestTextIsReadAsItWasMeant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		families := []Family{drawFamily("a_total").Draw(t, "a"), drawFamily("b").Draw(t, "b")}
		for i := range families {
			families[i].Help = strings.ToValidUTF8(families[i].Help, "?")
		}
		parser := expfmt.NewTextParser(model.LegacyValidation)
		read, err := parser.TextToMetricFamilies(bytes.NewReader(Text(families)))
		require.NoError(t, err)
		require.Len(t, read, len(families))
		for _, f := range families {
			got := read[f.Name]
			require.Equal(t, strings.ToUpper(string(f.Kind)), got.GetType().String())
			require.Len(t, got.GetMetric(), len(sorted(f.Samples)))
			for i, s := range sorted(f.Samples) {
				m := got.GetMetric()[i]
				value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
				require.Equal(t, s.Value, value)
				require.Equal(t, strings.ToValidUTF8(s.Labels["first"], "\uFFFD"), m.GetLabel()[0].GetValue())
				require.Equal(t, "fixed", m.GetLabel()[1].GetValue())
			}
		}
	})
}

// The same state gives the same bytes, in whatever order its parts come.
func TestOrderOfTheStateDoesNotCount(t *testing.T) {
	turned := whole()
	slices.Reverse(turned.Accepted)
	slices.Reverse(turned.Dropped)
	slices.Reverse(turned.Sets)
	slices.Reverse(turned.Bans)
	slices.Reverse(turned.Limits)
	assert.Equal(t, string(Text(Families(whole()))), string(Text(Families(turned))))
}
