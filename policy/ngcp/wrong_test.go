package ngcp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

// remark is a diagnostic as check prints it, with its hint behind it.
func remark(d diag.Diagnostic) string {
	if d.Hint == "" {
		return d.String()
	}
	return d.String() + " hint: " + d.Hint
}

// configRemarks is all there is to say about a config.yml whose services' ports
// and switches are read.
func configRemarks(files ...Source) diag.List {
	c, list := ParseConfig(files...)
	for _, path := range servicePaths {
		s, ok := c.Scalar(path)
		if !ok {
			continue
		}
		var err error
		if strings.HasSuffix(path, "port") {
			_, err = s.Port()
		} else {
			_, err = s.Bool()
		}
		if err != nil {
			list = append(list, s.Diagnose(err))
		}
	}
	_, remarks := c.ExtraSockets()
	return append(list, remarks...)
}

const (
	portHint = " hint: write a number from 1 to 65535"
	addrHint = " hint: write ip:port, udp:ip:port or tcp:ip:port, with IPv6 addresses in brackets"
	sockets  = "kamailio:\n lb:\n  extra_sockets:\n   "
)

var wrongConfigs = []struct{ name, content, want string }{
	{"top level text", "nothing here\n", "f:1:1: error: the file is a single value, not a mapping [config-shape]"},
	{"top level list", "# c\n- a\n", "f:2:1: error: the file is a list, not a mapping [config-shape]"},
	{"port zero", "sshd:\n  port: 0\n", `f:2:9: error: sshd.port is "0", not a port [config-value]` + portHint},
	{"port too large", "kamailio: {lb: {port: '70000'}}\n", `f:1:23: error: kamailio.lb.port is "70000", not a port [config-value]` + portHint},
	{"port just too large", "kamailio: {port: 65536}\n", `f:1:18: error: kamailio.port is "65536", not a port [config-value]` + portHint},
	{"port negative", "sshd: {port: -1}\n", `f:1:14: error: sshd.port is "-1", not a port [config-value]` + portHint},
	{"port with sign", "sshd: {port: +22}\n", `f:1:14: error: sshd.port is "+22", not a port [config-value]` + portHint},
	{"port a word", "rtpproxy:\n  minport: many\n", `f:2:12: error: rtpproxy.minport is "many", not a port [config-value]` + portHint},
	{"port a fraction", "kamailio:\n  lb:\n    port: 5060.5\n", `f:3:11: error: kamailio.lb.port is "5060.5", not a port [config-value]` + portHint},
	{"port hexadecimal", "sshd: {port: 0x16}\n", `f:1:14: error: sshd.port is "0x16", not a port [config-value]` + portHint},
	{"port sexagesimal", "sshd: {port: 1:24:20}\n", `f:1:14: error: sshd.port is "1:24:20", not a port [config-value]` + portHint},
	{"port with underscore", "sshd: {port: 2_222}\n", `f:1:14: error: sshd.port is "2_222", not a port [config-value]` + portHint},
	{"port octal", "kamailio: {lb: {port: 05060}}\n", `f:1:23: error: kamailio.lb.port is "05060", which some programs read as octal [config-value] hint: write 5060`},
	{"port of other digits", "sshd: {port: ２２}\n", `f:1:14: error: sshd.port is "２２", not a port [config-value]` + portHint},
	{"port empty", "sshd: {port: ''}\n", `f:1:14: error: sshd.port is empty, not a port [config-value]` + portHint},
	{"port several", "sshd: {port: 22 2222}\n", `f:1:14: error: sshd.port is "22 2222", not a port [config-value]` + portHint},
	{"port long", "sshd: {port: " + strings.Repeat("9", 50) + "}\n", `f:1:14: error: sshd.port is "` + strings.Repeat("9", 40) + `…", not a port [config-value]` + portHint},
	{"port not UTF-8", "sshd: {port: 2\xe92}\n", `f:1:14: error: sshd.port is "2` + "\uFFFD" + `2", not a port [config-value]` + portHint},
	{"port on two lines", "sshd:\n  port: 22\n    23\n", `f:2:9: error: sshd.port is "22 23", not a port [config-value]` + portHint},
	{"port a list", "sshd:\n  port: [22]\n", "f:2:9: error: sshd.port is a list, not a single value [config-shape]"},
	{"port a mapping", "nginx:\n  xcap_port:\n    a: 1\n", "f:3:5: error: nginx.xcap_port is a mapping, not a single value [config-shape]"},
	{"switch a word", "prosody: {enable: maybe}\n", `f:1:19: error: prosody.enable is "maybe", not a switch [config-value] hint: write yes or no`},
	{"switch a number", "kamailio:\n  lb:\n    tls:\n      enable: 2\n", `f:4:15: error: kamailio.lb.tls.enable is "2", not a switch [config-value] hint: write yes or no`},
	{"switch empty", "prosody: {enable: \"\"}\n", `f:1:19: error: prosody.enable is empty, not a switch [config-value] hint: write yes or no`},
	{"switch a list", "prosody: {enable: []}\n", "f:1:19: error: prosody.enable is a list, not a single value [config-shape]"},
	{"value on the way", "sshd: 22\n", "f:1:7: error: sshd is a single value, not a mapping [config-shape]"},
	{"list on the way", "ossbss:\n  apache:\n  - port: 2443\n", "f:3:3: error: ossbss.apache is a list, not a mapping [config-shape]"},
	{"empty text on the way", "nginx: ''\n", "f:1:8: error: nginx is a single value, not a mapping [config-shape]"},
	{"socket without port", sockets + "a: 192.0.2.1", `f:4:7: error: kamailio.lb.extra_sockets.a: port is empty, not a port [config-value]` + portHint},
	{"socket without port but protocol", sockets + "a: udp:192.0.2.1", `f:4:7: error: kamailio.lb.extra_sockets.a: port is empty, not a port [config-value]` + portHint},
	{"socket without address", sockets + "a: 5080", `f:4:7: error: kamailio.lb.extra_sockets.a: "5080" is not an address [config-value]` + addrHint},
	{"socket with empty address", sockets + "a: udp::5080", `f:4:7: error: kamailio.lb.extra_sockets.a: empty is not an address [config-value]` + addrHint},
	{"socket with name", sockets + "a: udp:sip.example.org:5080", `f:4:7: error: kamailio.lb.extra_sockets.a: "sip.example.org" is not an address [config-value]` + addrHint},
	{"socket port zero", sockets + "a: udp:192.0.2.1:0", `f:4:7: error: kamailio.lb.extra_sockets.a: port is "0", not a port [config-value]` + portHint},
	{"socket port too large", sockets + "a: '[2001:db8::1]:70000'", `f:4:7: error: kamailio.lb.extra_sockets.a: port is "70000", not a port [config-value]` + portHint},
	{"socket port a range", sockets + "a: udp:192.0.2.1:5080-5090", `f:4:7: error: kamailio.lb.extra_sockets.a: port is "5080-5090", not a port [config-value]` + portHint},
	{"socket transport", sockets + "a: sctp:192.0.2.1:5080", `f:4:7: error: kamailio.lb.extra_sockets.a: transport "sctp" is not known [config-value] hint: write udp, tcp or tls`},
	{"socket IPv6 without brackets", sockets + "a: 2001:db8::1:5080", `f:4:7: error: kamailio.lb.extra_sockets.a: "2001:db8::1" is not an address [config-value]` + addrHint},
	{"socket IPv4 in brackets", sockets + "a: udp:[192.0.2.1]:5080", `f:4:7: error: kamailio.lb.extra_sockets.a: "[192.0.2.1]" is not an address [config-value]` + addrHint},
	{"socket bracket open", sockets + "a: udp:[2001:db8::1:5080", `f:4:7: error: kamailio.lb.extra_sockets.a: "[2001:db8::1" is not an address [config-value]` + addrHint},
	{"socket with zone", sockets + "a: udp:[fe80::1%eth0]:5080", `f:4:7: error: kamailio.lb.extra_sockets.a: "[fe80::1%eth0]" is not an address [config-value]` + addrHint},
	{"socket IPv4-mapped", sockets + "a: udp:[::ffff:192.0.2.1]:5080", `f:4:7: error: kamailio.lb.extra_sockets.a: "[::ffff:192.0.2.1]" is an IPv4-mapped address [config-value] hint: write 192.0.2.1`},
	{"one socket of two", sockets + "a: udp:192.0.2.1:5080, nonsense", `f:4:7: error: kamailio.lb.extra_sockets.a: "nonsense" is not an address [config-value]` + addrHint},
	{"socket mapping without ip", sockets + "a: {transport: udp, port: 5080}", `f:4:7: error: kamailio.lb.extra_sockets.a: empty is not an address [config-value]` + addrHint},
	{"socket mapping without port", sockets + "a: {transport: udp, ip: 192.0.2.1}", `f:4:7: error: kamailio.lb.extra_sockets.a: port is empty, not a port [config-value]` + portHint},
	{"socket mapping with list", sockets + "a: {transport: [udp, tcp], ip: 192.0.2.1, port: 1}", "f:4:19: error: kamailio.lb.extra_sockets.a.transport is a list, not a single value [config-shape]"},
	{"sockets on two lines", sockets + "a: x\n   b: y", `f:4:7: error: kamailio.lb.extra_sockets.a: "x" is not an address [config-value]` + addrHint + "\n" + `f:5:7: error: kamailio.lb.extra_sockets.b: "y" is not an address [config-value]` + addrHint},
	{"sockets a word", "kamailio: {lb: {extra_sockets: yes}}\n", `f:1:32: error: kamailio.lb.extra_sockets: "yes" is not an address [config-value]` + addrHint},
	{"all errors at once", "sshd: {port: x}\nprosody: {enable: y}\n", `f:2:19: error: prosody.enable is "y", not a switch [config-value] hint: write yes or no` + "\n" + `f:1:14: error: sshd.port is "x", not a port [config-value]` + portHint},
}

