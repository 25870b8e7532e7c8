package exposure

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
)

func TestTableHasTheServicesOfTheLanguage(t *testing.T) {
	var names []string
	for _, row := range table {
		names = append(names, row.name)
	}
	require.Equal(t, policy.BuiltinServices, names)
}

// on and off are values of want.enabled with where they come from.
const (
	on  = "on, built in"
	off = "off, built in"
)

func TestServiceTable(t *testing.T) {
	const none = "" // no config.yml
	const other = "other: {option: 1}"
	for name, c := range map[string]struct {
		service, config, policy string
		ports, from, enabled    string
		closed                  string
	}{
		"www-csc default":       {"www-csc", none, "", "443/tcp", "built in", on, ""},
		"www-csc not set":       {"www-csc", other, "", "443/tcp", "built in", on, ""},
		"www-csc old":           {"www-csc", "www_csc: {apache: {port: '8443'}}", "", "8443/tcp", "config.yml:1", on, ""},
		"www-csc new":           {"www-csc", "www_admin:\n  http_csc:\n    port: 8444", "", "8444/tcp", "config.yml:3", on, ""},
		"www-csc both":          {"www-csc", "www_csc: {apache: {port: 8443}}\nwww_admin: {http_csc: {port: 8444}}", "", "8443/tcp", "config.yml:1", on, ""},
		"www-csc null":          {"www-csc", "www_csc: ~\nwww_admin: {http_csc: {port: 8444}}", "", "8444/tcp", "config.yml:2", on, ""},
		"sip default":           {"sip", none, "", "5060/tcp 5060/udp", "built in", on, ""},
		"sip":                   {"sip", "kamailio: {lb: {port: 5070}}", "", "5070/tcp 5070/udp", "config.yml:1", on, ""},
		"sip old":               {"sip", "kamailio: {port: 5071}", "", "5071/tcp 5071/udp", "config.yml:1", on, ""},
		"sip old without tcp":   {"sip", "kamailio: {port: 5071, disable_tcp: yes}", "", "5071/udp", "config.yml:1", on, ""},
		"sip old with tcp":      {"sip", "kamailio: {port: 5071, disable_tcp: no}", "", "5071/tcp 5071/udp", "config.yml:1", on, ""},
		"sip new keeps tcp":     {"sip", "kamailio: {port: 5071, disable_tcp: yes, lb: {port: 5070}}", "", "5070/tcp 5070/udp", "config.yml:1", on, ""},
		"sip policy":            {"sip", "kamailio: {lb: {port: 5070}}", "services: {sip: {ports: [5090/udp]}}", "5090/udp", "policy.yml:2", on, ""},
		"sip-extra default":     {"sip-extra", none, "", "", "built in", on, "no kamailio.lb.extra_sockets"},
		"sip-extra null":        {"sip-extra", "kamailio: {lb: {extra_sockets: ~}}", "", "", "built in", on, "no kamailio.lb.extra_sockets"},
		"sip-extra":             {"sip-extra", "kamailio: {lb: {extra_sockets: {a: 'tcp:192.0.2.1:5080', b: '192.0.2.1:5070'}}}", "", "5080/tcp 5070/udp", "config.yml:1", on, ""},
		"sip-extra twice":       {"sip-extra", "kamailio: {lb: {extra_sockets: {a: '192.0.2.1:5080', b: '192.0.2.2:5080'}}}", "", "5080/udp", "config.yml:1", on, ""},
		"sip-extra policy":      {"sip-extra", "kamailio: {lb: {extra_sockets: {a: '192.0.2.1:5080'}}}", "services: {sip-extra: {ports: [5081/udp, 5081/udp]}}", "5081/udp", "policy.yml:2", on, ""},
		"sips default":          {"sips", none, "", "5061/tcp", "built in", on, ""},
		"sips not set":          {"sips", other, "", "5061/tcp", "built in", off, "kamailio.lb.tls.enable is missing, which means no"},
		"sips on":               {"sips", "kamailio:\n  lb:\n    tls:\n      port: '5063'\n      enable: yes", "", "5063/tcp", "config.yml:4", "on, config.yml:5", ""},
		"sips off":              {"sips", "kamailio: {lb: {tls: {port: 5063, enable: no}}}", "", "5063/tcp", "config.yml:1", "off, config.yml:1", "kamailio.lb.tls.enable is no, config.yml:1"},
		"sips policy on":        {"sips", "kamailio: {lb: {tls: {enable: no}}}", "services: {sips: {enabled: true}}", "5061/tcp", "built in", "on, policy.yml:2", ""},
		"sips policy off":       {"sips", "kamailio: {lb: {tls: {enable: yes}}}", "services: {sips: {enabled: false}}", "5061/tcp", "built in", "off, policy.yml:2", "enabled is false, policy.yml:2"},
		"sips policy ports":     {"sips", other, "services: {sips: {ports: [5066/tcp]}}", "5066/tcp", "policy.yml:2", off, "kamailio.lb.tls.enable is missing, which means no"},
		"rtp default":           {"rtp", none, "", "30000-40000/udp", "built in", on, ""},
		"rtp old":               {"rtp", "rtpproxy: {minport: 20000, maxport: '44999'}", "", "20000-44999/udp", "config.yml:1", on, ""},
		"rtp new":               {"rtp", "rtpengine: {minport: 20000, maxport: 44999}", "", "20000-44999/udp", "config.yml:1", on, ""},
		"rtp both":              {"rtp", "rtpengine: {minport: 1, maxport: 2}\nrtpproxy: {minport: 20000, maxport: 44999}", "", "20000-44999/udp", "config.yml:2", on, ""},
		"rtp low end":           {"rtp", "rtpproxy: {minport: 20000}", "", "20000-40000/udp", "config.yml:1", on, ""},
		"rtp high end":          {"rtp", "rtpproxy:\n  maxport: 44999", "", "30000-44999/udp", "config.yml:2", on, ""},
		"rtp ends of two":       {"rtp", "rtpproxy: {minport: 20000}\nrtpengine: {maxport: 50000}", "", "20000-40000/udp", "config.yml:1", on, ""},
		"rtp one port":          {"rtp", "rtpproxy: {minport: 20000, maxport: 20000}", "", "20000/udp", "config.yml:1", on, ""},
		"rtp policy":            {"rtp", "rtpproxy: {minport: 20000}", "services: {rtp: {ports: [1000-2000/udp]}}", "1000-2000/udp", "policy.yml:2", on, ""},
		"xcap default":          {"xcap", none, "", "1080/tcp", "built in", on, ""},
		"xcap not set":          {"xcap", other, "", "1080/tcp", "built in", off, "no nginx.xcap_port"},
		"xcap":                  {"xcap", "nginx: {xcap_port: 1081}", "", "1081/tcp", "config.yml:1", "on, config.yml:1", ""},
		"xcap presence":         {"xcap", "nginx: {xcap_port: 1081}\nkamailio: {proxy: {presence: {enable: yes}}}", "", "1081/tcp", "config.yml:1", "on, config.yml:2", ""},
		"xcap no presence":      {"xcap", "nginx: {xcap_port: 1081}\nkamailio: {proxy: {presence: {enable: 'no'}}}", "", "1081/tcp", "config.yml:1", "off, config.yml:2", "kamailio.proxy.presence.enable is no, config.yml:2"},
		"xcap presence alone":   {"xcap", "kamailio: {proxy: {presence: {enable: yes}}}", "", "1080/tcp", "built in", off, "no nginx.xcap_port"},
		"xcap policy on":        {"xcap", other, "services: {xcap: {enabled: true}}", "1080/tcp", "built in", "on, policy.yml:2", ""},
		"xcap policy off":       {"xcap", none, "services: {xcap: {enabled: false}}", "1080/tcp", "built in", "off, policy.yml:2", "enabled is false, policy.yml:2"},
		"xmpp-client default":   {"xmpp-client", none, "", "5222/tcp", "built in", on, ""},
		"xmpp-client not set":   {"xmpp-client", other, "", "5222/tcp", "built in", on, ""},
		"xmpp-client on":        {"xmpp-client", "prosody: {enable: 1}", "", "5222/tcp", "built in", "on, config.yml:1", ""},
		"xmpp-client off":       {"xmpp-client", "prosody: {enable: no}", "", "5222/tcp", "built in", "off, config.yml:1", "prosody.enable is no, config.yml:1"},
		"xmpp-client policy":    {"xmpp-client", "prosody: {enable: no}", "services: {xmpp-client: {enabled: true, ports: [5223/tcp]}}", "5223/tcp", "policy.yml:2", "on, policy.yml:2", ""},
		"xmpp-server default":   {"xmpp-server", none, "", "5269/tcp", "built in", on, ""},
		"xmpp-server off":       {"xmpp-server", "prosody: {enable: false}", "", "5269/tcp", "built in", "off, config.yml:1", "prosody.enable is no, config.yml:1"},
		"ssh default":           {"ssh", none, "", "22/tcp", "built in", on, ""},
		"ssh":                   {"ssh", "sshd: {port: 2222}", "", "2222/tcp", "config.yml:1", on, ""},
		"ssh policy":            {"ssh", "sshd: {port: 2222}", "services: {ssh: {ports: [2223/tcp, 22/tcp]}}", "22/tcp 2223/tcp", "policy.yml:2", on, ""},
		"www-admin default":     {"www-admin", none, "", "1443/tcp", "built in", on, ""},
		"www-admin old":         {"www-admin", "www_admin: {apache: {port: 1}, http_admin: {port: 2}}", "", "1/tcp", "config.yml:1", on, ""},
		"www-admin new":         {"www-admin", "www_admin: {http_admin: {port: 65535}}", "", "65535/tcp", "config.yml:1", on, ""},
		"ossbss default":        {"ossbss", none, "", "2443/tcp", "built in", on, ""},
		"ossbss":                {"ossbss", "ossbss: {apache: {port: 2444}}", "", "2444/tcp", "config.yml:1", on, ""},
		"cluster needs network": {"cluster", none, "", "", "built in", on, "no network.yml"},
		"one's own":             {"mine", none, "services: {mine: {ports: [9/udp, 9/tcp], roles: [subscribers]}}", "9/tcp 9/udp", "policy.yml:2", on, ""},
		"no roles":              {"sip", none, "services: {sip: {roles: []}}", "5060/tcp 5060/udp", "built in", on, "roles is empty, policy.yml:2"},
		"one's own off":         {"mine", none, "services: {mine: {ports: [9/sctp], roles: [subscribers], enabled: false}}", "9/sctp", "policy.yml:2", "off, policy.yml:2", "enabled is false, policy.yml:2"},
	} {
		t.Run(name, func(t *testing.T) {
			m := files{policy: c.policy, config: c.config}.resolve(t)
			s := m.service(t, c.service)
			enabled := map[bool]string{true: "on, ", false: "off, "}[s.Enabled] + s.EnabledFrom.LineOrigin()
			ports := ""
			if s.Ports != nil {
				ports = strings.Join(PortNames(s.Ports), " ")
			}
			require.Equal(t, []string{c.ports, c.from, c.enabled, c.closed}, []string{ports, s.PortsFrom.LineOrigin(), enabled, s.Closed})
			open := of(c.service, m.listing())
			require.Equal(t, c.closed == "", len(open) > 0, "%v", open)
		})
	}
}

