// Package firewall decides what happens and in which order: what applying a
// policy would change, putting it into force, and what is in force.
package firewall

import (
	"errors"
	"fmt"
	"reflect"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/store"
	"ngcp-fw/policy/exposure"
)

// Firewall is this network namespace's firewall and its state on disk.
type Firewall struct {
	StateDir string // the applied generations
	RunDir   string // the lock
}

// Plan is what applying a model would change.
type Plan struct {
	Current    *ruleset.Table // as the kernel has it; nil: nothing of ours is in force
	Target     *ruleset.Table // as it would be applied
	Generation uint64         // Target's number; the current one's where nothing changes
	Changes    []ruleset.Change
	Exposure   exposure.Change
	Later      bool              // Exposure is what would change once observe is off
	Cut        int               // after applying: tracked flows of sources that are refused now, which were ended
	Flows      Flows             // before applying: those that would be cut
	Remarks    []string          // after applying: what went wrong besides, though the ruleset is in force
	Replaced   bool              // after applying: the whole table had to go and come back, with its counters and bans
	Media      Media             // after applying: the mediaproxy rule
	Rule       mediaproxy.Report // before applying: the same, as it is
	Known      bool              // the exposures in force are known; if not, Exposure counts from nothing
	Drifted    bool              // before applying: somebody else changed what was applied, from which Exposure counts
	Pending    *store.Pending    // after applying: it waits to be confirmed

	again   bool            // Target is a snapshot's, under its own number
	media   bool            // what was asked for of the mediaproxy rule is asked for again
	reading kernel.Reading  // Current, as it was read
	before  *exposure.Model // who may reach what now; nil: unknown, or nobody by us
	exact   bool            // Current is as the kernel has it, to the last element
	watched bool            // what is in force only observes, until now
}

// Changed reports whether applying would send anything about our table.
func (p *Plan) Changed() bool { return len(p.Changes) > 0 }

// RuleChanged reports whether applying would do anything about the mediaproxy
// rule.
func (p *Plan) RuleChanged() bool { return len(p.Rule.Drift) > 0 }

// Plan compares the model with what is in force.
func (f Firewall) Plan(m *exposure.Model) (*Plan, error) {
	conn, err := kernel.Open()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	p, now, err := f.plan(conn, compiled(m, Author{}))
	if err != nil {
		return nil, err
	}
	if p.Changed() && p.Known && now.applied != nil {
		drift, _ := now.drift()
		p.Drifted = len(drift) > 0
	}
	p.Flows = p.flowsToCut(m)
	kept := mediaOf(m)
	p.Rule, err = inspectMedia(conn, &kept)
	return p, err
}

func (f Firewall) plan(conn *kernel.Conn, w *wanted) (*Plan, *inForce, error) {
	now, err := f.inForce(conn, w.table, false)
	if err != nil {
		return nil, nil, err
	}
	current, generation := now.Table, max(w.number, 1)
	if current != nil {
		generation, _ = current.Generation()
	}
	p := &Plan{Current: current, Target: w.table.Following(current, generation), Generation: generation, exact: now.exact, reading: now.Reading}
	if p.again = current == nil && w.number > 0; p.again {
		p.Target, p.Changes, p.Known = w.table, w.table.Contents(), true
		return p, now, nil
	}
	p.Changes = ruleset.Diff(current, p.Target)
	if err := f.number(p); err != nil {
		return nil, nil, err
	}
	before, known := now.exposures()
	p.Known, p.before = known, before
	p.watched = before != nil && before.Observe && w.number == 0 // going back from an attempt to observe is another matter
	p.media = now.snapshot != nil && reflect.DeepEqual(now.snapshot.Meta.Mediaproxy, w.meta.Mediaproxy)
	if p.Changed() { // the same rules are the same exposures
		p.Exposure, p.Later = exposure.Review(before, w.model)
	}
	return p, now, nil
}

