package firewall

import (
	"fmt"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/firewall/store"
)

// Status is what is in force.
type Status struct {
	Applied    bool             // our table is in the kernel
	Generation uint64           // its number, or the last one applied in this boot
	Snapshot   *store.Meta      // what was kept of it; nil: unknown here
	Drift      []string         // in what the kernel differs from it, or why that is not known
	Sampled    []kernel.Sampled // the large sets that were compared by count and look-ups only
	Media      mediaproxy.Report
	Pending    *store.Pending // it waits to be confirmed
	Refused    []Refused      // by a generation that only observes: what it would have refused
	Expired    *store.Event   // it came back because nobody had confirmed another one in time
}

// Status asks the kernel what is in force and compares it with what was
// applied.
//
// Where the ruleset's generation is the one at which all was compared before,
// nobody has changed anything since, and that is the answer. Otherwise rules
// and small sets are compared whole, and large ones (more than 10,000 elements)
// by the number of their elements, if the kernel tells it, and by look-ups of
// some by chance. What has been replaced by as many others there, these find
// only by chance: StatusInFull finds it.
func (f Firewall) Status() (*Status, error) { return f.status(false) }

// StatusInFull is Status that compares every element. For a set of a million
// ranges the kernel takes minutes.
func (f Firewall) StatusInFull() (*Status, error) { return f.status(true) }

func (f Firewall) status(full bool) (*Status, error) {
	conn, err := kernel.Open()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	s, err := f.statusBy(conn, full)
	if err == nil {
		s.Refused, err = wouldRefuse(conn, s)
	}
	return s, err
}

func (f Firewall) statusBy(conn *kernel.Conn, full bool) (*Status, error) {
	s, err := f.ruleset(conn, full)
	if err != nil {
		return nil, err
	}
	var asked *store.Media
	if s.Snapshot != nil {
		asked = &s.Snapshot.Mediaproxy
	}
	if s.Media, err = inspectMedia(conn, asked); err != nil {
		return nil, err
	}
	s.Drift = append(s.Drift, f.trialDrift(s)...)
	s.Expired = f.expired()
	if s.Applied || len(s.Drift) > 0 {
		s.Drift = append(s.Drift, s.Media.Drift...)
	}
	return s, nil
}

// trialDrift is what is wrong with the trial of what is in force: word of it is
// damaged or lost, or its time is over and nothing came back.
func (f Firewall) trialDrift(s *Status) []string {
	const wayOut = "; confirm keeps it, rollback goes back"
	var err error
	if s.Pending, err = f.pending(); err != nil {
		return []string{doubtful(err)}
	}
	switch p := s.Pending; {
	case p == nil && s.Applied && s.Snapshot != nil && !s.Snapshot.Confirmed:
		return []string{fmt.Sprintf("generation %d was never confirmed, and nobody waits for that any more%s", s.Generation, wayOut)}
	case p != nil && s.Applied && p.Generation == s.Generation:
		if left, err := Left(*p); err == nil && left <= 0 {
			return []string{fmt.Sprintf("generation %d is overdue: nobody confirmed it, and what was in force before could not come back%s", s.Generation, wayOut)}
		}
	}
	return nil
}

// ruleset is the status of our table.
func (f Firewall) ruleset(conn *kernel.Conn, full bool) (*Status, error) {
	if s, err := f.unchanged(conn); s != nil && !full || err != nil {
		return s, err
	}
	now, err := f.inForce(conn, nil, full)
	if err != nil {
		return nil, err
	}
	if now.Table == nil {
		return f.absent(), nil
	}
	s := &Status{Applied: true, Generation: now.generation}
	if !now.exact {
		s.Sampled = now.Sampled
	}
	if now.snapshot == nil {
		s.Drift = []string{fmt.Sprintf("unknown: %v. Hint: apply once more", now.doubt)}
		return s, nil
	}
	s.Snapshot = &now.snapshot.Meta
	lines, differs := now.drift()
	s.Drift = lines
	if len(lines) == 0 && now.exact || full && len(differs) > 0 {
		f.mark(now.snapshot.Meta, now.GenID, differs...)
	}
	return s, nil
}

// unchanged is the status where nothing has changed since all was compared;
// nil where that is not so.
func (f Firewall) unchanged(conn *kernel.Conn) (*Status, error) {
	genid, err := conn.Generation()
	if err != nil {
		return nil, err
	}
	mark, err := store.ReadMark(f.RunDir)
	if err != nil {
		return nil, nil
	}
	meta, err := f.store().Describe(mark.Generation)
	if err != nil || !f.marked(meta, genid) {
		return nil, nil
	}
	return &Status{Applied: true, Generation: meta.Number, Snapshot: &meta}, nil
}

// absent tells a table that was taken away by others from one that was never
// there: the former is drift.
func (f Firewall) absent() *Status {
	last, ok := f.latestHere()
	if !ok {
		return &Status{}
	}
	gone := fmt.Sprintf("table inet %s is gone: somebody else removed it", compile.TableName)
	return &Status{Generation: last.Number, Snapshot: &last, Drift: []string{gone}}
}
