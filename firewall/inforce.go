package firewall

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/store"
)

// inForce is what the kernel holds, and what is known of that.
type inForce struct {
	kernel.Reading                 // Table is nil where nothing of ours is in force
	generation     uint64          // that the table leads to; where it leads to none, the last applied here
	led            bool            // it leads to one
	snapshot       *store.Snapshot // what was kept of the generation; nil: see doubt
	applied        *ruleset.Table  // as the snapshot has it
	doubt          error           // why there is no snapshot
	exact          bool            // the table is as the kernel has it, to the last element
}

// inForce reads the table that is in force, and its snapshot. Large sets are
// compared with the snapshot, or where it is missing with the fallback, by their
// count and some look-ups; with full they are read. Without both there is
// nothing to compare with: then the table is empty of elements.
func (f Firewall) inForce(conn *kernel.Conn, fallback *ruleset.Table, full bool) (*inForce, error) {
	for range retries {
		outline, err := conn.Outline(compile.Family, compile.TableName)
		if err != nil {
			return nil, err
		}
		n := f.recall(outline)
		if n.snapshot != nil {
			conn.Distrust(f.differs(n.snapshot.Meta)...)
		}
		like := n.applied
		switch {
		case like == nil && fallback == nil:
			n.Table = outline
			return n, nil
		case full:
			like = nil
		case like == nil:
			like = fallback
		}
		if n.Reading, err = conn.Examine(compile.Family, compile.TableName, like); err != nil {
			return nil, err
		}
		if sameGeneration(outline, n.Table) {
			n.exact = len(n.Sampled) == 0 || n.snapshot != nil && f.marked(n.snapshot.Meta, n.GenID)
			return n, nil
		}
	}
	return nil, kernel.ErrChanged
}

func sameGeneration(a, b *ruleset.Table) bool {
	if a == nil || b == nil {
		return a == b
	}
	ga, oka := a.Generation()
	gb, okb := b.Generation()
	return ga == gb && oka == okb
}

// recall finds the snapshot of a table.
func (f Firewall) recall(t *ruleset.Table) *inForce {
	n := &inForce{}
	if t == nil {
		return n
	}
	if n.generation, n.led = t.Generation(); !n.led {
		last, ok := f.latestHere()
		if !ok {
			n.doubt = errors.New("its base chains lead to no generation, and nothing is kept of what was applied here")
			return n
		}
		n.generation = last.Number
	}
	if n.snapshot, n.doubt = f.load(n.generation); n.doubt != nil {
		return n
	}
	n.applied, n.doubt = ruleset.DecodeSkeleton(compile.Family, compile.TableName, n.snapshot.Messages, n.snapshot.Lists)
	if n.doubt != nil {
		n.snapshot = nil
	}
	return n
}

// load reads a generation's snapshot if it is of this boot and network
// namespace. The error says why it is not known.
func (f Firewall) load(generation uint64) (*store.Snapshot, error) {
	snapshot, err := f.store().Load(generation)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !f.kept(generation):
		return nil, fmt.Errorf("nothing is kept of generation %d in %s: it is lost, its apply was interrupted, or it was applied with another state directory", generation, f.StateDir)
	case err != nil:
		return nil, err
	case f.here(snapshot.Meta):
		return snapshot, nil
	case snapshot.Meta.BootID != host.BootID():
		return nil, fmt.Errorf("generation %d of %s was applied in an earlier boot: what is in force now was applied with another state directory", generation, f.StateDir)
	default:
		return nil, fmt.Errorf("generation %d of %s was applied in another network namespace: what is in force here was applied with another state directory", generation, f.StateDir)
	}
}

// kept reports whether there is a snapshot of the generation, damaged or not.
func (f Firewall) kept(generation uint64) bool {
	numbers, err := f.store().Numbers()
	return err == nil && slices.Contains(numbers, generation)
}

// latestHere is the last generation that was applied in this boot and network
// namespace, as far as it is known.
func (f Firewall) latestHere() (store.Meta, bool) {
	numbers, err := f.store().Numbers()
	if err != nil || len(numbers) == 0 {
		return store.Meta{}, false
	}
	meta, err := f.store().Describe(numbers[len(numbers)-1])
	return meta, err == nil && f.here(meta)
}

// here reports whether it was applied in this boot and network namespace, or
// restored in it.
func (f Firewall) here(m store.Meta) bool {
	if boot, namespace := whereabouts(); m.BootID == boot && m.NetNS == namespace && boot != "" {
		return true
	}
	_, restored := f.markFor(m)
	return restored
}

// whereabouts is this boot and network namespace; the boot is "" where they cannot be
// told.
func whereabouts() (boot string, namespace uint64) {
	namespace, err := host.NetNS()
	if err != nil {
		return "", 0
	}
	return host.BootID(), namespace
}

// marked reports whether the kernel held exactly that generation at the
// ruleset's generation genid, and so does while this is the same.
func (f Firewall) marked(m store.Meta, genid uint32) bool {
	mark, ok := f.markFor(m)
	return ok && mark.GenID == genid && len(mark.Differs) == 0
}

// differs is the sets that were found to hold others than the generation's
// elements.
func (f Firewall) differs(m store.Meta) []string {
	if mark, ok := f.markFor(m); ok {
		return mark.Differs
	}
	return nil
}

// markFor is the mark if it speaks of that generation, here.
func (f Firewall) markFor(m store.Meta) (mark store.Mark, ok bool) {
	boot, namespace := whereabouts()
	mark, err := store.ReadMark(f.RunDir)
	ok = err == nil && boot != "" && mark.Generation == m.Number && mark.Ruleset == m.Ruleset && mark.BootID == boot && mark.NetNS == namespace
	return mark, ok
}

// mark keeps word of what the kernel holds, differing sets included. Where it
// cannot be kept, status only takes longer.
func (f Firewall) mark(m store.Meta, genid uint32, differs ...string) {
	boot, namespace := whereabouts()
	mark := store.Mark{Generation: m.Number, Ruleset: m.Ruleset, GenID: genid, BootID: boot, NetNS: namespace, Differs: differs}
	_ = mark.Write(f.RunDir)
}

// markApplied is mark for what was applied and verified. Sets that stay as they
// are may be large and have been compared by samples before: then it says
// nothing.
func (f Firewall) markApplied(p *Plan, w *wanted, genid uint32) {
	if p.again {
		f.mark(w.meta, genid)
		return
	}
	meta, err := f.store().Describe(p.Generation)
	if err == nil && (p.exact || p.Replaced) {
		f.mark(meta, genid)
	}
}
