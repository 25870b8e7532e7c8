package bans

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var now = time.Unix(1_800_000_000, 0).UTC()

// world is a few addresses of each family, the highest ones among them.
var world = func() (all []netip.Addr) {
	for _, first := range []string{"0.0.0.0", "255.255.255.250", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffa"} {
		a := netip.MustParseAddr(first)
		for range 6 {
			all = append(all, a)
			a = a.Next()
		}
	}
	return all
}()

func drawBan(t *rapid.T) Ban {
	group := 6 * rapid.IntRange(0, 2).Draw(t, "group")
	from := rapid.IntRange(0, 5).Draw(t, "from")
	to := rapid.IntRange(from, 5).Draw(t, "to")
	b := Ban{From: world[group+from], To: world[group+to], Since: now, Who: "root", Reason: rapid.StringN(0, 5, -1).Draw(t, "reason")}
	if hours := rapid.IntRange(0, 4).Draw(t, "hours"); hours > 0 {
		b.Until = now.Add(time.Duration(hours) * time.Hour)
	}
	return b
}

// longestOf is the ban of the address that lasts longest.
func longestOf(all []Ban, a netip.Addr) (found Ban, banned bool) {
	for _, b := range all {
		if b.Covers(a) && (!banned || b.Outlasts(found)) {
			found, banned = b, true
		}
	}
	return found, banned
}

func TestFlattenAgainstEveryAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(drawBan), 0, 8).Draw(t, "bans")
		flat := Flatten(all)
		for i, b := range flat {
			require.LessOrEqual(t, b.From.Compare(b.To), 0)
			for _, other := range flat[:i] {
				require.False(t, b.Meets(other.From, other.To), "%v and %v overlap", b, other)
			}
		}
		for _, a := range world {
			want, banned := longestOf(all, a)
			got, found := longestOf(flat, a)
			require.Equal(t, banned, found, a)
			require.Equal(t, want.Until, got.Until, a)
		}
	})
}

// What has no address in common with a range cannot change how it is flattened.
func TestFlattenIsLocal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(drawBan), 1, 8).Draw(t, "bans")
		here := all[0]
		region := Region(all, here.From, here.To)
		var want, got []Ban
		for _, b := range Flatten(all) {
			if b.Meets(here.From, here.To) {
				want = append(want, b)
			}
		}
		for _, b := range Flatten(region) {
			if b.Meets(here.From, here.To) {
				got = append(got, b)
			}
		}
		require.Equal(t, want, got)
	})
}

func TestWithoutAgainstEveryAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, gone := drawBan(t), drawBan(t)
		left := b.Without(gone.From, gone.To)
		for _, a := range world {
			_, banned := longestOf(left, a)
			require.Equal(t, b.Covers(a) && !gone.Covers(a), banned, a)
		}
	})
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(drawBan), 0, 8).Draw(t, "bans")
		var record []byte
		for _, b := range all {
			record = Append(record, b)
		}
		found := All(record, now)
		require.Equal(t, all, append([]Ban{}, found.Bans...))
		require.Equal(t, len(all), found.Lines)
		here := drawBan(t)
		var near []Ban
		for _, b := range all {
			if b.Meets(here.From, here.To) {
				near = append(near, b)
			}
		}
		require.Equal(t, near, Near(record, here.From, here.To, now).Bans)
		require.Len(t, All(record, now.Add(5*time.Hour)).Bans, len(found.Bans)-All(record, now.Add(5*time.Hour)).Ended)
	})
}

func TestDamageCostsALineAtMost(t *testing.T) {
	var record []byte
	for range 3 {
		record = Append(record, Ban{From: world[0], To: world[3], Since: now, Reason: "scan"})
	}
	for i := range record {
		damaged := bytes.Clone(record)
		damaged[i] ^= 1
		f := All(damaged, now)
		assert.GreaterOrEqual(t, len(f.Bans), 1, i)
		assert.GreaterOrEqual(t, f.Damaged, 1, i)
		cut := All(record[:i], now)
		assert.Len(t, cut.Bans, i/(len(record)/3), i)
	}
}

func TestLooksOverAMillionLines(t *testing.T) {
	line := string(Append(nil, Ban{From: netip.MustParseAddr("10.0.0.1"), To: netip.MustParseAddr("10.0.0.1"), Since: now, Who: "fail2ban", Reason: "kamailio"}))
	record := []byte(strings.Repeat(line, 1_000_000))
	here := netip.MustParseAddr("192.0.2.7")
	record = Append(record, Ban{From: here, To: here, Since: now})
	f := Near(record, here, here, now)
	assert.Len(t, f.Bans, 1)
	assert.Equal(t, 1_000_001, f.Lines)
}

// Each range counts once, however often it is on record, and of other ranges those
// that one of them has.
func TestCountsWhatLatestFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var record []byte
		for _, b := range rapid.SliceOfN(rapid.Custom(drawBan), 0, 8).Draw(t, "bans") {
			record = Append(record, b)
		}
		record = append(record, rapid.SampledFrom([]string{"", "torn", "\n\n"}).Draw(t, "rubbish")...)
		others := Flatten(rapid.SliceOfN(rapid.Custom(drawBan), 0, 4).Draw(t, "others"))
		for hours := range time.Duration(6) {
			at := now.Add(hours * time.Hour)
			var want, got [3]int
			all := Latest(All(record, at).Bans)
			for _, b := range all {
				if b.Until.IsZero() {
					want[0]++
				} else {
					want[1]++
				}
			}
			for _, o := range others {
				if slices.ContainsFunc(all, func(b Ban) bool { return b.Covers(o.From) && b.Covers(o.To) }) {
					want[2]++
				}
			}
			got[0], got[1], got[2] = Count(record, at, others)
			require.Equal(t, want, got)
		}
	})
}
