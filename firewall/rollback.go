package firewall

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/firewall/store"
)

// UnknownGenerationError says that a generation cannot be gone back to, because
// there is none.
type UnknownGenerationError struct {
	Wanted uint64 // 0: the one before
	Kept   []uint64
	Why    string // why there is none before
}

// Error names those that there are.
func (e *UnknownGenerationError) Error() string {
	kept := "none is kept"
	if len(e.Kept) > 0 {
		kept = fmt.Sprintf("kept are %v", e.Kept)
	}
	if e.Wanted == 0 {
		return e.Why
	}
	return fmt.Sprintf("generation %d is not kept: %s\nhint: ngcp-fw history", e.Wanted, kept)
}

// Rollback puts an earlier generation into force: the one with that number, or
// where it is 0 what was in force before. While a trial goes on, that is what it
// would go back to. After a rollback, it is what was in force before the
// generation that came back, so that one goes back further and further.
//
// It fails with an UnknownGenerationError where there is none, and as Apply does.
func (f Firewall) Rollback(generation uint64, by Author, how Options) (*Restored, error) {
	conn, release, err := f.open()
	if err != nil {
		return nil, err
	}
	defer release()
	now, err := f.inForce(conn, nil, false)
	if err != nil {
		return nil, err
	}
	waiting, _ := f.waiting(now.Table) // a damaged one does not tell where to
	event := store.Event{What: store.RolledBack, Who: by.Who, Reason: by.Reason, From: now.generation}
	switch {
	case generation == 0 && waiting != nil && waiting.Back == 0:
		return f.withdraw(conn, waiting.Generation, event)
	case generation == 0 && waiting == nil && now.Table != nil && slices.Contains(f.tried(), now.generation):
		return f.withdraw(conn, now.generation, event) // word of the trial is lost
	case generation > 0 && waiting != nil && waiting.Generation == generation:
		return nil, &PendingError{Pending: *waiting}
	}
	if generation, err = f.goal(generation, waiting, now); err != nil {
		return nil, err
	}
	r := &Restored{}
	w, err := f.recover(generation)
	if err == nil {
		w.meta.Who, w.meta.Reason = by.Who, by.Reason
		err = r.put(f, conn, w, how)
	}
	if err != nil {
		return nil, err
	}
	f.ended(r, event)
	return r, nil
}

// goal is the generation to go back to.
func (f Firewall) goal(asked uint64, waiting *store.Pending, now *inForce) (uint64, error) {
	kept, err := f.store().Numbers()
	switch {
	case err != nil:
		return 0, err
	case asked > 0 && !slices.Contains(kept, asked):
		return 0, &UnknownGenerationError{Wanted: asked, Kept: kept}
	case asked > 0:
		return asked, nil
	case waiting != nil:
		return waiting.Back, nil
	case now.Table == nil:
		return 0, &UnknownGenerationError{Why: "nothing of ngcp-fw is in force, so there is nothing to go back from\nhint: ngcp-fw restore puts the last confirmed generation into force"}
	}
	return f.before(now)
}

// before is the last confirmed generation before the one that is in force, or
// before the one whose ruleset that brought back.
func (f Firewall) before(now *inForce) (uint64, error) {
	origin := now.generation
	if now.snapshot != nil && now.snapshot.Meta.Of > 0 {
		origin = now.snapshot.Meta.Of
	}
	confirmed, err := f.store().Confirmed()
	if err != nil {
		return 0, err
	}
	for _, n := range confirmed {
		if n < origin {
			return n, nil
		}
	}
	return 0, &UnknownGenerationError{Why: fmt.Sprintf("there is nothing confirmed before generation %d to go back to\nhint: ngcp-fw history", origin)}
}