func TestBuiltinPolicy(t *testing.T) {
	m, diags := Resolve(Inputs{Policy: policy.Builtin(), Now: today})
	require.Equal(t, []string{
		"built in: warning: administrators allows nobody: ssh, www-admin, ossbss can be reached by nobody [role-empty]",
	}, texts(diags))
	require.Equal(t, []string{
		"www-csc 443/tcp subscribers from any",
		"sip 5060/tcp,5060/udp subscribers from any",
		"sips 5061/tcp subscribers from any",
		"rtp 30000-40000/udp subscribers from any",
		"xcap 1080/tcp subscribers from any",
		"xmpp-client 5222/tcp subscribers from any",
		"xmpp-server 5269/tcp subscribers from any",
		"ssh 22/tcp administrators from ",
		"www-admin 1443/tcp administrators from ",
		"ossbss 2443/tcp administrators from ",
	}, m.listing())
}

func TestBrokenConfig(t *testing.T) {
	for name, c := range map[string]struct {
		config, policy string
		want           []string
	}{
		"port 0":        {"kamailio:\n  lb:\n    port: 0", "", []string{`config.yml:3:11: error: kamailio.lb.port is "0", not a port [config-value]`}},
		"70000":         {"sshd: {port: 70000}", "", []string{`config.yml:1:14: error: sshd.port is "70000", not a port [config-value]`}},
		"a word":        {"ossbss: {apache: {port: https}}", "", []string{`config.yml:1:25: error: ossbss.apache.port is "https", not a port [config-value]`}},
		"xcap once":     {"nginx: {xcap_port: x}", "", []string{`config.yml:1:20: error: nginx.xcap_port is "x", not a port [config-value]`}},
		"no next name":  {"www_csc: {apache: {port: x}}\nwww_admin: {http_csc: {port: 1}}", "", []string{`config.yml:1:26: error: www_csc.apache.port is "x", not a port [config-value]`}},
		"shape once":    {"kamailio:\n  lb: [1]", "", []string{"config.yml:2:7: error: kamailio.lb is a list, not a mapping [config-shape]"}},
		"a switch":      {"kamailio: {lb: {tls: {enable: perhaps}}}", "", []string{`config.yml:1:31: error: kamailio.lb.tls.enable is "perhaps", not a switch [config-value]`}},
		"switch once":   {"prosody: {enable: 2}", "", []string{`config.yml:1:19: error: prosody.enable is "2", not a switch [config-value]`}},
		"second switch": {"kamailio: {proxy: {presence: {enable: maybe}}}", "", []string{`config.yml:1:39: error: kamailio.proxy.presence.enable is "maybe", not a switch [config-value]`}},
		"disable_tcp":   {"kamailio: {port: 5060, disable_tcp: x}", "", []string{`config.yml:1:37: error: kamailio.disable_tcp is "x", not a switch [config-value]`}},
		"reversed":      {"rtpproxy: {minport: 5000, maxport: 4000}", "", []string{"config.yml:1:21: error: rtpproxy.minport 5000 is over rtpproxy.maxport 4000 [config-value]"}},
		"over default":  {"rtpengine: {minport: 50000}", "", []string{"config.yml:1:22: error: rtpengine.minport 50000 is over 40000, the default of rtpengine.maxport [config-value]"}},
		"under default": {"rtpengine: {maxport: 20000}", "", []string{"config.yml:1:22: error: rtpengine.maxport 20000 is under 30000, the default of rtpengine.minport [config-value]"}},
		"both ends": {"rtpproxy: {minport: a, maxport: b}", "", []string{
			`config.yml:1:21: error: rtpproxy.minport is "a", not a port [config-value]`,
			`config.yml:1:33: error: rtpproxy.maxport is "b", not a port [config-value]`}},
		"socket":          {"kamailio: {lb: {extra_sockets: {a: '192.0.2.1:0'}}}", "", []string{`config.yml:1:36: error: kamailio.lb.extra_sockets.a: port is "0", not a port [config-value]`}},
		"under a policy":  {"sshd: {port: 70000}", "services: {ssh: {ports: [22/tcp]}}\n", []string{`config.yml:1:14: error: sshd.port is "70000", not a port [config-value]`}},
		"not looked at":   {"kamailio: {lb: {port: 5060}, port: x, disable_tcp: x}", "", nil},
		"second not read": {"rtpproxy: {minport: 30000}\nrtpengine: {minport: x}", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			m, diags := Resolve(files{config: c.config, policy: c.policy}.inputs(t))
			var errors []string
			for _, d := range diags {
				if d.Severity == "error" {
					errors = append(errors, d.String())
					if d.Code == "config-value" {
						require.NotEmpty(t, d.Hint)
						require.NotZero(t, d.Width)
					}
				}
			}
			require.Equal(t, c.want, errors)
			for _, e := range m.Exposures {
				for _, p := range e.Ports {
					require.True(t, p.From > 0 && p.From <= p.To, "%v", p)
				}
			}
		})
	}
}

