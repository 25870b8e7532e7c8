package firewall

import (
	"fmt"
	"strings"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/store"
)

// Status is what is in force.
type Status struct {
	Applied    bool        // our table is in the kernel
	Generation uint64      // its number, or the last one applied in this boot
	Snapshot   *store.Meta // what was kept of it; nil: unknown here
	Drift      []string    // in what the kernel differs from it
}

// Status asks the kernel what is in force and compares it with what was applied.
func (f Firewall) Status() (*Status, error) {
	conn, err := kernel.Open()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	current, err := conn.Read(compile.Family, compile.TableName)
	if err != nil {
		return nil, err
	}
	if current == nil {
		return f.absent()
	}
	s := &Status{Applied: true}
	s.Generation, _ = current.Generation()
	snapshot, err := f.snapshot(current)
	if err != nil {
		s.Drift = []string{err.Error()}
		return s, nil
	}
	s.Snapshot = &snapshot.Meta
	applied, err := ruleset.DecodeSkeleton(compile.Family, compile.TableName, snapshot.Messages, snapshot.Lists)
	if err != nil {
		return nil, err
	}
	s.Drift = driftLines(ruleset.Diff(applied, current))
	return s, nil
}

// absent tells a table that was taken away by others from one that was never
// there: the former is drift.
func (f Firewall) absent() (*Status, error) {
	numbers, err := f.store().Numbers()
	if err != nil || len(numbers) == 0 {
		return &Status{}, err
	}
	last := numbers[len(numbers)-1]
	snapshot, err := f.store().Load(last)
	if err != nil || !here(snapshot) {
		return &Status{}, nil
	}
	gone := fmt.Sprintf("table inet %s is gone: somebody else removed it", compile.TableName)
	return &Status{Generation: last, Snapshot: &snapshot.Meta, Drift: []string{gone}}, nil
}

func driftLines(changes []ruleset.Change) (lines []string) {
	for _, c := range changes {
		line := strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Kind, c.Object, c.Name))
		if c.Text != "" {
			line += ": " + c.Text
		}
		lines = append(lines, line)
	}
	return lines
}
