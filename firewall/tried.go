package firewall

import (
	"errors"
	"slices"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/store"
)

// tried is the generations that are kept, if none of them nor any other was ever
// confirmed: then what was in force before the first trial was nothing, and a boot
// has nothing to restore. In any doubt there is something.
func (f Firewall) tried() []uint64 {
	kept, err1 := f.store().Numbers()
	events, err2 := f.store().History()
	if errors.Join(err1, err2) != nil || len(events) == 0 || slices.ContainsFunc(events, stays) {
		return nil
	}
	for _, n := range kept {
		if meta, err := f.store().Describe(n); err != nil || meta.Confirmed {
			return nil
		}
	}
	return kept
}

// stays reports whether the event put something into force that was no trial, or
// ended one that stays.
func stays(e store.Event) bool {
	return e.What == store.Confirmed || e.What == store.Restored || e.Generation > 0 && e.Deadline == nil
}

// withdrawAll goes back to nothing from trials that nobody confirmed.
func (f Firewall) withdrawAll(conn *kernel.Conn, tried []uint64) (*Restored, error) {
	last := len(tried) - 1
	for _, n := range tried[:last] {
		if err := f.store().Drop(n); err != nil {
			return nil, err
		}
	}
	return f.withdraw(conn, tried[last], store.Event{What: store.Expired, From: tried[last]})
}
