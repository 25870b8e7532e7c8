package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

func TestAcceptedRisks(t *testing.T) {
	at := func(line, column int) diag.Pos { return diag.Pos{File: "p.yml", Line: line, Column: column} }
	p := parsed(t, "services: {turn: {ports: [9/udp], roles: [peers]}}\nroles: {peers: {}}\naccept-risk:\n"+
		"  - {code: admin-open, reason: ' the lab '}\n"+
		"  - {code: x, service: turn, role: peers, expires: 2027-01-31, reason: long}\n")
	require.Equal(t, []AcceptedRisk{
		{Pos: at(5, 5), Code: Word{"admin-open", at(5, 12)}, Reason: "the lab"},
		{
			Pos: at(6, 5), Code: Word{"x", at(6, 12)}, Reason: "long", Service: Word{"turn", at(6, 24)}, Role: Word{"peers", at(6, 36)},
			Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
		},
	}, p.AcceptedRisks)
}

// An alias means what writing the value out again means, but for the places.
func TestAliasesAreTheirValues(t *testing.T) {
	aliased := parsed(t, "roles: {office: {allow: &o [192.0.2.1]}, branch: {allow: *o}}\nservices: {sip: &s {limit: {rate: 5/second}}, sips: {<<: *s, roles: [office]}}")
	written := parsed(t, "roles: {office: {allow:    [192.0.2.1]}, branch: {allow: [192.0.2.1]}}\nservices: {sip: {limit: {rate: 5/second}}, sips: {limit: {rate: 5/second}, roles: [office]}}")
	require.Equal(t, written.Roles[1].Allow[0].Sources, aliased.Roles[1].Allow[0].Sources)
	require.Equal(t, aliased.Roles[0].Allow, aliased.Roles[1].Allow)
	require.Equal(t, written.Services[1].Limit.Rate, aliased.Services[1].Limit.Rate)
	require.Equal(t, "office", aliased.Services[1].Roles[0].Text)
	require.Empty(t, aliased.Services[0].Roles)
}
