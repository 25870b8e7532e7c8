package exposure

import (
	"fmt"
	"slices"
	"time"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/ngcp"
)

// AllCodes are the codes of everything that may be remarked on any of the files.
func AllCodes() []diag.Code { return slices.Concat(policy.Codes, ngcp.Codes, Codes) }

// unusedRisk is the code of an acceptance that silences nothing. It can't be
// accepted: what it asks for is to remove a line.
const unusedRisk = "accept-risk-unused"

// Accept marks the warnings that the policy accepts at that time, and adds what
// there is to say about the acceptances themselves: those of a code that is no
// warning's are errors, those that silence nothing are warned of. It is for the
// whole list of a policy, sorted, and gives a sorted one.
func Accept(p *policy.Policy, list diag.List, now time.Time) diag.List {
	a := acceptance{list: list, now: now, whole: list.Errors() == 0}
	for i, risk := range p.AcceptedRisks {
		switch earlier := slices.IndexFunc(p.AcceptedRisks[:i], a.repeats(risk)); {
		case earlier >= 0:
			a.say(risk, diag.Warning, unusedRisk, subject(risk)+" is accepted already, "+p.AcceptedRisks[earlier].Code.Pos.LineOrigin(), "remove one of the two")
		case a.isWarning(risk):
			a.accept(risk)
		}
	}
	a.list.Sort()
	return a.list
}

type acceptance struct {
	list  diag.List
	now   time.Time
	whole bool // without errors: every warning there would be is there
}

// isWarning reports an acceptance of what can't be accepted.
func (a *acceptance) isWarning(risk policy.AcceptedRisk) bool {
	var warnings []string
	for _, c := range AllCodes() {
		switch {
		case c.Code == risk.Code.Text && c.Severity == diag.Error:
			a.say(risk, diag.Error, "bad-acceptance", c.Code+" is an error, and only warnings can be accepted", c.Do)
			return false
		case c.Code == risk.Code.Text && c.Code == unusedRisk:
			a.say(risk, diag.Error, "bad-acceptance", c.Code+" can't be accepted", "remove the acceptance that silences nothing")
			return false
		case c.Code == risk.Code.Text:
			return true
		case c.Severity == diag.Warning && c.Code != unusedRisk:
			warnings = append(warnings, c.Code)
		}
	}
	a.say(risk, diag.Error, "bad-acceptance", fmt.Sprintf("there is no warning %s", risk.Code.Text), policy.DidYouMean(risk.Code.Text, warnings))
	return false
}

// accept marks what the acceptance speaks of, unless its time is over.
func (a *acceptance) accept(risk policy.AcceptedRisk) {
	over := a.isOver(risk)
	found := false
	for i := range a.list {
		d := &a.list[i]
		if d.Severity != diag.Warning || d.Code != risk.Code.Text || !d.About.Has(risk.Service.Text, risk.Role.Text) {
			continue
		}
		found = true
		if !over && d.Accepted == "" {
			d.Accepted = risk.Reason
		}
	}
	switch {
	case over:
		a.say(risk, diag.Warning, unusedRisk, fmt.Sprintf("%s was accepted until %s and is not any more", risk.Code.Text, risk.Expires.Format(time.DateOnly)),
			"remove the acceptance, or give it a later day")
	case !found && a.whole:
		a.say(risk, diag.Warning, unusedRisk, "nothing here is warned of as "+subject(risk), "remove the acceptance")
	}
}

func (a *acceptance) isOver(risk policy.AcceptedRisk) bool {
	return !risk.Expires.IsZero() && !a.now.Before(risk.Expires.AddDate(0, 0, 1))
}

// repeats finds an acceptance that holds and says the same as this one.
func (a *acceptance) repeats(risk policy.AcceptedRisk) func(policy.AcceptedRisk) bool {
	return func(other policy.AcceptedRisk) bool { return subject(other) == subject(risk) && !a.isOver(other) }
}

func (a *acceptance) say(risk policy.AcceptedRisk, s diag.Severity, code, message, hint string) {
	a.list = append(a.list, diag.Diagnostic{
		Pos: risk.Code.Pos, Width: len(risk.Code.Text), Severity: s, Code: code, Message: message, Hint: hint,
	})
}

// subject is what an acceptance speaks of, in words.
func subject(risk policy.AcceptedRisk) string {
	text := risk.Code.Text
	if risk.Service.Text != "" {
		text += " for the service " + risk.Service.Text
	}
	if risk.Role.Text != "" {
		text += " for the role " + risk.Role.Text
	}
	return text
}
