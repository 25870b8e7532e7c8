package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/bans"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
)

// drawRange is some of the addresses 203.0.113.0 to 203.0.113.15, or the same of
// IPv6.
func drawRange(t *rapid.T) (from, to netip.Addr) {
	first, last := rapid.IntRange(0, 15).Draw(t, "first"), 0
	last = rapid.IntRange(first, 15).Draw(t, "last")
	form := rapid.SampledFrom([]string{"203.0.113.%d", "2001:db8::%x"}).Draw(t, "family")
	return netip.MustParseAddr(fmt.Sprintf(form, first)), netip.MustParseAddr(fmt.Sprintf(form, last))
}

// inKernel is what the kernel's sets hold.
func inKernel(t require.TestingT) (all []bans.Ban) {
	conn, err := kernel.Open()
	require.NoError(t, err)
	defer conn.Close()
	now := time.Now()
	for _, set := range []string{"banned4", "banned6"} {
		list, err := conn.Timed(compile.Family, compile.TableName, set)
		require.NoError(t, err)
		for _, e := range list {
			from, _ := netip.AddrFromSlice(e.From)
			to, _ := netip.AddrFromSlice(e.To)
			b := bans.Ban{From: from, To: to}
			if e.Timeout > 0 {
				b.Until = now.Add(e.Timeout)
			}
			all = append(all, b)
		}
	}
	return all
}

// Whatever is banned and unbanned in whatever order, each address is refused as
// long as the ban of it that lasts longest; by way of the record alone, too, which
// is how it goes where there are thousands of bans.
func TestBansInTheKernel(t *testing.T) {
	for _, others := range []int{0, manyBans + 1} {
		t.Run(fmt.Sprint(others, " others"), func(t *testing.T) {
			f := inNamespace(t)
			var record []byte
			for i := range others {
				a := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
				record = bans.Append(record, bans.Ban{From: a, To: a})
			}
			if others > 0 {
				require.NoError(t, f.store().WriteBans(record))
			}
			apply(t, f, office)
			require.Len(t, inKernel(t), others)
			rapid.Check(t, func(t *rapid.T) { banAtRandom(t, f, others) })
		})
	}
}

func banAtRandom(t *rapid.T, f Firewall, others int) {
	var told []bans.Ban
	for range rapid.IntRange(1, 6).Draw(t, "steps") {
		from, to := drawRange(t)
		if rapid.IntRange(0, 3).Draw(t, "unban") == 0 {
			_, err := f.Unban(from, to, "")
			require.NoError(t, err)
			told = without(told, bans.Ban{From: from, To: to})
			continue
		}
		b := bans.Ban{From: from, To: to, Since: time.Now().Truncate(time.Second).UTC(), Who: "root"}
		if hours := rapid.IntRange(0, 3).Draw(t, "hours"); hours > 0 {
			b.Until = b.Since.Add(time.Duration(hours) * time.Hour)
		}
		_, err := f.Ban(b, false)
		require.NoError(t, err)
		told = append(told, b)
	}
	have := inKernel(t)
	for _, form := range []string{"203.0.113.%d", "2001:db8::%x"} {
		for i := range 16 {
			sameBan(t, told, have, netip.MustParseAddr(fmt.Sprintf(form, i)))
		}
	}
	list, damaged, err := f.Bans()
	require.NoError(t, err)
	require.Zero(t, damaged)
	require.Len(t, list, len(bans.Latest(told))+others)
	for _, all := range [][2]string{{"203.0.113.0", "203.0.113.15"}, {"2001:db8::", "2001:db8::f"}} {
		_, err := f.Unban(netip.MustParseAddr(all[0]), netip.MustParseAddr(all[1]), "")
		require.NoError(t, err)
	}
	require.Len(t, inKernel(t), others)
}

// sameBan requires that the address is refused as long by either list.
func sameBan(t *rapid.T, told, have []bans.Ban, a netip.Addr) {
	longest := func(all []bans.Ban) (found bans.Ban, banned bool) {
		for _, b := range all {
			if b.Covers(a) && (!banned || b.Outlasts(found)) {
				found, banned = b, true
			}
		}
		return found, banned
	}
	want, banned := longest(told)
	got, found := longest(have)
	require.Equal(t, banned, found, a)
	require.Equal(t, want.Until.IsZero(), got.Until.IsZero(), a)
	require.Less(t, want.Until.Sub(got.Until).Abs(), 10*time.Second, a)
}