// number gives a changed ruleset the next number that neither the kernel nor
// the disk has seen.
func (f Firewall) number(p *Plan) error {
	if !p.Changed() {
		return nil
	}
	latest, err := f.store().Numbers()
	if err != nil {
		return err
	}
	next := f.remembered() + 1
	if p.Current != nil {
		next = max(next, p.Generation+1, p.Current.Latest()+1)
	}
	for _, n := range latest {
		next = max(next, n+1)
	}
	p.Generation, p.Target = next, p.Target.Following(p.Current, next)
	return nil
}

// exposures is what the snapshot of what is in force says of who may reach
// what. The model is nil, and known false, where it is not known.
func (n *inForce) exposures() (m *exposure.Model, known bool) {
	if n.Table == nil {
		return nil, true
	}
	if n.snapshot == nil || !n.led {
		return nil, false
	}
	exposures, err := exposure.Kept(n.snapshot.Meta.Exposures, n.snapshot.Lists)
	return &exposure.Model{Exposures: exposures, Observe: n.snapshot.Meta.Observe}, err == nil
}

func (f Firewall) store() *store.Store { return store.New(f.StateDir) }

// Author is who applies, and which policy.
type Author struct {
	Who    string
	Policy string   // the file's name
	Digest [32]byte // SHA-256 of its text
	Reason string   // in their own words
	Inputs []store.Input
}

// Options is how to put something into force.
type Options struct {
	Lockout   bool   // even where it shuts out somebody who is logged in by ssh now
	Trial     *Trial // what was in force comes back, unless somebody confirms
	KeepFlows bool   // of sources that are refused now
}

// retries is how often a change by somebody else between reading and
// committing makes us read and decide again.
const retries = 5

// Apply puts the model into force and keeps a snapshot of it. Where nothing
// differs, nothing is sent.
//
// It is refused with a LockoutError where it would shut out somebody who is
// logged in by ssh now, unless how allows that; and with a PendingError where
// another generation waits to be confirmed and this one is no trial itself.
func (f Firewall) Apply(m *exposure.Model, by Author, how Options) (*Plan, error) {
	conn, release, err := f.open()
	if err != nil {
		return nil, err
	}
	defer release()
	w := compiled(m, by)
	plan, err := f.put(conn, w, how)
	if err == nil && (plan.Changed() || how.Trial != nil && plan.Pending != nil) {
		plan.remark(f.record(store.Applied, plan, w))
	}
	return plan, err
}

// put puts what is wanted into force, and reads and decides again where somebody
// else was faster.
func (f Firewall) put(conn *kernel.Conn, w *wanted, how Options) (*Plan, error) {
	for range retries {
		plan, err := f.putOnce(conn, w, how)
		if err == nil {
			plan.Media = keepMedia(conn, w.meta.Mediaproxy)
			if plan.Current != nil && !plan.Replaced {
				plan.remark(f.mendBans(conn))
			}
		}
		if !errors.Is(err, kernel.ErrChanged) {
			return plan, err
		}
	}
	return nil, fmt.Errorf("somebody else keeps changing the ruleset (%d times while we tried); what was in force still is", retries)
}

// open connects to the kernel, which tells first whether we may at all, and
// takes the lock; release gives both back.
func (f Firewall) open() (conn *kernel.Conn, release func(), err error) {
	if conn, err = kernel.Open(); err != nil {
		return nil, nil, err
	}
	if _, err = conn.Generation(); err != nil {
		conn.Close()
		return nil, nil, err
	}
	lock, err := store.Lock(f.RunDir)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, func() { conn.Close(); lock.Unlock() }, nil
}

// Remove takes the table and the snapshots away, and reports whether the table
// was there.
func (f Firewall) Remove() (bool, error) {
	conn, release, err := f.open()
	if err != nil {
		return false, err
	}
	defer release()
	rule, err := mediaproxy.Remove(conn) // first: it relies on our verdict
	if err != nil {
		return false, err
	}
	removed, err := conn.Remove(compile.Family, compile.TableName)
	if err != nil {
		return false, err
	}
	removed = removed || rule
	if err := errors.Join(f.store().Clear(), store.RemoveMark(f.RunDir), store.RemovePending(f.RunDir)); err != nil {
		return removed, fmt.Errorf("nothing of ngcp-fw is in force any more, but what it kept on disk still is there: %w", err)
	}
	return removed, nil
}
