package exposure

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

// admins keeps the warning of administrators that are nobody away.
const admins = "roles: {administrators: {allow: [198.51.100.0/24]}}\n"

func TestWarnings(t *testing.T) {
	const dual = `
hosts:
  self:
    interfaces: [lo, eth0]
    role: [proxy, lb, mgmt, rtp, db]
    lo: {ip: 127.0.0.1, v6ip: '::1', type: [ssh_ext]}
    eth0: {ip: 192.0.2.1, v6ip: '2001:db8::1', type: [sip_ext, rtp_ext, web_ext, web_int, ssh_ext]}
`
	const single = `
hosts:
  self:
    interfaces: [lo, eth0]
    role: [proxy, lb, mgmt, rtp, db]
    lo: {ip: 127.0.0.1, v6ip: '::1', type: [ssh_ext]}
    eth0: {ip: 192.0.2.1, v6ip: 'fe80::1', type: [sip_ext, rtp_ext, web_ext, web_int, ssh_ext]}
`
	for name, c := range map[string]struct {
		files
		want []string
	}{
		"nothing": {files{policy: admins}, nil},

		"admin open": {files{policy: "roles:\n  administrators: {allow: [any]}"}, []string{
			"policy.yml:3:27: warning: ossbss is for administrators but open to any [admin-open]",
			"policy.yml:3:27: warning: ssh is for administrators but open to any [admin-open]",
			"policy.yml:3:27: warning: www-admin is for administrators but open to any [admin-open]"}},
		"admin open by IPv6":        {files{policy: "roles: {administrators: {allow: [any6]}}\nservices: {ossbss: {enabled: false}, www-admin: {roles: [subscribers]}}"}, []string{"policy.yml:2:33: warning: ssh is for administrators but open to any [admin-open]", "policy.yml:3:58: warning: www-admin is for administrators but open to any [admin-open]"}},
		"admin open to subscribers": {files{policy: admins + "services: {ssh: {roles: [administrators, subscribers]}}"}, []string{"policy.yml:3:42: warning: ssh is for administrators but open to any [admin-open]"}},
		"admin off":                 {files{policy: admins + "services: {ssh: {roles: [subscribers], enabled: false}}"}, nil},
		"admin's half is not any":   {files{policy: "roles: {administrators: {allow: [0.0.0.0/1]}}\nservices: {ossbss: {enabled: false}, www-admin: {enabled: false}}"}, []string{"policy.yml:2:34: warning: ssh is for administrators, and 0.0.0.0/1 is wider than a /8 [admin-wide]"}},
		"any but one":               {files{policy: "roles: {all: {allow: [any], except: [192.0.2.1]}, administrators: {allow: [192.0.2.9]}}\nservices: {ssh: {roles: [all]}}"}, []string{"policy.yml:3:26: warning: ssh is for administrators but open to any [admin-open]"}},

		"role unused":       {files{policy: "roles: {administrators: {allow: [192.0.2.1]}, peers: {allow: [192.0.2.1]}}"}, []string{"policy.yml:2:47: warning: no service uses the role peers [role-unused]"}},
		"role of one off":   {files{policy: "roles: {administrators: {allow: [192.0.2.1]}, peers: {allow: [192.0.2.1]}}\nservices: {sip: {roles: [peers], enabled: false}}"}, nil},
		"role exempt":       {files{policy: "roles: {administrators: {allow: [192.0.2.1]}, peers: {allow: [192.0.2.1]}}\nservices: {sip: {limit: {rate: 5/second, exempt: [peers]}}}"}, nil},
		"role never banned": {files{policy: "roles: {administrators: {allow: [192.0.2.1]}, peers: {allow: [192.0.2.1]}}\nnever-ban: [{role: peers}]"}, nil},
		"built-in unused":   {files{policy: admins + "services: {ssh: {enabled: false}, www-admin: {enabled: false}, ossbss: {enabled: false}}"}, nil},

		"IPv6 forgotten":       {files{policy: admins, network: dual, host: "self"}, []string{"policy.yml:2:33: warning: administrators lists IPv4 sources only, and self has IPv6 addresses [ipv6-forgotten]"}},
		"IPv6 not there":       {files{policy: admins, network: single, host: "self"}, nil},
		"IPv6 listed":          {files{policy: "roles: {administrators: {allow: [192.0.2.1, '2001:db8::/32']}}", network: dual, host: "self"}, nil},
		"IPv6 only":            {files{policy: "roles: {administrators: {allow: ['2001:db8::/32']}}", network: dual, host: "self"}, nil},
		"IPv4 on purpose":      {files{policy: admins[:len(admins)-2] + ", phones: {allow: [any4]}}\nservices: {sip: {roles: [phones]}}", network: single, host: "self"}, nil},
		"any4 on a dual stack": {files{policy: "roles: {administrators: {allow: ['2001:db8::/32']}, phones: {allow: [any4]}}\nservices: {sip: {roles: [phones]}}", network: dual, host: "self"}, nil},
		"closed to the role":   {files{policy: admins + "services: {ssh: {enabled: false}, www-admin: {enabled: false}, ossbss: {enabled: false}}", network: dual, host: "self"}, nil},

		"nobody": {files{policy: "services: {www-admin: {enabled: false}}"}, []string{"policy.yml: warning: administrators allows nobody: ssh, ossbss can be reached by nobody [role-empty]"}},
		"nobody left": {files{policy: "roles: {administrators: {allow: [192.0.2.1]}}\ndeny: [192.0.2.0/24]"}, []string{
			"policy.yml:2:33: warning: administrators allows nobody: ssh, www-admin, ossbss can be reached by nobody [role-empty]",
			"policy.yml:2:34: warning: 192.0.2.1 adds nothing to allow: deny takes all of it away [entry-hidden]"}},
		"no role":           {files{policy: admins + "services: {sip: {roles: []}}"}, []string{"policy.yml:3:25: warning: sip has no role: it can be reached by nobody [role-empty]"}},
		"no role, but off":  {files{policy: admins + "services: {sip: {roles: [], enabled: false}}"}, nil},
		"nobody but others": {files{policy: "roles: {administrators: {allow: [192.0.2.1]}, peers: {allow: []}}\nservices: {sip: {roles: [peers, subscribers]}}"}, nil},

		"expired":      {files{policy: "roles: {administrators: {allow: [192.0.2.1, {source: 192.0.2.2, expires: 2026-06-14}]}}"}, []string{"policy.yml:2:45: warning: 192.0.2.2 expired on 2026-06-14 and is left out [expired]"}},
		"expires soon": {files{policy: "deny: [{source: 192.0.2.2, expires: 2026-07-14}]\n" + admins}, []string{"policy.yml:2:8: warning: 192.0.2.2 ends on 2026-07-14 [expires-soon]"}},
		"list expires": {files{policy: "never-ban: [{file: l, expires: 2026-06-30}]\n" + admins, lists: map[string]string{"l": "192.0.2.1\n192.0.2.9\n"}}, []string{"policy.yml:2:13: warning: l ends on 2026-06-30 [expires-soon]"}},

		"nowhere":           {files{policy: admins + "services: {rtp: {interfaces: []}}"}, []string{"policy.yml:3:12: warning: rtp is open on no interface: interfaces is empty, policy.yml:3 [service-nowhere]"}},
		"nowhere but off":   {files{policy: admins + "services: {rtp: {interfaces: [], enabled: false}}"}, nil},
		"no link of type":   {files{policy: admins, host: "self", network: "hosts: {self: {interfaces: [eth0], role: [rtp], eth0: {ip: 192.0.2.1, type: [ssh_ext]}}}"}, []string{"network.yml:1:9: warning: rtp is open on no interface: self has no link of type rtp_ext [service-nowhere]"}},
		"no ssh":            {files{policy: admins, host: "self", network: "hosts: {self: {interfaces: [eth0], role: [db], eth0: {ip: 192.0.2.1, type: [ha_int]}}}"}, []string{"network.yml:1:9: warning: ssh is open on no interface: self has no link of type ssh_ext [service-nowhere]"}},
		"no link but named": {files{policy: admins + "services: {rtp: {interfaces: [eth0]}}", host: "self", network: "hosts: {self: {interfaces: [eth0], role: [rtp], eth0: {ip: 192.0.2.1, type: [ssh_ext]}}}"}, nil},
		"spoken of, no role": {files{policy: admins + "services: {xmpp-client: {limit: {rate: 1/second}}}", host: "self", network: "hosts: {self: {interfaces: [eth0], role: [db], eth0: {ip: 192.0.2.1, type: [ssh_ext]}}}"}, []string{
			"policy.yml:3:12: warning: xmpp-client is open on no interface: self does not have the role lb or proxy in network.yml [service-nowhere]"}},
		"interface missing":       {files{policy: admins + "services: {rtp: {interfaces: [eth0, eth9]}}", host: "self", network: single}, []string{"policy.yml:3:37: warning: self has no interface eth9 in network.yml [interface-missing]"}},
		"interface of one's own":  {files{policy: admins + "services: {x: {ports: [9/udp], roles: [subscribers], interfaces: [eth9]}}", host: "self", network: single}, []string{"policy.yml:3:67: warning: self has no interface eth9 in network.yml [interface-missing]"}},
		"interface, no network":   {files{policy: admins + "services: {rtp: {interfaces: [eth9]}}"}, nil},
		"interface missing, off":  {files{policy: admins + "services: {rtp: {interfaces: [eth9], enabled: false}}", host: "self", network: single}, nil},
		"cluster without network": {files{policy: admins + "services: {cluster: {enabled: true}}"}, nil},

		"shared": {files{policy: admins + "services: {x: {ports: [5000-6000/udp], roles: [subscribers]}}"}, []string{"policy.yml:3:12: warning: sip and x share 5060/udp: it is open to the union of both [shared-port]"}},
		"shared several": {files{policy: admins + "services: {x: {ports: [5000-6000/udp, 5060/tcp, 22/tcp], roles: [subscribers, administrators]}}"}, []string{
			"policy.yml:3:12: warning: sip and x share 5060/tcp, 5060/udp: it is open to the union of both [shared-port]",
			"policy.yml:3:12: warning: ssh and x share 22/tcp: it is open to the union of both [shared-port]",
			"policy.yml:3:66: warning: ssh is for administrators but x opens its ports to any [admin-open]"}},
		"administrators' ports, and no administrators": {files{policy: "services: {x: {ports: [20-30/tcp], roles: [subscribers, y]}, ossbss: {enabled: false}, www-admin: {enabled: false}}\nroles: {y: {allow: [192.0.2.1]}}"}, []string{
			"policy.yml: warning: administrators allows nobody: ssh can be reached by nobody [role-empty]",
			"policy.yml:2:12: warning: ssh and x share 22/tcp: it is open to the union of both [shared-port]",
			"policy.yml:2:44: warning: ssh is for administrators but x opens its ports to any [admin-open]"}},
		"own service for administrators": {files{policy: "roles: {administrators: {allow: [any]}}\nservices: {x: {ports: [9/tcp], roles: [administrators]}, y: {ports: [8/tcp], roles: [administrators, subscribers]}, ssh: {enabled: false}, ossbss: {enabled: false}, www-admin: {enabled: false}}"}, []string{
			"policy.yml:3:40: warning: x is for administrators but open to any [admin-open]"}},
		"shared in config.yml": {files{policy: admins, config: "sshd: {port: 443}"}, []string{
			"config.yml:1:14: warning: www-csc and ssh share 443/tcp: it is open to the union of both [shared-port]",
			"policy.yml: warning: ssh is for administrators but www-csc opens its ports to any [admin-open]"}},
		"shared by a moved one": {files{policy: admins + "services: {sip: {ports: [443/tcp]}}"}, []string{"policy.yml:3:12: warning: www-csc and sip share 443/tcp: it is open to the union of both [shared-port]"}},
		"not the protocol":      {files{policy: admins + "services: {x: {ports: [5060/sctp, 22/udp], roles: [subscribers]}}"}, nil},
		"not the links":         {files{policy: admins + "services: {x: {ports: [22/tcp], roles: [subscribers], interfaces: [eth1]}, ssh: {interfaces: [eth0]}}"}, nil},
		"not the addresses":     {files{policy: admins + "services: {x: {ports: [22/tcp], roles: [subscribers], addresses: [192.0.2.1]}, ssh: {addresses: [192.0.2.2]}}"}, nil},
		"shared with one off":   {files{policy: admins + "services: {x: {ports: [22/tcp], roles: [subscribers]}, ssh: {enabled: false}}"}, nil},
		"range next to a port":  {files{policy: admins + "services: {x: {ports: [5000-5059/udp, 5061-5070/udp], roles: [subscribers]}}"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, append([]string{}, c.want...), c.remarks(t))
		})
	}
}