func TestBansOutliveAppliesAndBoots(t *testing.T) {
	f := inNamespace(t)
	from := netip.MustParseAddr("203.0.113.9")
	done, err := f.Ban(bans.Ban{From: from, To: from, Until: time.Now().Add(time.Hour)}, false)
	require.NoError(t, err)
	assert.False(t, done.InForce, "nothing is applied yet")
	apply(t, f, office)
	require.Len(t, inKernel(t), 1)
	apply(t, f, everyone)
	require.Len(t, inKernel(t), 1)
	reboot(t, f)
	_, err = f.Restore(operator)
	require.NoError(t, err)
	require.Len(t, inKernel(t), 1)
	_, err = f.Rollback(1, operator, Options{})
	require.NoError(t, err)
	require.Len(t, inKernel(t), 1)
	_, err = f.Remove()
	require.NoError(t, err)
	list, _, err := f.Bans()
	require.NoError(t, err)
	assert.Empty(t, list)
}

// What somebody else takes out of the sets comes back with the next apply, changed or
// not, beside what others have put there.
func TestApplyMendsTheSetsOfBans(t *testing.T) {
	for _, others := range []int{0, manyBans + 1} {
		t.Run(fmt.Sprint(others, " others"), func(t *testing.T) {
			f := inNamespace(t)
			var record []byte
			for i := range others {
				a := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
				record = bans.Append(record, bans.Ban{From: a, To: a})
			}
			require.NoError(t, f.store().WriteBans(record))
			apply(t, f, office)
			for _, a := range []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::9")} {
				_, err := f.Ban(bans.Ban{From: a, To: a, Until: time.Now().Add(time.Hour)}, false)
				require.NoError(t, err)
			}
			require.Empty(t, apply(t, f, office).Remarks)
			for _, text := range []string{office, everyone} {
				nft(t, "flush set inet ngcp-fw banned4; flush set inet ngcp-fw banned6")
				if others == 0 {
					nft(t, "add element inet ngcp-fw banned4 { 192.0.2.0/24 timeout 2h }")
				}
				require.Len(t, apply(t, f, text).Remarks, 1)
				have := inKernel(t)
				require.Len(t, have, max(others, 1)+2)
				require.Empty(t, apply(t, f, text).Remarks)
			}
		})
	}
}

// Sources that others have put into the set are theirs, until somebody unbans them.
func TestBansBesideThoseOfOthers(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	nft(t, "add", "element", "inet", "ngcp-fw", "banned4", "{ 203.0.113.7 timeout 1h, 203.0.113.64/26 timeout 2h }")
	from, to := netip.MustParseAddr("203.0.113.0"), netip.MustParseAddr("203.0.113.127")
	_, err := f.Ban(bans.Ban{From: from, To: to, Until: time.Now().Add(90 * time.Minute)}, false)
	require.NoError(t, err)
	have := inKernel(t)
	require.Len(t, have, 2, "one range lasts longer than ours, the other does not")
	assert.Equal(t, "203.0.113.64", have[1].From.String())
	done, err := f.Unban(netip.MustParseAddr("203.0.113.100"), netip.MustParseAddr("203.0.113.100"), "")
	require.NoError(t, err)
	assert.True(t, done.Changed)
	assert.Len(t, inKernel(t), 3)
}

// An unban with a reason leaves the bans that others asked for, on record and not.
func TestUnbanForAReason(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	at := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, last}) }
	soon, late := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	ban := func(from, to byte, until time.Time, reason string) {
		t.Helper()
		_, err := f.Ban(bans.Ban{From: at(from), To: at(to), Until: until, Reason: reason}, false)
		require.NoError(t, err)
	}
	nft(t, "add", "element", "inet", "ngcp-fw", "banned4", "{ 203.0.113.7 timeout 3h }")
	ban(0, 15, soon, "by hand")
	ban(4, 9, late, "fail2ban sshd")
	ban(9, 9, time.Time{}, "fail2ban recidive")
	unban := func(last byte, reason string, changed bool) {
		t.Helper()
		done, err := f.Unban(at(last), at(last), reason)
		require.NoError(t, err)
		assert.Equal(t, changed, done.Changed)
	}
	unban(9, "fail2ban sshd", true)
	unban(9, "fail2ban sshd", false)
	unban(5, "fail2ban sshd", true)
	unban(7, "fail2ban sshd", true)
	unban(8, "fail2ban", false)
	have := inKernel(t)
	for last, want := range map[byte]time.Time{
		0: soon, 4: late, 5: soon, 6: late, 7: time.Now().Add(3 * time.Hour), 8: late, 9: {}, 10: soon, 15: soon,
	} {
		i := slices.IndexFunc(have, func(b bans.Ban) bool { return b.Covers(at(last)) })
		require.GreaterOrEqual(t, i, 0, "%s is not banned", at(last))
		assert.WithinDuration(t, want, have[i].Until, 10*time.Second, at(last))
	}
}

