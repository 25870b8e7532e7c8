package exposure

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

func TestAccept(t *testing.T) {
	const open = "roles: {administrators: {allow: [any]}}\nservices: {www-admin: {enabled: false}}\n"
	const ossbss = "policy.yml:2:33: warning: ossbss is for administrators but open to any [admin-open]"
	const ssh = "policy.yml:2:33: warning: ssh is for administrators but open to any [admin-open]"
	for name, c := range map[string]struct {
		risks          string
		left, accepted []string
	}{
		"whole code":    {"{code: admin-open, reason: lab}", nil, []string{ossbss, ssh}},
		"one service":   {"{code: admin-open, reason: lab, service: ssh}", []string{ossbss}, []string{ssh}},
		"role":          {"{code: admin-open, reason: lab, role: administrators}", nil, []string{ossbss, ssh}},
		"both":          {"{code: admin-open, reason: lab, service: ssh, role: administrators}", []string{ossbss}, []string{ssh}},
		"two":           {"{code: admin-open, reason: lab, service: ssh}, {code: admin-open, reason: x, service: ossbss}", nil, []string{ossbss, ssh}},
		"still holds":   {"{code: admin-open, reason: lab, expires: 2026-06-15}", nil, []string{ossbss, ssh}},
		"other role":    {"{code: admin-open, reason: lab, role: subscribers}", []string{ossbss, ssh, "policy.yml:4:22: warning: nothing here is warned of as admin-open for the role subscribers [accept-risk-unused]"}, nil},
		"other code":    {"{code: role-unused, reason: lab}", []string{ossbss, ssh, "policy.yml:4:22: warning: nothing here is warned of as role-unused [accept-risk-unused]"}, nil},
		"over":          {"{code: admin-open, reason: lab, expires: 2026-06-14}", []string{ossbss, ssh, "policy.yml:4:22: warning: admin-open was accepted until 2026-06-14 and is not any more [accept-risk-unused]"}, nil},
		"error":         {"{code: host-bits, reason: lab}", []string{ossbss, ssh, "policy.yml:4:22: error: host-bits is an error, and only warnings can be accepted [bad-acceptance]"}, nil},
		"unknown":       {"{code: admin-opn, reason: lab}", []string{ossbss, ssh, "policy.yml:4:22: error: there is no warning admin-opn [bad-acceptance]"}, nil},
		"the unused":    {"{code: accept-risk-unused, reason: lab}", []string{ossbss, ssh, "policy.yml:4:22: error: accept-risk-unused can't be accepted [bad-acceptance]"}, nil},
		"named twice":   {"{code: admin-open, reason: lab}, {code: admin-open, reason: more, service: ssh}", nil, []string{ossbss, ssh}},
		"said twice":    {"{code: admin-open, reason: lab}, {code: admin-open, reason: lab}", []string{"policy.yml:4:55: warning: admin-open is accepted already, policy.yml:4 [accept-risk-unused]"}, []string{ossbss, ssh}},
		"said anew":     {"{code: admin-open, reason: lab, expires: 2026-01-01}, {code: admin-open, reason: lab}", []string{"policy.yml:4:22: warning: admin-open was accepted until 2026-01-01 and is not any more [accept-risk-unused]"}, []string{ossbss, ssh}},
		"no acceptance": {"", []string{ossbss, ssh}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := files{policy: open + "accept-risk: [" + c.risks + "]"}.inputs(t)
			_, list := Resolve(in)
			list = Accept(in.Policy, list, in.Now)
			var left, accepted []string
			for _, d := range list {
				if d.Accepted != "" {
					accepted = append(accepted, d.String())
				} else {
					left = append(left, d.String())
				}
			}
			require.Equal(t, c.left, left)
			require.Equal(t, c.accepted, accepted)
			require.Equal(t, len(accepted), list.Accepted())
		})
	}
}

// An acceptance of either of two services that share a port holds for both.
func TestAcceptSharedPort(t *testing.T) {
	for _, service := range []string{"sip", "x"} {
		in := files{policy: admins + "services: {x: {ports: [5060/udp], roles: [subscribers]}}\naccept-risk: [{code: shared-port, reason: both, service: " + service + "}]"}.inputs(t)
		_, list := Resolve(in)
		list = Accept(in.Policy, list, in.Now)
		require.Zero(t, list.Warnings())
		require.Equal(t, 1, list.Accepted())
	}
}

// Where there are errors, what an acceptance is for may not have been found.
func TestUnusedOnlyWithoutErrors(t *testing.T) {
	in := files{policy: admins + "accept-risk: [{code: shared-port, reason: both}]"}.inputs(t)
	require.Empty(t, Accept(in.Policy, diag.List{{Severity: diag.Error}}, time.Time{}).Warnings())
	require.Equal(t, 1, Accept(in.Policy, nil, time.Time{}).Warnings())
}
