package exposure

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// outside is a host with one link to the outside.
func outside(addresses string) string {
	return "hosts: {self: {interfaces: [eth0], role: [lb, mgmt, rtp], eth0: {" + addresses + ", type: [sip_ext, rtp_ext, web_ext, web_int, ssh_ext]}}}"
}

func TestIdleEntries(t *testing.T) {
	const closed = "services: {www-csc: {enabled: false}, sip: {enabled: false}, sips: {enabled: false}, rtp: {enabled: false}, xcap: {enabled: false}, xmpp-client: {enabled: false}, xmpp-server: {enabled: false}}\n"
	const idle = "policy.yml:2:61: warning: 192.0.2.1 takes nothing from administrators: allow lists none of it [except-unused]"
	for name, c := range map[string]struct {
		policy string
		want   []string
	}{
		"except of nothing":    {"roles: {administrators: {allow: [198.51.100.0/24], except: [192.0.2.1]}}", []string{idle}},
		"except of any":        {"roles: {administrators: {allow: [198.51.100.0/24]}, subscribers: {except: [192.0.2.1]}}", nil},
		"except of a part":     {"roles: {administrators: {allow: [198.51.100.0/24], except: [198.51.100.128-198.51.101.9]}}", nil},
		"except's neighbour":   {"roles: {administrators: {allow: [198.51.100.0/24], except: [198.51.101.0]}}", []string{"policy.yml:2:61: warning: 198.51.101.0 takes nothing from administrators: allow lists none of it [except-unused]"}},
		"except, other family": {"roles: {administrators: {allow: [198.51.100.0/24], except: ['2001:db8::/32']}}", []string{"policy.yml:2:61: warning: 2001:db8::/32 takes nothing from administrators: allow lists none of it [except-unused]"}},
		"except and deny": {"roles: {administrators: {allow: [198.51.100.0/24], except: [198.51.100.1]}}\ndeny: [198.51.100.0/31]", []string{
			"policy.yml:2:61: warning: 198.51.100.1 takes nothing from administrators: deny refuses all of it [except-unused]"}},
		"except expired": {"roles: {administrators: {allow: [198.51.100.0/24], except: [{source: 192.0.2.1, expires: 2026-01-01}]}}", []string{
			"policy.yml:2:61: warning: 192.0.2.1 expired on 2026-01-01 and is left out [expired]"}},
		"except in except": {"roles: {administrators: {allow: [198.51.100.0/24], except: [192.0.2.1, 192.0.2.0/24]}}", []string{
			"policy.yml:2:61: warning: 192.0.2.1 adds nothing to except: 192.0.2.0/24 covers it (policy.yml:2) [entry-hidden]",
			"policy.yml:2:72: warning: 192.0.2.0/24 takes nothing from administrators: allow lists none of it [except-unused]"}},

		"deny of nothing":  {admins + closed + "deny: [192.0.2.0/24]", []string{"policy.yml:4:8: warning: 192.0.2.0/24 takes nothing from any role: no service is open to it [deny-unused]"}},
		"deny of any":      {admins + "deny: [192.0.2.0/24]", nil},
		"deny of an admin": {admins + closed + "deny: [198.51.100.7]", nil},
		"deny of a part":   {admins + closed + "deny: [198.51.0.0-198.51.100.0]", nil},
		"deny in deny, first": {admins + closed + "deny: [192.0.2.0/24, 192.0.2.1]", []string{
			"policy.yml:4:22: warning: 192.0.2.1 adds nothing to deny: 192.0.2.0/24 covers it (policy.yml:4) [entry-hidden]",
			"policy.yml:4:8: warning: 192.0.2.0/24 takes nothing from any role: no service is open to it [deny-unused]"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.ElementsMatch(t, c.want, files{policy: c.policy}.remarks(t))
		})
	}
}

