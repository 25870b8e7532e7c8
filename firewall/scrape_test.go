package firewall

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/bans"
	"ngcp-fw/firewall/metrics"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/store"
)

func scrape(t *testing.T, f Firewall, now time.Time) metrics.State {
	t.Helper()
	s, err := f.Scrape(now)
	require.NoError(t, err)
	return s
}

func TestScrapeOfNothing(t *testing.T) {
	f := inNamespace(t)
	s := scrape(t, f, time.Now())
	assert.Equal(t, metrics.State{Bans: []metrics.Bans{{Kind: "permanent"}, {Kind: "temporary"}}, Media: s.Media, Tracked: s.Tracked}, s)
	apply(t, f, office)
	nft(t, "flush", "ruleset")
	s = scrape(t, f, time.Now())
	assert.False(t, s.InForce)
	assert.NotZero(t, s.Drift, "somebody took it away")
	assert.False(t, s.Generation.Confirmed)
}

// tryKept is try of a policy whose text is kept.
func tryKept(t *testing.T, f Firewall, text string) {
	t.Helper()
	by := operator
	by.Inputs = []store.Input{{File: "list"}, {File: "policy.yml", Text: text}}
	unwatched := &Trial{For: time.Hour, Guard: func(store.Pending) error { return nil }}
	_, err := f.Apply(model(t, text), by, Options{Trial: unwatched})
	require.NoError(t, err)
}

func TestScrapeOfWhatIsInForce(t *testing.T) {
	f := inNamespace(t)
	now := time.Now()
	day := func(days int) string { return now.UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	text := "version: 1\nroles:\n  administrators:\n    allow:\n" +
		"      - {source: 192.0.2.1, expires: " + day(-1) + "}\n" +
		"      - {source: 192.0.2.2, expires: " + day(2) + "}\n" +
		"      - {source: 192.0.2.3, expires: " + day(40) + "}\n" +
		"services: {sip: {limit: {rate: 5/second, ban-for: 1m}}}\n"
	tryKept(t, f, text)
	nft(t, "add", "element", "inet", "ngcp-fw", "limit-sip4-5/second.5", "{ 203.0.113.1 limit rate over 5/second }")
	nft(t, "add", "element", "inet", "ngcp-fw", "offenders6", "{ 2001:db8:1:: timeout 1h, 2001:db8:2:: timeout 1h }")
	nft(t, "add", "element", "inet", "ngcp-fw", "offenders4", "{ 203.0.113.0 timeout 1h, 203.0.113.9 timeout 1h }")
	for i, until := range []time.Time{{}, now.Add(time.Hour), now.Add(-time.Hour)} {
		a := netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
		for range 2 {
			_, err := f.Ban(bans.Ban{From: a, To: a, Since: now, Until: until}, true)
			require.NoError(t, err)
		}
	}
	s := scrape(t, f, now)
	assert.True(t, s.InForce)
	assert.Equal(t, uint64(1), s.Generation.Number)
	assert.False(t, s.Generation.Confirmed)
	assert.WithinDuration(t, now.Add(time.Hour), s.Deadline, 10*time.Second)
	midnight := now.UTC().Truncate(24 * time.Hour)
	assert.Equal(t, &metrics.Entries{Ending: 1, Next: midnight.AddDate(0, 0, 3)}, s.Entries)
	assert.Equal(t, []metrics.Bans{{Kind: "permanent", Number: 1}, {Kind: "temporary", Number: 1}, {Kind: "limit", Number: 3}}, s.Bans, "each source counts once")
	assert.Contains(t, s.Limits, metrics.Limit{Service: "sip", Family: "ipv4", Set: "limit-sip4-5/second.5", Sources: 1, Size: 65536})
	assert.Contains(t, s.Sets, metrics.Set{Name: "from-administrators4", Elements: 1})
	assert.Contains(t, s.Sets, metrics.Set{Name: "offenders6", Elements: 2, Size: 65536})
	assert.Equal(t, &metrics.Entries{Outdated: 1, Ending: 1, Next: midnight.AddDate(0, 0, 41)}, scrape(t, f, now.AddDate(0, 0, 12)).Entries)
}

// A table that no packet meets refuses nothing.
func TestScrapeOfATableThatSleeps(t *testing.T) {
	for _, damage := range []string{"add table inet ngcp-fw { flags dormant; }", "delete chain inet ngcp-fw input"} {
		t.Run(damage, func(t *testing.T) {
			f := inNamespace(t)
			apply(t, f, office)
			assert.False(t, scrape(t, f, time.Now()).Asleep)
			nft(t, damage)
			assert.True(t, scrape(t, f, time.Now()).Asleep)
			apply(t, f, office)
			assert.False(t, scrape(t, f, time.Now()).Asleep)
		})
	}
}

func TestScrapeAfterFallback(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	apply(t, f, everyone)
	s := scrape(t, f, time.Now())
	assert.False(t, s.Fallback)
	assert.Zero(t, s.FellBack)
	reboot(t, f)
	spoil(t, f, "generation-2.ruleset")
	_, err := f.Restore(operator)
	require.NoError(t, err)
	s = scrape(t, f, time.Now())
	assert.True(t, s.Fallback)
	assert.WithinDuration(t, time.Now(), s.FellBack, 10*time.Second)
	apply(t, f, everyone)
	s = scrape(t, f, time.Now())
	assert.False(t, s.Fallback, "somebody applied since")
	assert.NotZero(t, s.FellBack)
}

// What is damaged on disk is drift, or is left out; the counters are told all the
// same.
func TestScrapeWithoutState(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	require.NoError(t, os.WriteFile(filepath.Join(f.RunDir, "pending.json"), []byte("{"), 0o600))
	assert.NotZero(t, scrape(t, f, time.Now()).Drift)
	require.NoError(t, os.RemoveAll(f.StateDir))
	s := scrape(t, f, time.Now())
	assert.NotZero(t, s.Drift)
	assert.Nil(t, s.Generation)
	assert.Nil(t, s.Entries)
	assert.NotEmpty(t, s.Dropped)
}

// Sets that an interrupted change has left do not count twice.
func TestLatestSets(t *testing.T) {
	for _, row := range []struct{ have, want string }{
		{"banned4 from-a4-7 from-b4-3", "banned4 from-a4-7 from-b4-3"},
		{"from-a4-6 from-a4-7 from-a4-8", "from-a4-7"},
		{"from-a4-3 from-a4-8", "from-a4-8"},
		{"limit-sip4-50/second.100", "limit-sip4-50/second.100"},
	} {
		var sets []ruleset.Set
		for name := range strings.FieldsSeq(row.have) {
			sets = append(sets, ruleset.Set{Name: name})
		}
		var got []string
		for _, s := range latest(sets, 7) {
			got = append(got, s.Name)
		}
		assert.Equal(t, row.want, strings.Join(got, " "))
	}
}
