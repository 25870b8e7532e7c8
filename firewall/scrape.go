package firewall

import (
	"io"
	"slices"
	"strings"
	"time"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/firewall/metrics"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/store"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// Scrape is what there is to measure, at this moment. It reads no large set, and
// changes nothing. What cannot be told of the state on disk is left out.
func (f Firewall) Scrape(now time.Time) (metrics.State, error) {
	failed := metrics.State{Failed: true}
	conn, err := kernel.Open()
	if err != nil {
		return failed, err
	}
	defer conn.Close()
	status, err := f.statusBy(conn, false)
	if err != nil {
		return failed, err
	}
	tally, err := conn.Tally(compile.Family, compile.TableName)
	if err != nil {
		return failed, err
	}
	s := metrics.State{InForce: tally.Table != nil, Asleep: asleep(tally.Table), Drift: len(status.Drift), Media: mediaMetrics(status.Media)}
	if status.Pending != nil {
		s.Deadline = status.Pending.Deadline
	}
	if m := status.Snapshot; m != nil {
		s.Generation = &metrics.Generation{Number: m.Number, Policy: m.Policy, Digest: m.Digest, Applied: m.Time, Confirmed: s.InForce && m.Confirmed, Observe: m.Observe}
		s.Entries = endingEntries(*m, f.resolvedAt(*m), now)
	}
	s.FellBack, s.Fallback = f.fellBack()
	f.addTable(&s, tally, status.Generation)
	f.addBans(conn, &s, now)
	if entries, limit, ok := host.Tracked(); ok {
		s.Tracked = &metrics.Tracking{Entries: entries, Limit: limit}
	}
	return s, nil
}

// asleep reports whether no packet from outside meets the table: somebody switched it
// off, or took its chain of the input hook away.
func asleep(t *ruleset.Table) bool {
	return t != nil && (dormant(t) || !slices.ContainsFunc(t.Chains, func(c ruleset.Chain) bool { return c.Base != nil && c.Base.Hook == ruleset.HookInput }))
}

// fellBack is when a restore last had to fall back, and whether what it put into
// force still is.
func (f Firewall) fellBack() (at time.Time, still bool) {
	events, err := f.store().History()
	if err != nil {
		return at, false
	}
	last, ok := store.Last(events, func(e store.Event) bool { return e.What == store.Restored })
	return last.Time, ok && events[len(events)-1] == last
}

// resolvedAt is when it was decided which of the policy's entries had ended: when the
// generation was applied, or the one whose ruleset it brought back.
func (f Firewall) resolvedAt(m store.Meta) time.Time {
	if first, err := f.store().Meta(m.Of); m.Of > 0 && err == nil {
		return first.Time
	}
	return m.Time
}

// endingEntries reads the policy's text as it was when it was applied; nil where
// that was not kept.
func endingEntries(m store.Meta, resolved, now time.Time) *metrics.Entries {
	for _, input := range m.Inputs {
		if input.Text == "" {
			continue
		}
		empty := func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }
		p, _ := policy.Parse(input.File, []byte(input.Text), empty)
		if p == nil {
			return nil
		}
		e := exposure.EndingOf(p, resolved, now)
		return &metrics.Entries{Ending: e.Soon, Outdated: e.Ended, Next: e.Next}
	}
	return nil
}

func mediaMetrics(r mediaproxy.Report) metrics.Media {
	m := metrics.Media{Wanted: r.Mode != mediaproxy.ModeOff, InForce: r.InForce, Module: r.Host.Control || len(r.Host.Loaded) > 0, Findings: len(r.Findings)}
	for _, f := range mediaproxy.Families {
		rule := metrics.MediaRule{Family: familyName(f == ruleset.FamilyIPv4)}
		for _, h := range r.Rules {
			if h.Covers(f) {
				rule.Present = true
				rule.Packets += h.Packets
			}
		}
		m.Rules = append(m.Rules, rule)
	}
	for _, t := range r.Host.Tables {
		m.Tables = append(m.Tables, metrics.MediaTable{Table: t.Table, Streams: t.Streams})
	}
	return m
}

func familyName(ipv4 bool) string {
	if ipv4 {
		return "ipv4"
	}
	return "ipv6"
}