func TestExpiryEdges(t *testing.T) {
	const text = "roles: {administrators: {allow: [192.0.2.1, {source: 192.0.2.2, expires: 2026-06-30}]}}"
	for now, want := range map[string]string{
		"2026-05-30T23:59:59Z":      "",
		"2026-05-31T00:00:00Z":      "expires-soon", // 30 days before it
		"2026-06-30T00:00:00Z":      "expires-soon",
		"2026-06-30T23:59:59Z":      "expires-soon",
		"2026-07-01T01:59:59+02:00": "expires-soon",
		"2026-07-01T00:00:00Z":      "expired",
		"2036-07-01T00:00:00Z":      "expired",
	} {
		t.Run(now, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, now)
			require.NoError(t, err)
			m, diags := Resolve(files{policy: text, now: at}.inputs(t))
			got := ""
			if len(diags) > 0 {
				got = diags[0].Code
				require.NotEmpty(t, diags[0].Hint)
			}
			require.Equal(t, want, got)
			sources := m.Exposures[len(m.Exposures)-1].Sources
			require.Equal(t, want != "expired", sources.Contains(from("192.0.2.2")))
		})
	}
}

func TestEveryCodeIsListed(t *testing.T) {
	known := map[string]bool{}
	for _, c := range Codes {
		known[c.Code] = true
	}
	_, diags := Resolve(files{policy: `
roles: {administrators: {allow: [any, 192.0.2.1, {source: 192.0.2.9, expires: 2026-06-14}, {source: 192.0.2.8, expires: 2026-06-16}]}, unused: {}}
services: {rtp: {interfaces: []}, sip: {ports: [22/tcp], interfaces: [eth9]}, x: {ports: [9/udp], roles: [four, nobody]}, y: {ports: [9/udp], roles: [nobody]}}
`[1:], network: pair, host: "sp1", config: "sshd: {port: 0}"}.withRole(t, "four", "nobody"))
	in := files{network: outside("ip: 192.0.2.1"), host: "self", policy: `
roles: {administrators: {allow: [10.0.0.0/7, 10.0.0.1], except: [192.0.2.1]}, subscribers: {allow: [10.0.0.9]}}
deny: [192.0.2.2]
`[1:]}.inputs(t)
	in.Links = []string{"lo"}
	_, more := Resolve(in)
	diags = append(diags, more...)
	seen := map[string]bool{unusedRisk: true, "list-unused": true} // not of Resolve
	for _, d := range diags {
		if d.Severity == diag.Error {
			continue
		}
		require.True(t, known[d.Code], d.Code)
		seen[d.Code] = true
	}
	require.Equal(t, known, seen)
}

// withRole writes the roles into the policy: the first one lists IPv4 only, the
// others nobody.
func (f files) withRole(t *testing.T, four string, empty ...string) Inputs {
	text := "roles: {" + four + ": {allow: [192.0.2.0/24]}, "
	for _, name := range empty {
		text += name + ": {allow: []}, "
	}
	f.policy = text + f.policy[len("roles: {"):]
	return f.inputs(t)
}
