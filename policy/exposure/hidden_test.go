package exposure

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
)

func TestHidden(t *testing.T) {
	lists := map[string]string{
		"carriers": "192.0.2.0/24\n198.51.100.0/24\n2001:db8::/32\n",
		"few":      "192.0.2.7\n2001:db8::1\n",
		"many":     strings.Repeat("#\n", 3) + manySources(100),
	}
	for name, c := range map[string]struct {
		entries string
		want    []string // "hidden < by whom"
	}{
		"none":            {"192.0.2.0/24, 198.51.100.0/24", nil},
		"inside":          {"192.0.2.0/24, 192.0.2.7", []string{"192.0.2.7 < 192.0.2.0/24"}},
		"inside, before":  {"192.0.2.7, 192.0.2.0/24", []string{"192.0.2.7 < 192.0.2.0/24"}},
		"same start":      {"192.0.2.0, 192.0.2.0/24", []string{"192.0.2.0 < 192.0.2.0/24"}},
		"same end":        {"192.0.2.255, 192.0.2.0/24", []string{"192.0.2.255 < 192.0.2.0/24"}},
		"next to it":      {"192.0.2.0/25, 192.0.2.128/25", nil},
		"equal":           {"192.0.2.7, 192.0.2.7/32", []string{"192.0.2.7/32 < 192.0.2.7"}},
		"equal thrice":    {"192.0.2.7, 192.0.2.7, 192.0.2.7", []string{"192.0.2.7 < 192.0.2.7", "192.0.2.7 < 192.0.2.7"}},
		"equal range":     {"192.0.2.0-192.0.2.255, 192.0.2.0/24", []string{"192.0.2.0/24 < 192.0.2.0-192.0.2.255"}},
		"overlapping":     {"192.0.2.0-192.0.2.10, 192.0.2.5-192.0.2.20", nil},
		"by two together": {"192.0.2.0/25, 192.0.2.128/25, 192.0.2.100-192.0.2.200", []string{"192.0.2.100-192.0.2.200 adds nothing to WHAT: 192.0.2.0/25 and 192.0.2.128/25 cover it together"}},
		"by many together": {"192.0.2.0/26, 192.0.2.0/24, 192.0.2.0-192.0.2.100, 192.0.2.100-192.0.2.200, 192.0.2.200-192.0.3.0", []string{
			"192.0.2.0/26 < 192.0.2.0/24", "192.0.2.0-192.0.2.100 < 192.0.2.0/24", "192.0.2.100-192.0.2.200 < 192.0.2.0/24"}},
		"by a list and one": {"{file: carriers}, 192.0.3.0/24, 192.0.2.128-192.0.3.5", []string{"192.0.2.128-192.0.3.5 adds nothing to WHAT: carriers and 192.0.3.0/24 cover it together"}},
		"a ring": {"192.0.2.0-192.0.2.9, 192.0.2.5-192.0.2.14, 192.0.2.10-192.0.2.19, 192.0.2.15-192.0.2.24", []string{
			"192.0.2.10-192.0.2.19 adds nothing to WHAT: 192.0.2.5-192.0.2.14 and 192.0.2.15-192.0.2.24 cover it together"}},
		"any":             {"any, 192.0.2.7, '::1'", []string{"192.0.2.7 < any", "::1 < any"}},
		"any4":            {"any4, 192.0.2.7, '::1'", []string{"192.0.2.7 < any4"}},
		"any over any4":   {"any4, any, any6", []string{"any4 < any", "any6 < any"}},
		"any twice":       {"any, any", []string{"any < any"}},
		"families":        {"0.0.0.0/0, '::/1'", nil},
		"nested":          {"10.0.0.0/8, 10.0.0.0/16, 10.0.0.0/24, 10.9.0.0/16", []string{"10.0.0.0/16 < 10.0.0.0/8", "10.0.0.0/24 < 10.0.0.0/8", "10.9.0.0/16 < 10.0.0.0/8"}},
		"by a list":       {"198.51.100.7, {file: carriers}", []string{"198.51.100.7 < carriers"}},
		"equal in a list": {"192.0.2.0/24, {file: carriers}, '2001:db8::/32'", []string{"192.0.2.0/24 < carriers", "2001:db8::/32 < carriers"}},
		"list by list":    {"{file: few}, {file: carriers}", []string{"few < carriers"}},
		"list twice":      {"{file: few}, {file: few}", []string{"few < few"}},
		"list, not whole": {"192.0.2.0/24, {file: few}", nil},
		"list by any":     {"{file: few}, {file: many}, any", []string{"few < any", "many < any"}},
		"in a long list":  {"10.5.0.0, {file: many}, 10.5.0.1", []string{"10.5.0.0 < many"}},
		"expired one":     {"{source: 192.0.2.0/24, expires: 2026-01-01}, 192.0.2.7", nil},
	} {
		for _, place := range []string{"deny: [%s]", "never-ban: [%s]", "roles: {subscribers: {allow: [%s]}}", "roles: {subscribers: {except: [%s]}}"} {
			t.Run(name+" "+place, func(t *testing.T) {
				_, diags := Resolve(files{policy: fmt.Sprintf(place, c.entries), lists: lists}.inputs(t))
				var got []string
				for _, d := range diags {
					if d.Code == "entry-hidden" {
						words := strings.Fields(d.Message)
						if d.Hint == "remove it, or the others" {
							got = append(got, d.Message)
							continue
						}
						require.Equal(t, "remove one of them", d.Hint)
						got = append(got, words[0]+" < "+words[len(words)-4])
						require.Equal(t, fmt.Sprintf("%s adds nothing to %s: %s covers it (policy.yml:2)", words[0], placeName(place), words[len(words)-4]), d.Message)
					}
				}
				var want []string
				for _, line := range c.want {
					want = append(want, strings.ReplaceAll(line, "WHAT", placeName(place)))
				}
				require.ElementsMatch(t, want, got)
			})
		}
	}
}