func TestWrongConfigs(t *testing.T) {
	for _, row := range wrongConfigs {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, row.want, joined(configRemarks(text("f", row.content))))
		})
	}
}

func joined(list diag.List) string {
	var lines []string
	for _, d := range list {
		lines = append(lines, remark(d))
	}
	return strings.Join(lines, "\n")
}

// The place is in the file that holds the value that counts.
func TestWrongConfigOfSeveral(t *testing.T) {
	list := configRemarks(text("config.yml", "sshd: {port: 22}\nprosody: 5\n"), text("config.local.yml", "\nsshd: {port: x}\n"))
	assert.Equal(t, "config.yml:2:10: error: prosody is a single value, not a mapping [config-shape]\n"+
		`config.local.yml:2:14: error: sshd.port is "x", not a port [config-value]`+portHint, joined(list))

	list = configRemarks(text("config.yml", "- a\n"), text("config.local.yml", "sshd: {port: 22}\n"))
	assert.Equal(t, "config.yml:1:1: error: the file is a list, not a mapping [config-shape]", joined(list))
}

const eth0 = "hosts:\n  sp1:\n    interfaces: [eth0]\n    eth0:\n      "

var wrongNetworks = []struct{ name, content, want string }{
	{"top level", "- a\n", "f:1:1: error: the file is a list, not a mapping [network-shape]"},
	{"hosts a list", "hosts:\n- sp1\n", "f:2:1: error: hosts is a list, not a mapping [network-shape]"},
	{"host a word", "hosts:\n  sp1: up\n", "f:2:8: error: hosts.sp1 is a single value, not a mapping [network-shape]"},
	{"link a word", "hosts: {sp1: {interfaces: eth0, eth0: up}}\n", "f:1:39: error: hosts.sp1.eth0 is a single value, not a mapping [network-shape]"},
	{"interfaces a mapping", "hosts: {sp1: {interfaces: {eth0: ~}}}\n", "f:1:27: error: hosts.sp1.interfaces holds a mapping, not only single values [network-shape] hint: put a value that ends with a colon in quotes"},
	{"interfaces with a list", "hosts: {sp1: {interfaces: [[eth0]]}}\n", "f:1:28: error: hosts.sp1.interfaces holds a list, not only single values [network-shape]"},
	{"role a mapping", "hosts: {sp1: {role: {lb: yes}}}\n", "f:1:21: error: hosts.sp1.role holds a mapping, not only single values [network-shape] hint: put a value that ends with a colon in quotes"},
	{"type a mapping", eth0 + "type: {sip_ext: yes}\n", "f:5:13: error: hosts.sp1.eth0.type holds a mapping, not only single values [network-shape] hint: put a value that ends with a colon in quotes"},
	{"unquoted IPv6", eth0 + "shared_v6ip:\n      - fe80::\n", "f:6:9: error: hosts.sp1.eth0.shared_v6ip holds a mapping, not only single values [network-shape] hint: put a value that ends with a colon in quotes"},
	{"ip too large", eth0 + "ip: 192.0.2.300\n", `f:5:11: error: hosts.sp1.eth0.ip: "192.0.2.300" is not an IPv4 address [network-address]`},
	{"ip with leading zeros", eth0 + "ip: 192.000.002.001\n", `f:5:11: error: hosts.sp1.eth0.ip: "192.000.002.001" is not an IPv4 address [network-address]`},
	{"ip a word", eth0 + "ip: auto\n", `f:5:11: error: hosts.sp1.eth0.ip: "auto" is not an IPv4 address [network-address]`},
	{"ip several", eth0 + "ip: 192.0.2.1 192.0.2.2\n", `f:5:11: error: hosts.sp1.eth0.ip: "192.0.2.1 192.0.2.2" is not an IPv4 address [network-address]`},
	{"ip with netmask", eth0 + "ip: 192.0.2.1/255.255.255.0\n", `f:5:11: error: hosts.sp1.eth0.ip: "192.0.2.1/255.255.255.0" is not an IPv4 address [network-address]`},
	{"ip IPv6", eth0 + "ip: 2001:db8::1\n", `f:5:11: error: hosts.sp1.eth0.ip: "2001:db8::1" is not an IPv4 address [network-address] hint: write it under v6ip`},
	{"shared_ip IPv6", eth0 + "shared_ip: [192.0.2.1, '2001:db8::1']\n", `f:5:30: error: hosts.sp1.eth0.shared_ip: "2001:db8::1" is not an IPv4 address [network-address] hint: write it under shared_v6ip`},
	{"v6ip IPv4", eth0 + "v6ip: 192.0.2.1\n", `f:5:13: error: hosts.sp1.eth0.v6ip: "192.0.2.1" is not an IPv6 address [network-address] hint: write it under ip`},
	{"v6ip nonsense", eth0 + "v6ip: 2001:db8:::1\n", `f:5:13: error: hosts.sp1.eth0.v6ip: "2001:db8:::1" is not an IPv6 address [network-address]`},
	{"v6ip prefix", eth0 + "v6ip: 2001:db8::1/129\n", `f:5:13: error: hosts.sp1.eth0.v6ip: "2001:db8::1/129" is not an IPv6 address [network-address]`},
	{"IPv4-mapped", eth0 + "shared_v6ip:\n      - ::ffff:192.0.2.1\n", `f:6:9: error: hosts.sp1.eth0.shared_v6ip: "::ffff:192.0.2.1" is an IPv4-mapped address [network-address] hint: write 192.0.2.1 under shared_ip`},
	{"IPv4-mapped under ip", eth0 + "ip: ::ffff:192.0.2.1\n", `f:5:11: error: hosts.sp1.eth0.ip: "::ffff:192.0.2.1" is an IPv4-mapped address [network-address] hint: write 192.0.2.1 under ip`},
	{"zone", eth0 + "v6ip: fe80::1%eth0\n", `f:5:13: error: hosts.sp1.eth0.v6ip: "fe80::1%eth0" is an address with a zone [network-address] hint: write fe80::1`},
	{"multicast", eth0 + "shared_ip: [224.0.0.18]\n", `f:5:19: error: hosts.sp1.eth0.shared_ip: "224.0.0.18" is not the address of a host [network-address]`},
	{"broadcast", eth0 + "ip: 255.255.255.255\n", `f:5:11: error: hosts.sp1.eth0.ip: "255.255.255.255" is not the address of a host [network-address]`},
	{"address a mapping", eth0 + "ip: {a: 192.0.2.1}\n", "f:5:11: error: hosts.sp1.eth0.ip holds a mapping, not only single values [network-shape] hint: put a value that ends with a colon in quotes"},
	{"name too long", "hosts: {sp1: {interfaces: [interface1234567], interface1234567: {ip: 192.0.2.1}}}\n", "f:1:47: error: hosts.sp1.interface1234567: no link can have this name [network-name] hint: the kernel's names have 1 to 15 letters, digits and signs"},
	{"name a pattern", "hosts: {sp1: {interfaces: ['eth*'], 'eth*': {ip: 192.0.2.1}}}\n", "f:1:37: error: hosts.sp1.eth*: no link can have this name [network-name] hint: the kernel's names have 1 to 15 letters, digits and signs"},
	{"name with blank", "hosts: {sp1: {interfaces: [eth0 eth1], eth0 eth1: {}}}\n", "f:1:40: error: hosts.sp1.eth0 eth1: no link can have this name [network-name] hint: the kernel's names have 1 to 15 letters, digits and signs"},
	{"name with escapes", "hosts: {\"a\\e[31m\\n\": up}\n", "f:1:22: error: hosts.a\uFFFD[31m\uFFFD is a single value, not a mapping [network-shape]"},
	{"alias of nothing", "hosts: {sp1: {interfaces: [':1'], ':1': {}}}\n", "f:1:35: error: hosts.sp1.:1: no link can have this name [network-name] hint: the kernel's names have 1 to 15 letters, digits and signs"},
	{"all errors at once", eth0 + "ip: a\n      v6ip: b\n  sp2: c\n", `f:5:11: error: hosts.sp1.eth0.ip: "a" is not an IPv4 address [network-address]` + "\n" + `f:6:13: error: hosts.sp1.eth0.v6ip: "b" is not an IPv6 address [network-address]` + "\n" + "f:7:8: error: hosts.sp2 is a single value, not a mapping [network-shape]"},
}