func TestExtraSockets(t *testing.T) {
	const config = `kamailio: {lb: {port: 5060, extra_sockets: {
  a: "udp:192.0.2.1:5080", b: "tcp:192.0.2.1:5080", c: "udp:192.0.2.2:5080",
  d: "udp:0.0.0.0:5090", e: "udp:127.0.0.1:5099", f: "udp:192.0.2.1:5080", g: "udp:[2001:db8::1]:5091"}}}`
	for name, c := range map[string]struct {
		policy string
		want   []string
	}{
		"as configured": {"", []string{
			"sip-extra 5080/tcp,5080/udp subscribers from any at 192.0.2.1",
			"sip-extra 5080/udp subscribers from any at 192.0.2.2",
			"sip-extra 5090/udp subscribers from any",
			"sip-extra 5091/udp subscribers from any at 2001:db8::1",
		}},
		"ports of the policy":     {"services: {sip-extra: {ports: [5095/udp]}}", []string{"sip-extra 5095/udp subscribers from any"}},
		"addresses of the policy": {"services: {sip-extra: {addresses: [192.0.2.9, 192.0.2.8]}}", []string{"sip-extra 5080/tcp,5080/udp,5090/udp,5091/udp,5099/udp subscribers from any at 192.0.2.8,192.0.2.9"}},
		"both":                    {"services: {sip-extra: {ports: [5095/udp], addresses: [192.0.2.9]}}", []string{"sip-extra 5095/udp subscribers from any at 192.0.2.9"}},
		"loopback":                {"services: {sip-extra: {addresses: [127.0.0.1, '::1']}}", nil},
		"off":                     {"services: {sip-extra: {enabled: false}}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, of("sip-extra", files{policy: c.policy, config: config}.resolve(t).listing()))
		})
	}
}

