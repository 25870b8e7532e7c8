package firewall

import (
	"slices"
	"time"

	"ngcp-fw/firewall/bans"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/metrics"
	"ngcp-fw/firewall/ruleset"
)

// addTable tells what our table has counted, and how full its sets are.
func (f Firewall) addTable(s *metrics.State, tally kernel.Tally, generation uint64) {
	if tally.Table == nil {
		return
	}
	for _, c := range tally.Table.Counters {
		reason, service, ours := compile.Counted(c.Name)
		t := metrics.Traffic{Service: service, Reason: reason, Packets: c.Packets, Bytes: c.Bytes}
		switch {
		case !ours:
		case reason == "":
			s.Accepted = append(s.Accepted, t)
		default:
			s.Dropped = append(s.Dropped, t)
		}
	}
	counts := f.counts(tally)
	for _, set := range latest(tally.Table.Sets, generation) {
		if n, known := counts[set.Name]; known {
			addSet(s, set, n)
		}
	}
}

// addSet tells about a set of addresses: a limit's, one that limits ban with, or
// another.
func addSet(s *metrics.State, set ruleset.Set, elements int) {
	service, digit, meter := compile.Metered(set.Name)
	switch {
	case meter:
		s.Limits = append(s.Limits, metrics.Limit{Service: service, Family: familyName(digit == "4"), Set: set.Name, Sources: elements, Size: int(set.Size)})
	case !set.Map && (set.Key == ruleset.TypeIPv4Addr || set.Key == ruleset.TypeIPv6Addr):
		s.Sets = append(s.Sets, metrics.Set{Name: ruleset.BaseName(set.Name), Elements: elements, Size: int(set.Size)})
	}
}

// counts is how many elements the sets have. Those of lists are as they were
// applied where the kernel does not tell.
func (f Firewall) counts(tally kernel.Tally) map[string]int {
	counts := tally.Counts
	told := func(s ruleset.Set) bool { _, told := counts[s.Name]; return told || s.Live() }
	if !slices.ContainsFunc(tally.Table.Sets, func(s ruleset.Set) bool { return !told(s) }) {
		return counts
	}
	n := f.recall(tally.Table)
	if n.applied == nil {
		return counts
	}
	for _, s := range n.applied.Sets {
		if !told(s) {
			counts[s.Name] = s.Elements.Len()
		}
	}
	return counts
}

// latest leaves out what an interrupted change left of a set of the same name but
// for its generation.
func latest(sets []ruleset.Set, generation uint64) []ruleset.Set {
	return slices.DeleteFunc(slices.Clone(sets), func(s ruleset.Set) bool {
		name := ruleset.BaseName(s.Name)
		current := ruleset.Scoped(name, generation)
		return name != s.Name && s.Name != current && slices.ContainsFunc(sets, func(o ruleset.Set) bool {
			return o.Name == current || ruleset.BaseName(o.Name) == name && o.Name > s.Name
		})
	})
}

// addBans counts the bans on record, and who is banned by CrowdSec and by limits
// beside them: who is on record, too, counts there.
func (f Firewall) addBans(conn *kernel.Conn, s *metrics.State, now time.Time) {
	sizes := map[string]int{}
	for _, set := range s.Sets {
		sizes[set.Name] = set.Elements
	}
	record, done, err := f.store().Bans()
	if err != nil {
		return
	}
	defer done()
	offenders := offenders(conn, sizes)
	permanent, temporary, both := bans.Count(record, now, offenders)
	s.Bans = []metrics.Bans{{Kind: "permanent", Number: permanent}, {Kind: "temporary", Number: temporary}}
	if _, any := sizes[compile.Offenders+"4"]; any {
		s.Bans = append(s.Bans, metrics.Bans{Kind: "limit", Number: len(offenders) - both})
	}
	if n, any := sizes[compile.CrowdSec+"4"]; any {
		s.Bans = append(s.Bans, metrics.Bans{Kind: "crowdsec", Number: n + sizes[compile.CrowdSec+"6"]})
	}
}

// offenders is who is banned by limits; nobody where the kernel does not tell.
func offenders(conn *kernel.Conn, sets map[string]int) (list []bans.Ban) {
	for _, digit := range []string{"4", "6"} {
		if _, there := sets[compile.Offenders+digit]; !there {
			continue
		}
		keys, _ := conn.Keys(compile.Family, compile.TableName, compile.Offenders+digit)
		for _, key := range keys {
			list = append(list, offender(key))
		}
	}
	return list
}