// withdraw goes back to nothing, as it was before the first trial.
func (f Firewall) withdraw(conn *kernel.Conn, generation uint64, event store.Event) (*Restored, error) {
	if _, err := mediaproxy.Remove(conn); err != nil {
		return nil, err
	}
	if _, err := conn.Remove(compile.Family, compile.TableName); err != nil {
		return nil, err
	}
	r := &Restored{Nothing: true}
	f.ended(r, event)
	return r, errors.Join(f.store().Drop(generation), store.RemoveMark(f.RunDir))
}

// ended keeps word of what came back, and with it a trial is over.
func (f Firewall) ended(r *Restored, event store.Event) {
	event.Time, event.Generation = time.Now().UTC(), r.Generation
	if r.Meta.Number != r.Generation {
		event.Of = r.Meta.Number
	}
	event.Policy, event.Digest = r.Meta.Policy, r.Meta.Digest
	r.remark(store.RemovePending(f.RunDir))
	if r.Nothing || r.Management || event.Reason != "" || event.What != store.Restored { // that a boot restores is no news
		r.remark(f.store().Record(event))
	}
}

// Settle goes back where a trial is over and nobody has confirmed; nil where that
// is not so. What was in force before is tried first, then what was confirmed
// before it.
func (f Firewall) Settle() (*Restored, error) {
	if p, err := f.overdue(); p == nil || err != nil {
		return nil, nil // a damaged one is told where it is in the way
	}
	conn, release, err := f.open()
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := f.overdue() // somebody may have been faster
	if p == nil || err != nil {
		return nil, err
	}
	now, err := conn.Outline(compile.Family, compile.TableName)
	if err != nil {
		return nil, err
	}
	if now != nil { // where the table is gone, what was confirmed is still to come back
		if p, err := f.waiting(now); p == nil || err != nil {
			return nil, err
		}
	}
	event := store.Event{What: store.Expired, From: p.Generation, Deadline: &p.Deadline}
	if p.Back == 0 {
		r, err := f.withdraw(conn, p.Generation, event)
		if r != nil {
			r.Expired = p
		}
		return r, err
	}
	confirmed, err := f.candidates()
	r := &Restored{Expired: p}
	r.doubt(err)
	candidates := append([]uint64{p.Back}, slices.DeleteFunc(confirmed, func(n uint64) bool { return n == p.Back })...)
	if err := f.first(conn, candidates, r); err != nil {
		return r, err
	}
	f.ended(r, event)
	return r, nil
}

func (f Firewall) overdue() (*store.Pending, error) {
	p, err := f.pending()
	if p == nil || err != nil {
		return nil, err
	}
	left, err := Left(*p)
	if err != nil || left > 0 {
		return nil, err
	}
	return p, nil
}

// Left is how much of a trial's time is left.
func Left(p store.Pending) (time.Duration, error) {
	up, err := host.Uptime()
	return p.Until - up, err
}

// record keeps word of an apply.
func (f Firewall) record(what string, p *Plan, w *wanted) error {
	e := store.Event{Time: time.Now().UTC(), What: what, Who: w.meta.Who, Generation: p.Generation, Policy: w.meta.Policy, Digest: w.meta.Digest, Reason: w.meta.Reason}
	if p.Current != nil {
		e.From, _ = p.Current.Generation()
	}
	if p.Pending != nil {
		e.Deadline = &p.Pending.Deadline
	}
	return f.store().Record(e)
}

// remembered is the highest number of a generation that ever was in force, as far
// as the history tells.
func (f Firewall) remembered() (highest uint64) {
	events, err := f.store().History()
	if err != nil {
		return 0
	}
	for _, e := range events {
		highest = max(highest, e.Generation)
	}
	return highest
}

// History is what happened to what is in force, the oldest first.
func (f Firewall) History() ([]store.Event, error) { return f.store().History() }

// Generation is what is kept of a generation.
func (f Firewall) Generation(n uint64) (store.Meta, error) {
	kept, err := f.store().Numbers()
	if err == nil && !slices.Contains(kept, n) {
		err = &UnknownGenerationError{Wanted: n, Kept: kept}
	}
	if err != nil {
		return store.Meta{}, err
	}
	return f.store().Meta(n)
}
