package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"ngcp-fw/firewall/bans"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// Banned is what a change of the bans did.
type Banned struct {
	InForce bool   // our table is in the kernel, and its set was changed
	Cut     int    // tracked flows of the source that were ended
	Never   bool   // the policy's never-ban has it, or a part of it: the rules pass it over
	Changed bool   // unban: something was banned
	Doubt   string // what could not be done besides
}

// manyBans is how many lines a record has from which on the kernel's set is not
// read any more: that takes time by the square of it.
const manyBans = 5000

// Ban refuses a range of addresses at once, and until the ban is over: it is kept
// over applies and boots. It fails with a LockoutError where it would shut out
// somebody who is logged in by ssh now, unless lockout allows that.
func (f Firewall) Ban(b bans.Ban, lockout bool) (*Banned, error) {
	return f.changeBans(func(conn *kernel.Conn, now time.Time) (*Banned, error) {
		outline, err := conn.Outline(compile.Family, compile.TableName)
		if err != nil {
			return nil, err
		}
		never := f.neverBanned(outline, b)
		refused := func(a netip.Addr) bool { return b.Covers(a) && !never.Contains(a) }
		if !lockout {
			if err := f.banLocksOut(outline, refused); err != nil {
				return nil, err
			}
		}
		record, closeRecord, err := f.store().Bans()
		if err != nil {
			return nil, err
		}
		defer closeRecord()
		before := bansNear(record, b, now)
		if err := f.keepBan(record, b, now); err != nil {
			return nil, err
		}
		all := func(theirs []bans.Ban) []bans.Ban { return theirs }
		done, err := f.rebanned(conn, record, b, before, append(slices.Clone(before), b), all)
		if err != nil {
			return nil, fmt.Errorf("the ban is kept, but not in force: %w", err)
		}
		done.Never = !never.IsEmpty()
		done.Cut, err = host.CutFlows(func(flow host.Flow) bool { return refused(flow.From.Addr()) })
		if err != nil {
			done.Doubt = err.Error()
		}
		return done, nil
	})
}

// tidyEvery is how many bytes a record grows by from one look for bans that are
// over to the next: some 600 of them.
const tidyEvery = 64 << 10

// keepBan adds the ban to the record. Where most of that is over, it goes: nobody
// may ever unban what ends by itself.
func (f Firewall) keepBan(record []byte, b bans.Ban, now time.Time) error {
	line := bans.Append(nil, b)
	if len(record)/tidyEvery != (len(record)+len(line))/tidyEvery {
		if rest := bans.Live(record, now); len(rest) < len(record)/2 {
			return f.store().WriteBans(append(rest, line...))
		}
	}
	return f.store().AppendBan(line)
}

// Unban ends every ban of the addresses of a range, and no other's; with a reason,
// only the bans that were given that very one.
func (f Firewall) Unban(from, to netip.Addr, reason string) (*Banned, error) {
	return f.changeBans(func(conn *kernel.Conn, now time.Time) (*Banned, error) {
		record, closeRecord, err := f.store().Bans()
		if err != nil {
			return nil, err
		}
		defer closeRecord()
		gone := bans.Ban{From: from, To: to, Reason: reason}
		before := bansNear(record, gone, now)
		met := slices.ContainsFunc(before, func(b bans.Ban) bool { return b.EndsWith(gone) })
		if met || bans.Near(record, from, to, now).Ended > 0 {
			if err := f.store().WriteBans(bans.Without(record, gone, now)); err != nil {
				return nil, err
			}
		}
		done, err := f.rebanned(conn, record, gone, before, without(before, gone), left(before, gone))
		if err != nil || reason != "" {
			done.Changed = met
			return done, err
		}
		freed, err := freeOthers(conn, from, to)
		done.Changed = done.Changed || met || freed
		return done, err
	})
}

// left is what an unban leaves of the elements of a set: those of others, where
// only bans for a reason end, and all but its addresses where every ban does.
func left(before []bans.Ban, gone bans.Ban) func(have []bans.Ban) []bans.Ban {
	if gone.Reason == "" {
		return func(have []bans.Ban) []bans.Ban { return without(have, gone) }
	}
	return func(have []bans.Ban) (others []bans.Ban) {
		for _, e := range have {
			some := []bans.Ban{e}
			for _, ours := range bans.Flatten(before) {
				if sameEnd(e, ours) && ours.Meets(e.From, e.To) {
					some = without(some, bans.Ban{From: ours.From, To: ours.To})
				}
			}
			others = append(others, some...)
		}
		return others
	}
}

// sameEnd allows for the time that it takes to tell the kernel, and to ask it.
func sameEnd(a, b bans.Ban) bool {
	return a.Until.IsZero() == b.Until.IsZero() && a.Until.Sub(b.Until).Abs() < 2*time.Second
}

