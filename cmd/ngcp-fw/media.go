package main

import (
	"fmt"
	"strings"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/mediaproxy"
)

// mediaJSON is what apply did about the mediaproxy rule.
type mediaJSON struct {
	mediaproxy.Choice
	mediaproxy.Ensured
	Error string `json:"error,omitempty"`
}

func mediaDocument(m firewall.Media) mediaJSON {
	doc := mediaJSON{Choice: m.Choice, Ensured: m.Done}
	if m.Err != nil {
		doc.Error = m.Err.Error()
	}
	return doc
}

// tellMedia says what became of the rule. It fails where the policy asks by name
// for a rule that is not there: the ruleset is in force all the same.
func (a *app) tellMedia(m firewall.Media, asJSON bool) error {
	switch {
	case m.Failed():
		return systemFailure(fmt.Errorf("the ruleset is in force, but not the mediaproxy rule: %w", m.Err))
	case m.Err != nil:
		a.remark("the mediaproxy rule is not in force: %v", m.Err)
	case asJSON:
	case m.Done.Messages > 0:
		fmt.Fprintln(a.out, wrap(fmt.Sprintf("The mediaproxy rule (%s, table %d) was put in: %s.", m.Choice.Target, m.Choice.Table, m.Choice.Why), 0, 0))
	case m.Done.Ran != "":
		fmt.Fprintln(a.out, wrap(fmt.Sprintf("rtpengine put its rule back (%s): %s.", m.Done.Ran, m.Choice.Why), 0, 0))
	}
	return nil
}

// mediaproxyJSON is the state of the mediaproxy rule.
type mediaproxyJSON struct {
	Rule string `json:"rule"` // as the policy asks
	mediaproxy.Choice
	InForce  bool                 `json:"in_force"`
	After    bool                 `json:"after_verdict"`
	Rules    []mediaproxy.Handler `json:"rules"`
	Host     *mediaproxy.Facts    `json:"host,omitempty"` // where there is a rule to keep
	Drift    []string             `json:"drift"`
	Findings []string             `json:"findings"`
}

func mediaStatus(s *firewall.Status) mediaproxyJSON {
	r := s.Media
	doc := mediaproxyJSON{Rule: string(mediaproxy.ModeAuto), Choice: r.Choice, InForce: r.InForce, After: r.After, Rules: r.Rules, Drift: r.Drift, Findings: r.Findings}
	if s.Snapshot != nil {
		doc.Rule = s.Snapshot.Mediaproxy.Rule
	}
	if r.Mode != mediaproxy.ModeOff {
		doc.Host = &r.Host
	}
	return doc
}

// mediaWords says who keeps the rule, whether it is in force, and what the kernel
// makes of it.
func mediaWords(r mediaproxy.Report) string {
	if r.Mode == mediaproxy.ModeOff {
		return fmt.Sprintf("No mediaproxy rule: %s.", r.Why)
	}
	if !r.InForce {
		return fmt.Sprintf("The mediaproxy rule is missing (%s, table %d): %s.", r.Mode, r.Table, r.Why)
	}
	words := fmt.Sprintf("The mediaproxy rule is in force (%s, table %d): %s.", r.Mode, r.Table, r.Why)
	if r.After {
		words += fmt.Sprintf(" It comes after our verdict, and has met %s.", plural(int(r.Packets()), "packet"))
	}
	if len(r.Host.Loaded) > 0 {
		words += fmt.Sprintf(" Module %s is loaded.", strings.Join(r.Host.Loaded, " "))
	}
	for _, t := range r.Host.Tables {
		words += fmt.Sprintf(" Table %d is in use, with %s in the kernel.", t.Table, plural(t.Streams, "stream"))
	}
	return words
}
