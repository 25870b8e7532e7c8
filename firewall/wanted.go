package firewall

import (
	"encoding/hex"
	"maps"
	"time"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/store"
	"ngcp-fw/policy/exposure"
)

// wanted is what is to come into force: what a policy means, or what was in
// force before.
type wanted struct {
	table  *ruleset.Table
	model  *exposure.Model
	meta   store.Meta // what is known of it, but for its number, time and place
	number uint64     // of a table that was kept, its own; 0: it has none yet
}

func compiled(m *exposure.Model, by Author) *wanted {
	return &wanted{table: compile.Compile(m, 1), model: m, meta: store.Meta{
		Who: by.Who, Policy: by.Policy, Digest: hex.EncodeToString(by.Digest[:]), Reason: by.Reason, Inputs: by.Inputs,
		Observe: m.Observe, Mediaproxy: mediaOf(m),
	}}
}

// again wants a snapshot. Of its model, what decides over flows is known.
func again(s *store.Snapshot) (*wanted, error) {
	table, err := ruleset.DecodeSkeleton(compile.Family, compile.TableName, s.Messages, s.Lists)
	if err != nil {
		return nil, err
	}
	exposures, err := exposure.Kept(s.Meta.Exposures, s.Lists)
	if err != nil {
		return nil, err
	}
	model := &exposure.Model{Exposures: exposures, Observe: s.Meta.Observe}
	return &wanted{table: table, model: model, meta: s.Meta, number: s.Meta.Number}, nil
}

// save has the snapshot on the disk before anything is sent: what comes into
// force is known, whenever we are stopped.
func (f Firewall) save(p *Plan, w *wanted) (*store.Saving, error) {
	messages, lists, err := p.Target.Skeleton()
	if err != nil {
		return nil, err
	}
	exposures, sources, err := exposure.Keep(w.model.Exposures)
	if err != nil {
		return nil, err
	}
	maps.Copy(lists, sources)
	meta := w.meta
	if meta.Management.Exposures, meta.Management.Lists, err = exposure.Keep(byHand(w.model.Exposures)); err != nil {
		return nil, err
	}
	meta.Number, meta.Time, meta.Exposures = p.Generation, time.Now().UTC(), exposures
	meta.BootID, meta.NetNS = whereabouts()
	meta.Confirmed = p.Pending == nil
	if meta.Counted = nil; meta.Observe {
		meta.Counted = countedBefore(p.Current)
	}
	return f.store().Start(meta, store.Content{Messages: messages, Lists: lists})
}