// freeOthers ends what limits and CrowdSec have banned of a range, where they do:
// the /64 of an IPv6 address, as limits ban no less.
func freeOthers(conn *kernel.Conn, from, to netip.Addr) (freed bool, err error) {
	outline, err := conn.Outline(compile.Family, compile.TableName)
	if outline == nil || err != nil {
		return false, err
	}
	digit := bannedSet(from)[len(compile.Banned):]
	for name, of := range map[string]func(key []byte) bans.Ban{compile.Offenders + digit: offender, compile.CrowdSec + digit: address} {
		if !slices.ContainsFunc(outline.Sets, func(s ruleset.Set) bool { return s.Name == name }) {
			continue
		}
		n, err := conn.Release(compile.Family, compile.TableName, name, func(key []byte) bool { return of(key).Meets(from, to) })
		if err != nil {
			return freed, err
		}
		freed = freed || n > 0
	}
	return freed, nil
}

// offender is whom an element of the sets that limits ban with is about.
func offender(key []byte) bans.Ban {
	b := address(key)
	if len(key) == 16 {
		b.To, _ = netip.AddrFromSlice(append(slices.Clone(key[:8]), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	}
	return b
}

func address(key []byte) bans.Ban {
	a, _ := netip.AddrFromSlice(key)
	return bans.Ban{From: a, To: a}
}

// Bans is what is banned, as it was asked for.
func (f Firewall) Bans() (list []bans.Ban, damaged int, err error) {
	record, closeRecord, err := f.store().Bans()
	if err != nil {
		return nil, 0, err
	}
	defer closeRecord()
	found := bans.All(record, time.Now())
	return bans.Latest(found.Bans), found.Damaged, nil
}

func (f Firewall) changeBans(change func(*kernel.Conn, time.Time) (*Banned, error)) (*Banned, error) {
	conn, release, err := f.open()
	if err != nil {
		return nil, err
	}
	defer release()
	return change(conn, time.Now())
}

// banLocksOut fails where somebody who is logged in by ssh, at the usual port or that
// of what is in force, would be refused.
func (f Firewall) banLocksOut(t *ruleset.Table, refused func(netip.Addr) bool) error {
	sessions, err := host.SSHSessions(append(f.sshPortsOf(t), sshPort))
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if refused(s.From) {
			return &BanLockoutError{s.From}
		}
	}
	return nil
}

// sshPortsOf is the ports of ssh in the generation that the table leads to, as far as
// they are known.
func (f Firewall) sshPortsOf(t *ruleset.Table) []uint16 {
	if t == nil {
		return nil
	}
	number, _ := t.Generation()
	meta, err := f.store().Meta(number)
	if err != nil {
		return nil
	}
	exposures, err := exposure.Kept(meta.Management.Exposures, meta.Management.Lists)
	if err != nil {
		return nil
	}
	return sshPorts(&exposure.Model{Exposures: exposures})
}

// BanLockoutError says who, logged in by ssh now, a ban would shut out.
type BanLockoutError struct{ Peer netip.Addr }

// Error names them.
func (e *BanLockoutError) Error() string {
	return fmt.Sprintf("refused, nothing changed: %s is logged in by ssh\nhint: --allow-lockout insists", e.Peer)
}

// bansNear is the bans that decide how the addresses of a ban are flattened.
func bansNear(record []byte, b bans.Ban, now time.Time) []bans.Ban {
	near, wide := bans.Near(record, b.From, b.To, now).Bans, b
	for _, met := range near {
		if met.From.Less(wide.From) {
			wide.From = met.From
		}
		if wide.To.Less(met.To) {
			wide.To = met.To
		}
	}
	if wide == b {
		return near
	}
	return bans.Near(record, wide.From, wide.To, now).Bans
}

func without(all []bans.Ban, gone bans.Ban) (left []bans.Ban) {
	for _, b := range all {
		if b.EndsWith(gone) {
			left = append(left, b.Without(gone.From, gone.To)...)
		} else {
			left = append(left, b)
		}
	}
	return left
}

// rebanned has the kernel's set follow, where there is one. The bans are those
// near what changes; of a set that can be read, whatever stays is asked for.
func (f Firewall) rebanned(conn *kernel.Conn, record []byte, changed bans.Ban, before, after []bans.Ban, stays func([]bans.Ban) []bans.Ban) (*Banned, error) {
	done := &Banned{}
	outline, err := conn.Outline(compile.Family, compile.TableName)
	if outline == nil || err != nil {
		return done, err
	}
	done.InForce = true
	set := bannedSet(changed.From)
	out, in := timed(bans.Flatten(before)), timed(bans.Flatten(after))
	if bans.Many(record, manyBans) {
		out, in = differing(out, in)
		err = conn.Swap(compile.Family, compile.TableName, set, out, in)
		if err == nil || !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrExist) {
			return done, err
		}
	}
	done.Changed, err = reconcile(conn, set, changed, after, stays)
	return done, err
}