// What nobody unbans goes from the record when most of it is over.
func TestTheRecordDoesNotGrowForEver(t *testing.T) {
	f := inNamespace(t)
	over, largest := time.Now().Add(-time.Hour), 0
	for i := range 2000 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		record, done, err := f.store().Bans()
		require.NoError(t, err)
		largest = max(largest, len(record))
		require.NoError(t, f.keepBan(record, bans.Ban{From: a, To: a, Until: over, Reason: "scan"}, time.Now()))
		done()
	}
	assert.Less(t, largest, 2*tidyEvery)
	here := netip.MustParseAddr("203.0.113.9")
	_, err := f.Ban(bans.Ban{From: here, To: here}, false)
	require.NoError(t, err)
	list, _, err := f.Bans()
	require.NoError(t, err)
	assert.Len(t, list, 1)
}

func TestABanDoesNotLockOut(t *testing.T) {
	for name, c := range map[string]struct {
		port   int
		policy string
	}{
		"usual port":                {22, office},
		"port of what is in force":  {2222, office + "services: {ssh: {ports: [2222/tcp]}}\n"},
		"usual port, ssh elsewhere": {22, office + "services: {ssh: {ports: [2222/tcp]}}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f := inNamespace(t)
			apply(t, f, c.policy)
			loggedIn(t, c.port)
			b := bans.Ban{From: netip.MustParseAddr("203.0.113.0"), To: netip.MustParseAddr("203.0.113.255")}
			_, err := f.Ban(b, false)
			require.ErrorAs(t, err, new(*BanLockoutError))
			list, _, err := f.Bans()
			require.NoError(t, err)
			assert.Empty(t, list)
			_, err = f.Ban(b, true)
			require.NoError(t, err)
		})
	}
}

// Whom bans do not touch is not shut out, and keeps the flows that are open.
func TestABanSparesWhomNoBanTouches(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office+"never-ban: [203.0.113.9]\n")
	track(t, "203.0.113.8", 5060)
	track(t, "203.0.113.9", 5060)
	loggedIn(t, 22)
	done, err := f.Ban(bans.Ban{From: netip.MustParseAddr("203.0.113.0"), To: netip.MustParseAddr("203.0.113.255")}, false)
	require.NoError(t, err)
	assert.Equal(t, &Banned{InForce: true, Cut: 1, Never: true}, done)
}

// Who waits for another command may come after the end of the ban: it must not
// become one for ever.
func TestABanThatIsOverIsNone(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	a := netip.MustParseAddr("203.0.113.9")
	_, err := f.Ban(bans.Ban{From: a, To: a, Until: time.Now().Add(-time.Second)}, false)
	require.NoError(t, err)
	assert.Empty(t, inKernel(t))
}

func TestABanCutsFlowsAndKnowsNeverBan(t *testing.T) {
	f := inNamespace(t)
	track(t, "203.0.113.9", 5060)
	track(t, "198.51.100.9", 5060)
	apply(t, f, office+"never-ban: [198.51.100.0/24]\n")
	for _, c := range []struct {
		source string
		cut    int
		never  bool
	}{{"203.0.113.9", 1, false}, {"198.51.100.9", 0, true}} {
		a := netip.MustParseAddr(c.source)
		done, err := f.Ban(bans.Ban{From: a, To: a}, false)
		require.NoError(t, err)
		assert.Equal(t, &Banned{InForce: true, Cut: c.cut, Never: c.never}, done)
	}
}