func TestWrongNetworks(t *testing.T) {
	for _, row := range wrongNetworks {
		t.Run(row.name, func(t *testing.T) {
			n, list := ParseNetwork(text("f", row.content))
			require.NotNil(t, n)
			assert.Equal(t, row.want, joined(list))
		})
	}
}

// Files that are no YAML are refused with a place and without what they hold.
func TestNoYAML(t *testing.T) {
	for name, row := range map[string]struct {
		content      string
		line, column int
		code         string
	}{
		"colon in a value":   {"a: 1\nb: c: d\n", 2, 5, "yaml-syntax"},
		"list not closed":    {"a: 1\nb: [1, 2\n", 2, 0, "yaml-syntax"},
		"quote not closed":   {"a: 1\nb: 'x\n", 2, 0, "yaml-syntax"},
		"tab as indentation": {"a:\n\tb: 1\n", 2, 1, "yaml-syntax"},
		"second document":    {"a: 1\n---\nb: 2\n", 2, 1, "yaml-documents"},
		"loop of aliases":    {"a: &a [*a]\n", 1, 8, "yaml-alias"},
		"NUL":                {"a: \x00\n", 1, 4, "yaml-encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			_, config := ParseConfig(text("f", row.content))
			_, network := ParseNetwork(text("f", row.content))
			require.NotEmpty(t, config)
			assert.Equal(t, config, network)
			assert.Equal(t, row.code, config[0].Code)
			assert.Equal(t, row.line, config[0].Pos.Line)
			if row.column > 0 {
				assert.Equal(t, row.column, config[0].Pos.Column)
			}
		})
	}
}
