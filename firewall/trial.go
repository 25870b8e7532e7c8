package firewall

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/store"
	"ngcp-fw/policy/exposure"
)

// Trial is how something is in force until somebody confirms it.
type Trial struct {
	For   time.Duration
	Guard func(store.Pending) error // starts who goes back when the time is over
}

// PendingError says that a generation waits to be confirmed.
type PendingError struct {
	store.Pending
	Damaged error // why it is not known which
}

// Error says what to do.
func (e *PendingError) Error() string {
	const hint = "\nhint: ngcp-fw confirm keeps it, ngcp-fw rollback goes back"
	if e.Damaged != nil {
		return fmt.Sprintf("refused, nothing changed: %s%s", e.doubt(), hint)
	}
	return fmt.Sprintf("refused, nothing changed: generation %d waits until %s to be confirmed%s,\n  ngcp-fw apply --confirm tries another one",
		e.Generation, e.Deadline.Local().Format(time.TimeOnly), hint)
}

func (e *PendingError) doubt() string {
	return fmt.Sprintf("what is in force may wait to be confirmed: %v", e.Damaged)
}

// pending is what waits to be confirmed, here; nil where nothing does. The error
// is a PendingError.
func (f Firewall) pending() (*store.Pending, error) {
	p, err := store.ReadPending(f.RunDir)
	boot, namespace := whereabouts()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, &PendingError{Damaged: err}
	case p.BootID != boot || p.NetNS != namespace:
		return nil, nil
	}
	return &p, nil
}

// doubtful is what an error of pending means to who only looks.
func doubtful(err error) string {
	if p := (*PendingError)(nil); errors.As(err, &p) && p.Damaged != nil {
		return p.doubt() + "; confirm keeps it, rollback goes back"
	}
	return err.Error()
}

// waiting is pending for who holds the lock: what waits, if it is what the table
// leads to. What was interrupted before it came into force, or has gone, waits for
// nothing.
func (f Firewall) waiting(t *ruleset.Table) (*store.Pending, error) {
	p, err := f.pending()
	if p == nil || err != nil {
		return nil, err
	}
	if t != nil {
		if generation, led := t.Generation(); led && generation == p.Generation {
			return p, nil
		}
	}
	return nil, store.RemovePending(f.RunDir)
}

// begin starts a trial before anything is sent, and stop ends it where nothing
// was. One that goes on already goes on, with what comes back in the end and with
// a deadline of its own; without a trial it is in the way.
func (f Firewall) begin(p *Plan, w *wanted, t *Trial) (stop func() error, err error) {
	nothing := func() error { return nil }
	if w.number > 0 { // what comes back ends a trial
		return nothing, nil
	}
	earlier, err := f.waiting(p.Current)
	switch {
	case err != nil:
		return nil, err
	case t == nil && earlier != nil:
		return nil, &PendingError{Pending: *earlier}
	case t == nil || earlier == nil && !p.Changed():
		return nothing, nil
	}
	next, err := f.trial(p, earlier, t.For)
	if err != nil {
		return nil, err
	}
	stop = func() error {
		if earlier != nil {
			return earlier.Write(f.RunDir)
		}
		return store.RemovePending(f.RunDir)
	}
	if err = next.Write(f.RunDir); err == nil {
		err = t.Guard(next)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("nothing changed: %w", err), stop())
	}
	p.Pending = &next
	return stop, nil
}

// begun gives a trial its whole time once it is in force.
func (f Firewall) begun(p *Plan, t *Trial) {
	if p.Pending == nil {
		return
	}
	next := *p.Pending
	if last(&next, t.For) == nil && next.Write(f.RunDir) == nil {
		p.Pending = &next
	}
}

func (f Firewall) trial(p *Plan, earlier *store.Pending, length time.Duration) (store.Pending, error) {
	next := store.Pending{Generation: p.Generation}
	if err := last(&next, length); err != nil {
		return next, err
	}
	next.BootID, next.NetNS = whereabouts()
	if next.BootID == "" {
		return next, errors.New("cannot tell this boot from another, so nothing could come back by itself (is /proc mounted?)")
	}
	if earlier != nil {
		next.Back, next.Sessions = earlier.Back, earlier.Sessions
		return next, nil
	}
	back, err := f.wayBack(p)
	if err != nil {
		return next, err
	}
	next.Back = back
	next.Sessions, err = sessions(p.before)
	return next, err
}

