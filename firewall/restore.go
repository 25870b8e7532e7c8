package firewall

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/store"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// Restored is what a restore put into force.
type Restored struct {
	Plan
	Meta       store.Meta     // of the generation that was kept; empty where Management
	Nothing    bool           // nothing is in force any more, as before the trial
	Expired    *store.Pending // the trial that came to its end
	Management bool           // no generation could be loaded: ssh alone is open
	Allows     addr.Set       // where Management: to whom
	Why        []string       // what was wrong with what should have come first
}

// Restore puts the last confirmed generation into force, from the disk alone.
// One that is damaged or lost is passed over for the one confirmed before it;
// where there is none left, ssh alone is opened: for the administrators last
// known, or for anyone where even that is lost. So the host is never open, and
// nobody is locked out. Where nothing was ever but tried, nothing is in force.
//
// A lock that cannot be had for want of room or permission is told, too, but does
// not leave a host open.
func (f Firewall) Restore(by Author) (*Restored, error) {
	r := &Restored{}
	conn, release, err := f.open()
	if held := (*store.HeldError)(nil); err != nil && !errors.As(err, &held) {
		r.doubt(err)
		release = func() {}
		if conn, err = kernel.Open(); err == nil {
			defer conn.Close()
			_, err = conn.Generation()
		}
	}
	if err != nil {
		return nil, err
	}
	defer release()
	r.remark(f.store().Trusted())
	if tried := f.tried(); len(tried) > 0 {
		return f.withdrawAll(conn, tried)
	}
	candidates, err := f.candidates()
	r.doubt(err)
	r.doubt(f.lost(candidates))
	if err := f.first(conn, candidates, r); err != nil {
		return r, err
	}
	f.ended(r, store.Event{What: store.Restored, Who: by.Who, Reason: strings.Join(r.Why, "; ")})
	return r, nil
}

// lost says that the generation that was the last to stay, as far as the history
// tells, is none of those.
func (f Firewall) lost(confirmed []uint64) error {
	events, err := f.store().History()
	if err != nil {
		return nil
	}
	for _, e := range slices.Backward(events) {
		switch {
		case e.Generation == 0 || !stays(e):
			continue
		case slices.Contains(confirmed, e.Generation):
			return nil
		}
		return fmt.Errorf("the snapshot of generation %d, which was the last one, is lost", e.Generation)
	}
	return nil
}

// first puts the first of the generations into force that can be, or opens ssh
// alone.
func (f Firewall) first(conn *kernel.Conn, candidates []uint64, r *Restored) error {
	for _, n := range candidates {
		w, err := f.recover(n)
		if err == nil {
			err = r.put(f, conn, w, Options{Lockout: true})
		}
		if err == nil || errors.Is(err, kernel.ErrPermission) || errors.Is(err, kernel.ErrNoNFTables) {
			return err
		}
		r.doubt(err)
	}
	return f.manage(conn, candidates, r)
}

func (r *Restored) doubt(err error) {
	if err != nil {
		r.Why = append(r.Why, err.Error())
	}
}

func (r *Restored) put(f Firewall, conn *kernel.Conn, w *wanted, how Options) error {
	plan, err := f.put(conn, w, how)
	if err == nil {
		plan.Remarks = append(r.Remarks, plan.Remarks...)
		r.Plan, r.Meta = *plan, w.meta
	}
	return err
}

// recover makes of a generation on disk what was wanted when it was applied.
func (f Firewall) recover(generation uint64) (*wanted, error) {
	snapshot, err := f.store().Load(generation)
	if err != nil {
		return nil, err
	}
	w, err := again(snapshot)
	if err != nil {
		return nil, fmt.Errorf("the snapshot of generation %d is damaged: %w", generation, err)
	}
	if w.meta.Of == 0 {
		w.meta.Of = generation
	}
	return w, nil
}

// candidates is the generations to try, in order.
func (f Firewall) candidates() ([]uint64, error) {
	confirmed, err := f.store().Confirmed()
	if err == nil && len(confirmed) == 0 {
		err = fmt.Errorf("no confirmed generation is kept in %s", f.StateDir)
	}
	return confirmed, err
}

// manage opens ssh alone, unless something of ours is in force, which stays.
func (f Firewall) manage(conn *kernel.Conn, candidates []uint64, r *Restored) error {
	w := compiled(management(f.lastKnown(candidates)), Author{Who: "restore"})
	now, err := f.inForce(conn, w.table, false)
	if err != nil {
		return err
	}
	if now.Table != nil {
		return errors.New("nothing that is kept can be restored; what was in force still is")
	}
	r.Management = true
	for _, e := range w.model.Exposures {
		r.Allows = r.Allows.Union(e.Sources)
	}
	_, err = conn.Replace(now.Reading, w.table)
	return err
}

// lastKnown is the exposures of the first generation of which they can still be
// read, though its ruleset may be damaged.
func (f Firewall) lastKnown(candidates []uint64) []exposure.Exposure {
	for _, n := range candidates {
		meta, err := f.store().Meta(n)
		if err != nil {
			continue
		}
		if exposures, err := exposure.Kept(meta.Management.Exposures, meta.Management.Lists); err == nil {
			return exposures
		}
	}
	return nil
}

// byHand is the exposures by which people manage the host.
func byHand(all []exposure.Exposure) []exposure.Exposure {
	return slices.DeleteFunc(slices.Clone(all), func(e exposure.Exposure) bool {
		return e.Service != sshService || e.Sources.IsEmpty()
	})
}

// management is the model that lets in by ssh whom these exposures do, and
// anyone where there are none; and nobody to anything else.
func management(known []exposure.Exposure) *exposure.Model {
	m := &exposure.Model{Exposures: known}
	if len(m.Exposures) == 0 {
		m.Exposures = []exposure.Exposure{{
			Service: sshService, Role: policy.Administrators, Sources: addr.Any(),
			Ports: []policy.Ports{{Protocol: policy.TCP, From: sshPort, To: sshPort}},
		}}
	}
	m.Mediaproxy.Rule = mediaOff
	return m
}

const (
	sshPort  = 22 // IANA's
	mediaOff = "off"
)