// placeName is the key of the list of entries.
func placeName(place string) string {
	return strings.TrimRight(strings.Fields(place[strings.LastIndex(place[:strings.Index(place, "[")], "{")+1:])[0], ":")
}

// TestTogether takes away all that is found: nothing is lost, and nothing is left
// that the others cover.
func TestTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(drawEntry), 0, 8).Draw(t, "entries")
		for i := range entries {
			entries[i].Text = fmt.Sprint(i)
		}
		all := layersOf(entries).once
		var idle []string
		for _, c := range together(slices.Clone(entries)) {
			idle = append(idle, c.Text)
		}
		left := slices.DeleteFunc(entries, func(e policy.Entry) bool { return slices.Contains(idle, e.Text) })
		require.True(t, all.Equal(layersOf(left).once))
		for i := range left {
			others := slices.Delete(slices.Clone(left), i, i+1)
			require.False(t, layersOf(others).once.Covers(left[i].Sources))
		}
	})
}

func TestTakenAway(t *testing.T) {
	for name, c := range map[string]struct{ policy, want string }{
		"by except":      {"roles: {subscribers: {allow: [192.0.2.1, 192.0.2.8], except: [192.0.2.0/30]}}", "192.0.2.1 adds nothing to allow: except takes all of it away"},
		"by two":         {"roles: {subscribers: {allow: [192.0.2.0/31, 192.0.2.8], except: [192.0.2.0, 192.0.2.1]}}", "192.0.2.0/31 adds nothing to allow: except takes all of it away"},
		"by deny":        {"roles: {subscribers: {allow: [192.0.2.1, 192.0.2.8]}}\ndeny: [192.0.2.1]", "192.0.2.1 adds nothing to allow: deny takes all of it away"},
		"in part":        {"roles: {subscribers: {allow: [192.0.2.0/24], except: [192.0.2.0/25]}}\ndeny: [192.0.2.128]", ""},
		"already out":    {"roles: {subscribers: {allow: [{source: 192.0.2.1, expires: 2026-01-01}], except: [192.0.2.0/30]}}", ""},
		"expired except": {"roles: {subscribers: {allow: [192.0.2.1], except: [{source: 192.0.2.0/30, expires: 2026-01-01}]}}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := Resolve(files{policy: c.policy}.inputs(t))
			got := ""
			for _, d := range diags {
				if d.Code == "entry-hidden" {
					got += d.Message
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestCoversAgainstEveryPair compares the sweep with looking at all pairs:
// entries of one range, as all but lists and any have, are found without
// exception, and what is found is right.
func TestCoversAgainstEveryPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(drawEntry), 0, 8).Draw(t, "entries")
		found := covers(entries)
		for i, e := range entries {
			if by := found[i]; by >= 0 {
				require.NotEqual(t, i, by)
				require.True(t, entries[by].Sources.Covers(e.Sources))
				require.NotEqual(t, i, found[by], "two hide each other")
				continue
			}
			for j, other := range entries {
				if j != i && e.Sources.Len4() == 1 && other.Sources.Covers(e.Sources) {
					same := other.Sources.Equal(e.Sources)
					require.True(t, same && found[j] >= 0, "%v hides %v", other.Sources.Strings(), e.Sources.Strings())
				}
			}
		}
	})
}

func drawEntry(t *rapid.T) policy.Entry {
	var b addr.Builder
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "ranges") {
		low := rapid.IntRange(0, 9).Draw(t, "low")
		high := rapid.IntRange(low, 9).Draw(t, "high")
		b.AddRange(from(fmt.Sprintf("192.0.2.%d", low)), from(fmt.Sprintf("192.0.2.%d", high)))
	}
	return policy.Entry{Sources: b.Set()}
}

// manySources is n lines of networks that do not touch.
func manySources(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.0\n", i%256, i/256*2)
	}
	return b.String()
}

func TestManySources(t *testing.T) {
	const n = 10_000
	listed := "    - " + strings.ReplaceAll(strings.TrimSpace(manySources(n)), "\n", "\n    - ")
	in := files{policy: "roles:\n  subscribers:\n    allow:\n" + listed + "\n    except:\n" + listed + "\n" + "deny: [{file: l}, {file: l}, any4]\n", lists: map[string]string{"l": manySources(n)}}.inputs(t)
	start := time.Now()
	_, diags := Resolve(in)
	took := time.Since(start)
	hidden := 0
	for _, d := range diags {
		if d.Code == "entry-hidden" {
			hidden++
		}
	}
	require.Equal(t, n+2, hidden)
	require.Less(t, took, time.Second)
}

func TestManyServices(t *testing.T) {
	const n = 300
	var b strings.Builder
	b.WriteString(admins + "services:\n")
	for i := range n {
		fmt.Fprintf(&b, "  own-%d: {ports: [%d/tcp, %d-%d/udp, 7/tcp], roles: [subscribers, administrators]}\n", i, 10_000+i, 30_000+i, 30_100+i)
	}
	in := files{policy: b.String()}.inputs(t)
	start := time.Now()
	m, _ := Resolve(in)
	require.Zero(t, len(m.Exposures)-2*n-10)
	require.True(t, Compare(m, m).IsEmpty())
	change := Compare(nil, m)
	took := time.Since(start)
	t.Log(took)
	require.Len(t, change.Gained, 2*n+10)
	require.Less(t, took, 5*time.Second)
}
