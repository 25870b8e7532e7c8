package firewall

import (
	"errors"
	"net/netip"
	"slices"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/store"
)

// Refused is what a generation that only observes would have refused since it came
// into force, and whom.
type Refused struct {
	Reason  string // as the ruleset's counters name it: refused, limited, banned …
	Service string // "": none has to do with it
	Packets uint64
	Bytes   uint64
	Sources []netip.Addr // of the last day, as far as they were noted: sorted
}

// wouldRefuse is what would have been refused; nil where nothing was, or where the
// generation refuses indeed.
func wouldRefuse(conn *kernel.Conn, s *Status) (all []Refused, err error) {
	if !s.Applied || s.Snapshot == nil || !s.Snapshot.Observe {
		return nil, nil
	}
	tally, err := conn.Tally(compile.Family, compile.TableName)
	if tally.Table == nil || err != nil {
		return nil, err
	}
	sources, err := notedSources(conn, tally.Table)
	if err != nil {
		return nil, err
	}
	for _, c := range sinceApplied(*s.Snapshot, tally.Table.Counters) {
		reason, service, ours := compile.Counted(c.Name)
		if ours && reason != "" && c.Packets > 0 {
			all = append(all, Refused{reason, service, c.Packets, c.Bytes, sources[c.Name]})
		}
	}
	return all, nil
}

// sinceApplied is the counters without what they had counted when the generation
// came into force. A counter that has less than that began anew, with the table.
func sinceApplied(m store.Meta, counters []ruleset.Counter) []ruleset.Counter {
	since := slices.Clone(counters)
	for i, c := range since {
		before, known := m.Counted[c.Name]
		if known && m.BootID == host.BootID() && before[0] <= c.Packets && before[1] <= c.Bytes {
			since[i].Packets, since[i].Bytes = c.Packets-before[0], c.Bytes-before[1]
		}
	}
	return since
}

// countedBefore is what the counters of a table say, for a generation that comes
// after it.
func countedBefore(t *ruleset.Table) store.Counted {
	counted := store.Counted{}
	if t == nil {
		return counted
	}
	for _, c := range t.Counters {
		if c.Packets > 0 {
			counted[c.Name] = [2]uint64{c.Packets, c.Bytes}
		}
	}
	return counted
}

// notedSources is who would have been refused, by counter.
func notedSources(conn *kernel.Conn, t *ruleset.Table) (map[string][]netip.Addr, error) {
	sources := map[string][]netip.Addr{}
	for _, s := range t.Sets {
		counter, noted := compile.Noted(s.Name)
		if !noted {
			continue
		}
		keys, err := conn.Keys(compile.Family, compile.TableName, s.Name)
		if errors.Is(err, kernel.ErrChanged) {
			continue // the set went while we looked
		} else if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if a, ok := netip.AddrFromSlice(key); ok {
				sources[counter] = append(sources[counter], a)
			}
		}
	}
	for _, list := range sources {
		slices.SortFunc(list, netip.Addr.Compare)
	}
	return sources, nil
}