func TestSources(t *testing.T) {
	const services = "services: {x: {ports: [9/udp], roles: [r]}}"
	for name, c := range map[string]struct{ policy, want string }{
		"merged":           {"roles: {r: {allow: [192.0.2.0/25, 192.0.2.128/25, 192.0.2.7]}}\n", "192.0.2.0/24"},
		"except":           {"roles: {r: {allow: [192.0.2.0/30], except: [192.0.2.2]}}\n", "192.0.2.0/31,192.0.2.3"},
		"deny":             {"roles: {r: {allow: [192.0.2.0/30]}}\ndeny: [192.0.2.0/31]\n", "192.0.2.2/31"},
		"both":             {"roles: {r: {allow: [192.0.2.0/30], except: [192.0.2.0]}}\ndeny: [192.0.2.3]\n", "192.0.2.1,192.0.2.2"},
		"wider except":     {"roles: {r: {allow: [192.0.2.0/30], except: [192.0.0.0/16]}}\n", ""},
		"only except":      {"roles: {r: {except: [192.0.2.2]}}\n", ""},
		"any less one":     {"roles: {r: {allow: [any6], except: ['2001:db8::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']}}\n", "::/3,2000::/16,2001::/21,2001:800::/22,2001:c00::/24,2001:d00::/25,2001:d80::/27,2001:da0::/28,2001:db0::/29"},
		"expired":          {"roles: {r: {allow: [{source: 192.0.2.1, expires: 2026-06-14}, 192.0.2.9]}}\n", "192.0.2.9"},
		"expired except":   {"roles: {r: {allow: [192.0.2.0/31], except: [{source: 192.0.2.1, expires: 2026-06-14}]}}\n", "192.0.2.0/31"},
		"expired deny":     {"roles: {r: {allow: [192.0.2.0/31]}}\ndeny: [{source: 192.0.2.1, expires: 2026-06-14}]\n", "192.0.2.0/31"},
		"last day of deny": {"roles: {r: {allow: [192.0.2.0/31]}}\ndeny: [{source: 192.0.2.1, expires: 2026-06-15}]\n", "192.0.2.0"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []string{"x 9/udp r from " + c.want}, of("x", files{policy: c.policy + services}.resolve(t).listing()))
		})
	}
}