// reconcile is for sets that can be read, into which others write, too. It reports
// whether the set had any of the addresses.
func reconcile(conn *kernel.Conn, set string, changed bans.Ban, after []bans.Ban, stays func([]bans.Ban) []bans.Ban) (bool, error) {
	have, err := conn.Timed(compile.Family, compile.TableName, set)
	if err != nil {
		return false, err
	}
	now := time.Now()
	var theirs []bans.Ban
	for _, e := range have {
		from, _ := netip.AddrFromSlice(e.From)
		to, _ := netip.AddrFromSlice(e.To)
		b := bans.Ban{From: from, To: to}
		if e.Timeout > 0 {
			b.Until = now.Add(e.Timeout)
		}
		theirs = append(theirs, b)
	}
	met := slices.ContainsFunc(theirs, func(b bans.Ban) bool { return b.Meets(changed.From, changed.To) })
	want := timed(bans.Flatten(append(slices.Clone(after), stays(theirs)...)))
	out, in := differing(have, want)
	return met, conn.Swap(compile.Family, compile.TableName, set, out, in)
}

// differing leaves out what is in both lists and ends at the same time, by a
// second.
func differing(out, in []ruleset.Timed) (gone, come []ruleset.Timed) {
	return apart(out, in), apart(in, out)
}

// apart is what of a list is not in the other one.
func apart(list, other []ruleset.Timed) (rest []ruleset.Timed) {
	key := func(e ruleset.Timed) string { return string(e.From) + string(e.To) }
	left := map[string]time.Duration{}
	for _, e := range other {
		left[key(e)] = e.Timeout
	}
	for _, e := range list {
		timeout, there := left[key(e)]
		if !there || (timeout == 0) != (e.Timeout == 0) || (timeout-e.Timeout).Abs() >= time.Second {
			rest = append(rest, e)
		}
	}
	return rest
}

func bannedSet(a netip.Addr) string {
	if a.Is4() {
		return compile.Banned + "4"
	}
	return compile.Banned + "6"
}

// timed is the bans as elements, without those that are over by now.
func timed(flat []bans.Ban) (list []ruleset.Timed) {
	for _, b := range flat {
		e := ruleset.Timed{From: b.From.AsSlice(), To: b.To.AsSlice()}
		if !b.Until.IsZero() {
			if e.Timeout = time.Until(b.Until); e.Timeout <= 0 {
				continue // no time at all would mean for ever
			}
		}
		list = append(list, e)
	}
	return list
}

// fillBans puts all bans into sets that are empty, as after a boot.
func (f Firewall) fillBans(conn *kernel.Conn) error {
	record, closeRecord, err := f.store().Bans()
	if err != nil || len(record) == 0 {
		return err
	}
	defer closeRecord()
	all := timed(bans.Flatten(bans.All(record, time.Now()).Bans))
	for _, digits := range []int{4, 16} {
		var some []ruleset.Timed
		for _, e := range all {
			if len(e.From) == digits {
				some = append(some, e)
			}
		}
		if len(some) == 0 {
			continue
		}
		first, _ := netip.AddrFromSlice(some[0].From)
		for part := range slices.Chunk(some, bansAtOnce) {
			if err := conn.Swap(compile.Family, compile.TableName, bannedSet(first), nil, part); err != nil {
				return fmt.Errorf("the bans are kept, but not in force: %w", err)
			}
		}
	}
	return nil
}

// bansAtOnce is how many elements are sent in one batch.
const bansAtOnce = 400_000

// neverBanned is what of the ban's addresses the policy in force passes over.
func (f Firewall) neverBanned(t *ruleset.Table, b bans.Ban) addr.Set {
	name := neverBan + bannedSet(b.From)[len(compile.Banned):]
	called := func(s ruleset.Set) bool { return ruleset.BaseName(s.Name) == name }
	if t == nil || !slices.ContainsFunc(t.Sets, called) {
		return addr.Set{}
	}
	n := f.recall(t)
	if n.applied == nil {
		return addr.Set{}
	}
	var never addr.Builder
	for i := range n.applied.Sets {
		s := &n.applied.Sets[i]
		if !called(*s) {
			continue
		}
		for i := range s.Elements.Len() {
			from, to, _ := s.Elements.At(i)
			first, _ := netip.AddrFromSlice(from)
			last, _ := netip.AddrFromSlice(to)
			if b.Meets(first, last) {
				never.AddRange(first, last)
			}
		}
	}
	return never.Set()
}

// neverBan is the name of the set of sources that no ban touches, without family
// and generation.
const neverBan = "never-ban"
