package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ngcp-fw/firewall/hook"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// The kinds of findings.
const (
	CodeAdmin     Code = "admin-open"       // an administrators' service that any may reach
	CodeBeyond    Code = "not-in-policy"    // somebody gets in whom the policy does not let in
	CodeUndecided Code = "undecided"        // nobody can tell whether somebody gets in
	CodeMedia     Code = "media"            // about the rule that forwards media, in package mediaproxy's words
	CodeUnheard   Code = "nobody-listens"   // the policy opens it, and nobody listens
	CodePort      Code = "other-port"       // a service's program listens where the service table does not know it
	CodeBound     Code = "bound-everywhere" // it listens on every address, though NGCP binds it to some
	CodeBlocked   Code = "blocked"          // the policy lets somebody in who does not get in
)

// Codes is all kinds of findings, the worst first.
var Codes = []Code{CodeAdmin, CodeBeyond, CodeUndecided, CodeMedia, CodeUnheard, CodePort, CodeBound, CodeBlocked}

// rank is how bad an entry is; more is better.
func (e Entry) rank() int {
	if len(e.Findings) == 0 {
		return len(Codes)
	}
	return slices.Index(Codes, e.Findings[0].Code)
}

// worse orders entries: by their worst findings, those that any can reach first,
// then by port.
func worse(x, y Entry) int {
	return cmp.Or(cmp.Compare(x.rank(), y.rank()), cmp.Compare(reaches[x.Reach], reaches[y.Reach]), cmp.Compare(x.Port, y.Port),
		cmp.Compare(x.Protocol, y.Protocol), x.Address.Compare(y.Address))
}

// reaches is the order of the reaches.
var reaches = map[Reach]int{ReachAny: 0, ReachRoles: 1, ReachLocal: 2, ReachNobody: 3}

// findings is what is wrong with a socket, the worst first.
func (a audit) findings(e *Entry, all []trial) (found []Finding) {
	add := func(code Code, text string) {
		if text != "" {
			found = append(found, Finding{code, text})
		}
	}
	admin := a.adminOpen(e)
	add(CodeAdmin, admin)
	if admin == "" {
		add(CodeBeyond, a.beyond(e, all))
	}
	add(CodeUndecided, a.undecided(all))
	add(CodePort, a.otherPort(e))
	add(CodeBound, a.boundEverywhere(e))
	add(CodeBlocked, a.blocked(all))
	return found
}

// adminServices is NGCP's table of what is for administrators.
var adminServices = []string{"ssh", "www-admin", "ossbss"}

// adminOpen is about what any may reach though it is for administrators: NGCP's
// services, and those that the policy gives to that role.
func (a audit) adminOpen(e *Entry) string {
	if e.Reach != ReachAny || !a.forAdmins(e.Service) || !e.From.Overlaps(a.outside) {
		return ""
	}
	text := fmt.Sprintf("%s is for administrators, but %s can reach it", e.Service, a.sources(e.From))
	return text + a.because(e.Why)
}

func (a audit) forAdmins(service string) bool {
	if slices.Contains(adminServices, service) {
		return true
	}
	i := slices.IndexFunc(a.Model.Services, func(s exposure.Service) bool { return s.Name == service })
	return i >= 0 && slices.Contains(a.Model.Services[i].Roles, policy.Administrators) && len(a.Model.Services[i].Roles) == 1
}

// because adds what lets somebody in.
func (a audit) because(why string) string {
	if why == "" {
		return ", and no chain is there to stop it"
	}
	return ", let in by " + why
}

// beyond is about those who get in without the policy's leave.
func (a audit) beyond(e *Entry, all []trial) string {
	meant := func(t trial) bool { return t.outcome.Verdict == hook.Accept && !t.allowed }
	who := gather(all, meant)
	if who.IsEmpty() {
		return ""
	}
	what := "the policy opens it to nobody"
	switch {
	case e.Service != "" && a.open(e.Service):
		what = "the policy opens it to fewer"
	case e.Service != "":
		what = "the policy has " + e.Service + " closed"
	}
	cause := a.because(why(slices.DeleteFunc(slices.Clone(all), func(t trial) bool { return !meant(t) }), a.outside))
	if a.Model.Observe && a.InForce {
		cause = ": observe is on, so what would be dropped is not"
	}
	return fmt.Sprintf("%s can reach it, but %s%s", a.sources(who), what, cause)
}

func (a audit) open(service string) bool {
	return slices.ContainsFunc(a.Model.Exposures, func(e exposure.Exposure) bool { return e.Service == service })
}

// undecided is about those of whom nobody can tell whether they get in; who does
// so by another link, or to another address, is told already.
func (a audit) undecided(all []trial) string {
	certain := gather(all, func(t trial) bool { return t.outcome.Verdict == hook.Accept })
	who, how := a.remaining(all, certain, func(t trial) bool { return t.outcome.Verdict == hook.Unknown })
	if how == "" {
		return ""
	}
	return fmt.Sprintf("whether %s can reach it cannot be told: %s", who, how)
}

