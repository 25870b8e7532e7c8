package main

import (
	"fmt"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// What settings mean to who reads a change, beside who can reach what.
var (
	forwardOff  = warning{alarm, "forward would not be drop any more: this host forwards what its routes and other tables let through"}
	forwardOn   = warning{caution, "forward would be drop: this host forwards nothing any more"}
	crowdSecOff = warning{caution, "whom CrowdSec bans would not be refused any more"}
	drifted     = warning{caution, "what is in force was changed by somebody else since it was applied, and exposures count from what was applied: status tells what was changed, and verify who gets in or not"}
	logOff      = warning{caution, "what is dropped would not be logged any more"}
)

// settingWarnings is what changes but for exposures and worth a word: what protects
// the host less, and what stops traffic through it.
func settingWarnings(old, new *exposure.Model) (list []warning) {
	list = forwardWarnings(old.Forward == policy.ForwardDrop, new.Forward == policy.ForwardDrop)
	if spared := new.NeverBan.Subtract(old.NeverBan); !spared.IsEmpty() {
		list = append(list, warning{caution, "bans would not touch " + sourceText(spared) + " any more"})
	}
	if old.CrowdSec && !new.CrowdSec {
		list = append(list, crowdSecOff)
	}
	if old.Log != nil && new.Log == nil {
		list = append(list, logOff)
	}
	return append(list, limitWarnings(old, new)...)
}

// forwardWarnings is for a host that dropped what is routed through it, or would.
func forwardWarnings(before, after bool) []warning {
	switch {
	case before && !after:
		return []warning{forwardOff}
	case after && !before:
		return []warning{forwardOn}
	}
	return nil
}

// dropsForwarded reports whether a ruleset has a chain that drops what is routed
// through the host.
func dropsForwarded(t *ruleset.Table) bool {
	return t != nil && slices.ContainsFunc(t.Chains, func(c ruleset.Chain) bool {
		return c.Base != nil && c.Base.Hook == ruleset.HookForward
	})
}

func limitWarnings(old, new *exposure.Model) (list []warning) {
	limits, clients := map[string]*exposure.Limit{}, map[string]addr.Set{}
	for _, s := range old.Services {
		limits[s.Name] = s.Limit
	}
	for _, e := range old.Exposures {
		clients[e.Service] = clients[e.Service].Union(e.Sources)
	}
	for _, s := range new.Services {
		if before := limits[s.Name]; before != nil {
			for _, text := range looser(before, s.Limit, clients[s.Name]) {
				list = append(list, warning{caution, s.Name + ": " + text})
			}
		}
	}
	return list
}

// looser is in what a limit holds back its clients so far less than it did.
func looser(before, after *exposure.Limit, clients addr.Set) (words []string) {
	if after == nil {
		return []string{"no source would be held to a rate any more"}
	}
	if after.Rate.PerSecond() > before.Rate.PerSecond() || after.Burst > before.Burst {
		words = append(words, fmt.Sprintf("sources would be held to %s, burst %d, instead of %s, burst %d", after.Rate, after.Burst, before.Rate, before.Burst))
	}
	if exempt := after.Exempt.Intersect(clients).Subtract(before.Exempt); !exempt.IsEmpty() {
		words = append(words, "no limit would hold back "+summed(exempt)+" any more")
	}
	if before.BanFor > 0 && after.BanFor == 0 {
		words = append(words, "who is over the limit would not be banned any more")
	}
	return words
}

// summed is sources in a sentence, summed up where they are many.
func summed(s addr.Set) string { return inSentence(changedSources(s, false)) }
