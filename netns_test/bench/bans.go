package main

import (
	"fmt"
	"net/netip"
	"time"

	"ngcp-fw/firewall/bans"
)

const banRounds = 7

// measureBans bans one source more where very many are banned, and lists them.
func measureBans(e *env) ([]row, error) {
	n := e.size(million, quickMillion)
	var worlds []*world
	for _, banned := range []int{n, 1} {
		w, err := e.world()
		if err != nil {
			return nil, err
		}
		defer w.close()
		if err := w.bansInForce(banned); err != nil {
			return nil, err
		}
		worlds = append(worlds, w)
	}
	var contestants []func() (sample, error)
	for _, w := range worlds {
		source := source{}
		contestants = append(contestants,
			func() (sample, error) { return w.ours("policy.yml", "ban", source.next(), "--for", "1h") },
			func() (sample, error) { return w.ours("policy.yml", "unban", source.last) },
			func() (sample, error) { return w.ours("policy.yml", "bans", "-o", "json") })
	}
	m, err := interleaved(e.repeat(banRounds), contestants...)
	if err != nil {
		return nil, err
	}
	what, beside := " where "+thousands(n)+" are banned, whole process", "where one is banned"
	return []row{
		plainRow("`ban`"+what, m[0].wall, m[3].wall, beside),
		plainRow("`unban`"+what, m[1].wall, m[4].wall, beside),
		plainRow("`bans -o json`"+what, m[2].wall, m[5].wall, beside),
	}, nil
}

// bansInForce applies a policy beside a record of very many bans.
func (w *world) bansInForce(n int) error {
	if err := w.write("policy.yml", smallPolicy); err != nil {
		return err
	}
	if _, err := w.ours("policy.yml", "apply"); err != nil {
		return err
	}
	var record []byte
	now := time.Now()
	for i, text := range networks4(n) {
		p := netip.MustParsePrefix(text)
		record = bans.Append(record, bans.Ban{From: p.Addr(), To: p.Addr(), Since: now, Until: now.Add(time.Duration(i)*time.Second + 24*time.Hour), Who: "bench", Reason: "scan"})
	}
	if err := w.write("state/bans", string(record)); err != nil {
		return err
	}
	if err := w.clear(); err != nil {
		return err
	}
	_, err := w.ours("policy.yml", "apply")
	return err
}

// source is one after another that nobody has banned.
type source struct {
	number int
	last   string
}

func (s *source) next() string {
	s.number++
	s.last = fmt.Sprintf("198.18.0.%d", s.number)
	return s.last
}