// blocked is about those whom the policy lets in, and others' chains, or an older
// policy of ours, don't: not by any link. Bans are meant so.
func (a audit) blocked(all []trial) string {
	in := gather(all, trial.enters)
	who, how := a.remaining(all, in, func(t trial) bool { return !t.enters() && t.allowed && !a.banned(t) })
	if how == "" {
		return ""
	}
	return fmt.Sprintf("the policy lets %s in, but %s does not", who, how)
}

// gather is the sources of the trials that are meant.
func gather(all []trial, meant func(trial) bool) addr.Set {
	var b addr.Builder
	for _, t := range all {
		if meant(t) {
			b.AddSet(t.sources)
		}
	}
	return b.Set()
}

// remaining is words for the sources of the trials that are meant, but for some,
// and for what decides on the first of them; how is "" where there is none.
func (a audit) remaining(all []trial, but addr.Set, meant func(trial) bool) (who, how string) {
	left := func(t trial) bool { return meant(t) && !but.Covers(t.sources) }
	i := slices.IndexFunc(all, left)
	if i < 0 {
		return "", ""
	}
	return a.sources(gather(all, left).Subtract(but)), told(all[i].outcome)
}

func (a audit) banned(t trial) bool {
	return t.outcome.Table == a.Own && strings.Contains(t.outcome.Rule, "@banned")
}

// otherPort is about a program that serves a service, but listens where the service
// table has nothing, while nobody listens at that service's port.
func (a audit) otherPort(e *Entry) string {
	if e.Service != "" || e.Reach == ReachLocal && e.Address.IsLoopback() {
		return ""
	}
	for _, x := range a.Model.Exposures {
		for _, p := range x.Ports {
			if p.Protocol == e.Protocol && slices.Contains(programs[x.Service], e.Process) && !a.heard(x, p) {
				return fmt.Sprintf("%s listens here, but %s is %s (%s), where nobody listens", e.Process, x.Service, p, a.portsFrom(x.Service))
			}
		}
	}
	return ""
}

func (a audit) portsFrom(service string) string {
	for _, s := range a.Model.Services {
		if s.Name == service {
			return s.PortsFrom.LineOrigin()
		}
	}
	return ""
}

func (a audit) boundEverywhere(e *Entry) string {
	if !e.Address.IsUnspecified() || e.Link != "" {
		return ""
	}
	for _, b := range bounds {
		if b.protocol == e.Protocol && b.port == e.Port {
			return fmt.Sprintf("it listens on every address; NGCP binds %s to %s", b.what, b.where)
		}
	}
	return ""
}

// silence is what to say of an open port where nobody listens.
func (a audit) silence(e *Entry) []Finding {
	text := "the policy opens it, and nobody listens"
	for _, s := range a.sockets {
		port := policy.Ports{Protocol: policy.Protocol(s.Protocol), From: s.At.Port(), To: s.At.Port()}
		at := s.At.Addr()
		switch {
		case s.Protocol != uint8(e.Protocol):
		case e.Port <= port.From && port.From <= e.LastPort:
			text = fmt.Sprintf("the policy opens it, and %s listens on %s only", orSomebody(s.Process), at)
		case slices.Contains(programs[e.Service], s.Process) && !at.IsLoopback() && a.service(port.Protocol, port.From, at) == nil:
			text = fmt.Sprintf("the policy opens it, and nobody listens; %s listens on %s", s.Process, port)
		}
	}
	return []Finding{{CodeUnheard, text}}
}

func orSomebody(process string) string {
	if process == "" {
		return "somebody"
	}
	return process
}

// shown is how many prefixes a sentence names.
const shown = 3

// sources is words for who gets in.
func (h *Host) sources(s addr.Set) string {
	if h.outsiders(s) {
		return h.family(s)
	}
	for _, role := range slices.Sorted(maps.Keys(h.roles)) {
		if s.Intersect(h.everybody).Equal(h.roles[role].Intersect(h.everybody)) {
			return role
		}
	}
	names := s.Strings()
	if but := h.everybody.Intersect(families(s)).Subtract(s).Strings(); len(but) < len(names) {
		return h.family(s) + " but " + some(but)
	}
	return some(names)
}

// some names the first few.
func some(names []string) string {
	if len(names) > shown+1 {
		return fmt.Sprintf("%s and %d other prefixes", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}

// family is words for everybody of the families that the set has addresses of.
func (h *Host) family(s addr.Set) string {
	switch {
	case !s.Has6() && h.has6():
		return "any IPv4 source"
	case !s.Has4():
		return "any IPv6 source"
	}
	return "any source"
}

// has6 tells whether the host has IPv6 addresses that others reach.
func (h *Host) has6() bool {
	for _, l := range h.Links {
		for _, a := range l.Addrs {
			if ip := a.Addr(); !l.Loopback && ip.Is6() && !ip.IsLinkLocalUnicast() {
				return true
			}
		}
	}
	return false
}