func TestWideAdmin(t *testing.T) {
	const one = "services: {www-admin: {enabled: false}, ossbss: {enabled: false}}\n"
	said := func(entry, than string) string {
		return "policy.yml:3:34: warning: ssh is for administrators, and " + entry + " is wider than a " + than + " [admin-wide]"
	}
	open := "policy.yml:3:33: warning: ssh is for administrators but open to any [admin-open]"
	for allow, want := range map[string][]string{
		"12.0.0.0/8":                nil,
		"12.0.0.0/7":                {said("12.0.0.0/7", "/8")},
		"12.0.0.0-13.0.0.0":         {said("12.0.0.0-13.0.0.0", "/8")},
		"12.128.0.0-13.127.255.255": nil,
		"0.0.0.0/1":                 {said("0.0.0.0/1", "/8")},
		"any4":                      {open},
		"any":                       {open},
		"'2001::/16'":               nil,
		"'2000::/15'":               {said("2000::/15", "/16")},
		"'2000::/4'":                {said("2000::/4", "/16")},
		"'2000::/3'":                {open},
		"'2001::-2002::'":           {said("2001::-2002::", "/16")},
		"192.0.2.1":                 nil,
		"{file: l}":                 {said("l", "/8")},
	} {
		t.Run(allow, func(t *testing.T) {
			f := files{policy: one + "roles: {administrators: {allow: [" + allow + "]}}", lists: map[string]string{"l": "192.0.2.1\n64.0.0.0/8\n65.0.0.0/8\n"}}
			require.Equal(t, append([]string{}, want...), f.remarks(t))
		})
	}
	for allow, want := range map[string]string{
		"a: {allow: [12.0.0.0/8]}, b: {allow: [14.0.0.0/8]}":                                   "ssh is for administrators, and a and b is wider than a /8 in all [admin-wide]",
		"a: {allow: [12.0.0.0/8]}, b: {allow: [12.128.0.0/9]}":                                 "",
		"a: {allow: [12.0.0.0/8, 14.0.0.1]}, b: {allow: [192.0.2.1]}":                          "ssh is for administrators, and a and b is wider than a /8 in all [admin-wide]",
		"a: {allow: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]}, b: {allow: [12.0.0.0/8]}":    "",
		"a: {allow: ['2001::/17', '2001:8000::/17']}, b: {allow: ['2003::/16']}":               "ssh is for administrators, and a and b is wider than a /16 in all [admin-wide]",
		"a: {allow: [0.0.0.0/1], except: [127.0.0.1]}, b: {allow: [128.0.0.0/1]}":              "ssh is for administrators but open to any by a and b together [admin-open]",
		"a: {allow: ['2000::/4', '2001:db8::/32']}, b: {allow: ['3000::/4']}":                  "ssh is for administrators but open to any by a and b together [admin-open]",
		"a: {allow: [" + slashEights(1, 64) + "]}, b: {allow: [" + slashEights(64, 200) + "]}": "ssh is for administrators but open to any [admin-open]",
	} {
		t.Run(allow, func(t *testing.T) {
			f := files{policy: "roles: {administrators: {allow: [192.0.2.9]}, " + allow + "}\nservices: {ssh: {roles: [a, b]}, www-admin: {enabled: false}, ossbss: {enabled: false}}"}
			said := strings.Join(f.remarks(t), "\n")
			if want == "" {
				require.NotContains(t, said, "[admin-")
				return
			}
			require.Contains(t, said, want)
		})
	}
	require.Empty(t, files{policy: "roles: {administrators: {allow: [192.0.2.1]}, subscribers: {allow: [0.0.0.0/1]}}"}.remarks(t), "subscribers may be many")
}