// last has a trial last so long from now on.
func last(p *store.Pending, length time.Duration) error {
	up, err := host.Uptime()
	now := time.Now()
	p.Since, p.Deadline, p.Until = now.UTC(), now.Add(length).UTC(), up+length
	return err
}

// wayBack is the generation in force, if it could be put into force again.
func (f Firewall) wayBack(p *Plan) (uint64, error) {
	if p.Current == nil {
		return 0, nil
	}
	generation, led := p.Current.Generation()
	err := errors.New("it is not known which generation it is")
	if led {
		_, err = f.recover(generation)
	}
	if err != nil {
		return 0, fmt.Errorf("nothing changed: what is in force could not come back by itself: %w\nhint: apply the policy in force once more", err)
	}
	return generation, nil
}

// sessions is who is logged in by ssh now, at the ports of a model or the usual
// one.
func sessions(m *exposure.Model) (peers []string, err error) {
	list, err := host.SSHSessions(append(sshPorts(m), sshPort))
	for _, s := range list {
		peers = append(peers, netip.AddrPortFrom(s.From, s.Peer).String())
	}
	slices.Sort(peers)
	return slices.Compact(peers), err
}

// Confirmation is what was confirmed.
type Confirmation struct {
	Generation uint64
	Stale      bool // people are logged in by ssh, but nobody since it is in force
}

// NothingPendingError says that there is nothing to confirm.
type NothingPendingError struct {
	Generation uint64       // in force; 0: none
	Expired    *store.Event // the trial that came to its end instead
}

// Error says what became of what there was.
func (e *NothingPendingError) Error() string {
	text := "nothing waits to be confirmed"
	if e.Generation > 0 {
		text += fmt.Sprintf("; generation %d is in force, confirmed", e.Generation)
	}
	if x := e.Expired; x != nil {
		text += fmt.Sprintf("\ngeneration %d was taken back at %s, as nobody confirmed it in time", x.From, x.Time.Local().Format(time.DateTime))
	}
	return text
}

// Confirm keeps what is in force. It fails with a NothingPendingError where that
// is confirmed already.
func (f Firewall) Confirm(who string) (*Confirmation, error) {
	conn, release, err := f.open()
	if err != nil {
		return nil, err
	}
	defer release()
	now, err := f.inForce(conn, nil, false)
	if err != nil {
		return nil, err
	}
	waiting, err := f.waiting(now.Table)
	damaged := err != nil
	switch {
	case now.snapshot == nil && now.Table != nil:
		return nil, fmt.Errorf("cannot confirm what is in force: %w", now.doubt)
	case now.snapshot == nil || waiting == nil && !damaged && now.snapshot.Meta.Confirmed:
		return nil, &NothingPendingError{now.generation, f.expired()}
	}
	c := &Confirmation{Generation: now.generation}
	if waiting != nil {
		c.Stale = stale(waiting, now.snapshot)
	}
	if err := f.store().Confirm(now.generation); err != nil {
		return nil, err
	}
	if err := store.RemovePending(f.RunDir); err != nil {
		return nil, err
	}
	return c, f.store().Record(store.Event{Time: time.Now().UTC(), What: store.Confirmed, Who: who, Generation: now.generation})
}

// stale reports whether all who are logged in by ssh were so before the trial.
func stale(p *store.Pending, s *store.Snapshot) bool {
	model := &exposure.Model{}
	if kept, err := exposure.Kept(s.Meta.Management.Exposures, s.Meta.Management.Lists); err == nil {
		model.Exposures = kept
	}
	peers, err := sessions(model)
	fresh := slices.ContainsFunc(peers, func(peer string) bool { return !slices.Contains(p.Sessions, peer) })
	return err == nil && len(peers) > 0 && !fresh
}

// expired is the last event, if it was the end of a trial.
func (f Firewall) expired() *store.Event {
	events, err := f.store().History()
	if err == nil && len(events) > 0 && events[len(events)-1].What == store.Expired {
		return &events[len(events)-1]
	}
	return nil
}