func TestBuiltinRoleWithOnlyAnException(t *testing.T) {
	m := files{policy: "roles: {subscribers: {except: [0.0.0.0/1]}}"}.resolve(t)
	require.Equal(t, []string{"rtp 30000-40000/udp subscribers from 128.0.0.0/1,::/0"}, of("rtp", m.listing()))
}

func TestLimitAndNeverBan(t *testing.T) {
	m := files{policy: `
roles: {peers: {allow: [192.0.2.0/24], except: [192.0.2.1]}}
services: {sip: {limit: {rate: 50/second, burst: 100, exempt: [peers]}}}
deny: [192.0.2.2]
never-ban: [{role: peers}, 198.51.100.1]
`}.resolve(t)
	limit := m.service(t, "sip").Limit
	require.Equal(t, uint32(100), limit.Burst)
	require.False(t, limit.Exempt.Contains(from("192.0.2.1")))
	require.False(t, limit.Exempt.Contains(from("192.0.2.2")))
	require.True(t, limit.Exempt.Contains(from("192.0.2.3")))
	require.True(t, m.NeverBan.Contains(from("192.0.2.3")))
	require.True(t, m.NeverBan.Contains(from("198.51.100.1")))
	require.False(t, m.NeverBan.Contains(from("192.0.2.1")))
}