func TestPrivateSources(t *testing.T) {
	const public = "ip: 192.0.2.1, v6ip: '2001:db8::1'"
	for name, c := range map[string]struct {
		allow, network, host string
		private              string // "" if nothing is said
	}{
		"RFC 1918":           {"10.1.0.0/16", outside(public), "self", "10.1.0.0/16"},
		"RFC 1918, middle":   {"172.31.255.255", outside(public), "self", "172.31.255.255"},
		"RFC 1918, last":     {"192.168.0.0/16", outside(public), "self", "192.168.0.0/16"},
		"next to RFC 1918":   {"172.32.0.0", outside(public), "self", ""},
		"carrier":            {"100.64.0.0/10", outside(public), "self", "100.64.0.0/10"},
		"before carrier":     {"100.63.255.255", outside(public), "self", ""},
		"RFC 4193":           {"'fd00:1::/64'", outside(public), "self", "fd00:1::/64"},
		"link local":         {"169.254.1.1", outside(public), "self", "169.254.1.1"},
		"link local IPv6":    {"'fe80::1'", outside(public), "self", "fe80::1"},
		"public":             {"198.51.100.1", outside(public), "self", ""},
		"around":             {"8.0.0.0/6", outside(public), "self", ""},
		"private link":       {"10.1.0.0/16", outside("ip: 10.0.0.1"), "self", ""},
		"mixed link":         {"10.1.0.0/16", outside(public + ", shared_ip: [10.0.0.1]"), "self", ""},
		"no address":         {"10.1.0.0/16", outside("ip: ~"), "self", ""},
		"no network.yml":     {"10.1.0.0/16", "", "", ""},
		"another link too":   {"10.1.0.0/16", "hosts: {self: {interfaces: [eth0, eth1], role: [db], eth0: {ip: 192.0.2.1, type: [ssh_ext]}, eth1: {ip: 10.0.0.1, type: [ssh_ext]}}}", "self", ""},
		"two such links":     {"10.1.0.0/16", "hosts: {self: {interfaces: [eth0, eth1], role: [db], eth0: {ip: 192.0.2.1, type: [ssh_ext]}, eth1: {ip: 192.0.2.129, type: [ssh_ext]}}}", "self", "10.1.0.0/16"},
		"an alias's address": {"10.1.0.0/16", "hosts: {self: {interfaces: [eth0, 'eth0:1'], role: [db], eth0: {ip: 192.0.2.1, type: [ssh_ext]}, 'eth0:1': {ip: 10.0.0.1, type: [ha_int]}}}", "self", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := files{policy: "roles: {administrators: {allow: [" + c.allow + "]}}", network: c.network, host: c.host}
			var found []string
			_, diags := Resolve(f.inputs(t))
			for _, d := range diags {
				if d.Code == "private-source" {
					found = append(found, d.Message)
					require.Equal(t, "administrators", d.About.Role)
				}
			}
			if c.private == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0], c.private+" is private, and ssh")
		})
	}
}

func TestMissingLinks(t *testing.T) {
	const network = "hosts: {self: {interfaces: [lo, eth0, 'eth0:1', eth1], role: [db], lo: {ip: 127.0.0.1, type: [ssh_ext]}, eth0: {ip: 10.0.0.1, type: [ssh_ext]}, 'eth0:1': {ip: 10.0.0.2, type: [ha_int]}, eth1: {ip: 10.0.1.1, type: [ha_int]}}}"
	for name, c := range map[string]struct {
		links []string
		want  []string
	}{
		"another machine": {nil, nil},
		"all there":       {[]string{"lo", "eth0", "eth1", "eth2"}, nil},
		"one is not":      {[]string{"lo", "eth1"}, []string{"this machine has no interface eth0"}},
		"none is":         {[]string{"lo"}, []string{"this machine has no interface eth0", "this machine has no interface eth1"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := files{policy: admins, network: network, host: "self"}.inputs(t)
			in.Links = c.links
			_, diags := Resolve(in)
			var found []string
			for _, d := range diags {
				require.Equal(t, "link-missing", d.Code)
				found = append(found, d.Message)
			}
			require.Equal(t, c.want, found)
		})
	}
}

func TestPortsOfOneServiceAreJoined(t *testing.T) {
	for ports, want := range map[string][]string{
		"100-200/tcp, 150/tcp":              {"100-200/tcp"},
		"180-250/tcp, 100-200/tcp":          {"100-250/tcp"},
		"100-200/tcp, 200-201/tcp, 1/tcp":   {"1/tcp", "100-201/tcp"},
		"100/tcp, 101/tcp":                  {"100/tcp", "101/tcp"},
		"100-200/tcp, 150/udp":              {"100-200/tcp", "150/udp"},
		"100-200/tcp, 110/tcp, 150-300/tcp": {"100-300/tcp"},
	} {
		m, _ := Resolve(files{policy: admins + "services: {x: {ports: [" + ports + "], roles: [administrators]}}"}.inputs(t))
		require.Equal(t, want, PortNames(m.Services[len(m.Services)-1].Ports), ports)
		require.Equal(t, want, PortNames(m.Exposures[len(m.Exposures)-1].Ports), ports)
	}
}

// slashEights lists /8s by their halves, none of them wide by itself.
func slashEights(from, to int) string {
	var all []string
	for n := from; n < to; n++ {
		all = append(all, fmt.Sprintf("%d.0.0.0/9, %d.128.0.0/9", n, n))
	}
	return strings.Join(all, ", ")
}
