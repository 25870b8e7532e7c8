package audit

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/hook"
	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

var links = []hook.Link{
	{Name: "lo", Loopback: true},
	{Name: "eth0", Addrs: prefixes("192.0.2.10/24", "2001:db8:1::10/64")},
	{Name: "eth1", Addrs: prefixes("198.51.100.10/24")},
}

const strict = `version: 1
roles: {administrators: {allow: [172.20.0.0/24]}, peers: {allow: [198.18.0.0/15]}}
services:
  sip: {roles: [peers]}
  sips: {enabled: false}
  www-csc: {enabled: false}
  xcap: {enabled: false}
  xmpp-client: {enabled: false}
  xmpp-server: {enabled: false}
  www-admin: {enabled: false}
  ossbss: {enabled: false}
`

func model(t *testing.T, text string) *exposure.Model {
	t.Helper()
	p, diags := policy.Parse("policy.yml", []byte(text), nil)
	require.Empty(t, diags)
	m, _ := exposure.Resolve(exposure.Inputs{Policy: p, Now: time.Now()})
	return m
}

// outcome is a verdict of a chain of somebody else's.
func outcome(v hook.Verdict) hook.Outcome {
	return hook.Outcome{Step: hook.Step{Family: "ip", Table: "filter", Chain: "INPUT", Verdict: v, Rule: "theirs"}}
}

// judges are rulesets, as far as they matter.
var judges = map[string]func(m *exposure.Model) Judge{
	"open": func(*exposure.Model) Judge {
		return func(ruleset.Packet) hook.Outcome { return hook.Outcome{Step: hook.Step{Verdict: hook.Accept}} }
	},
	"shut": func(*exposure.Model) Judge { return func(ruleset.Packet) hook.Outcome { return outcome(hook.Drop) } },
	"ours": func(m *exposure.Model) Judge {
		return func(p ruleset.Packet) hook.Outcome {
			f := policy.Flow{In: p.In, From: p.Src, FromPort: p.SrcPort, To: p.Dst, ToPort: p.DstPort, Protocol: policy.Protocol(p.Protocol)}
			if m.Allows(f).Accept {
				return outcome(hook.Accept)
			}
			return outcome(hook.Drop)
		}
	},
	"doubtful": func(*exposure.Model) Judge {
		return func(ruleset.Packet) hook.Outcome { return outcome(hook.Unknown) }
	},
}

func socket(protocol policy.Protocol, at, process string) host.Listener {
	a := netip.MustParseAddrPort(at)
	return host.Listener{Protocol: uint8(protocol), At: a, Both: a.Addr() == netip.IPv6Unspecified(), Owner: host.Owner{PID: 1, Process: process}}
}

func entries(t *testing.T, m *exposure.Model, judge string, f Facts, sockets ...host.Listener) []Entry {
	t.Helper()
	h, cut := NewHost(m, links, judges[judge](m), Constants{}, nil)
	require.False(t, cut)
	return Entries(h, sockets, f)
}

func TestFindings(t *testing.T) {
	for name, c := range map[string]struct {
		judge  string
		socket host.Listener
		reach  Reach
		roles  []string
		codes  []Code
		text   string // of the first finding
	}{
		"ssh for anybody": {"open", socket(policy.TCP, "[::]:22", "sshd"), ReachAny, []string{"administrators"}, []Code{CodeAdmin},
			"ssh is for administrators, but any source can reach it, and no chain is there to stop it"},
		"ssh for its role":                {"ours", socket(policy.TCP, "[::]:22", "sshd"), ReachRoles, []string{"administrators"}, nil, ""},
		"a role's service, for more":      {"open", socket(policy.UDP, "0.0.0.0:5060", "kamailio"), ReachAny, []string{"peers"}, []Code{CodeBeyond}, "any IPv4 source can reach it, but the policy opens it to fewer, and no chain is there to stop it"},
		"a service that is closed":        {"open", socket(policy.TCP, "0.0.0.0:5061", "kamailio"), ReachAny, nil, []Code{CodeBeyond}, "any IPv4 source can reach it, but the policy has sips closed, and no chain is there to stop it"},
		"a database":                      {"ours", socket(policy.TCP, "0.0.0.0:3306", "mysqld"), ReachLocal, nil, []Code{CodeBound}, "it listens on every address; NGCP binds MySQL to loopback and the link to the other node of the pair (ha_int)"},
		"a database, where it belongs":    {"ours", socket(policy.TCP, "192.0.2.10:3306", "mysqld"), ReachLocal, nil, nil, ""},
		"on loopback":                     {"open", socket(policy.UDP, "127.0.0.1:2223", "rtpengine"), ReachLocal, nil, nil, ""},
		"on loopback, of IPv6":            {"open", socket(policy.TCP, "[::1]:6379", "redis-server"), ReachLocal, nil, nil, ""},
		"somebody else's chain shuts":     {"shut", socket(policy.TCP, "0.0.0.0:22", "sshd"), ReachNobody, nil, []Code{CodeBlocked}, "the policy lets administrators in, but chain INPUT of table ip filter (theirs) does not"},
		"nobody can tell":                 {"doubtful", socket(policy.TCP, "0.0.0.0:8080", "java"), ReachAny, nil, []Code{CodeUndecided}, "whether any IPv4 source can reach it cannot be told: chain INPUT of table ip filter (theirs)"},
		"ssh at another port":             {"ours", socket(policy.TCP, "0.0.0.0:2222", "sshd"), ReachLocal, nil, []Code{CodePort}, "sshd listens here, but ssh is 22/tcp (built in), where nobody listens"},
		"another program at another port": {"ours", socket(policy.TCP, "0.0.0.0:2222", "java"), ReachLocal, nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := entries(t, model(t, strict), c.judge, Facts{}, c.socket)
			e := all[slices.IndexFunc(all, func(e Entry) bool { return e.Sockets == 1 })]
			assert.Equal(t, c.reach, e.Reach)
			assert.Equal(t, c.roles, e.Roles)
			require.Equal(t, c.codes, codesOf(e), "%+v", e.Findings)
			if len(c.codes) > 0 {
				assert.Equal(t, c.text, e.Findings[0].Text)
			}
		})
	}
}

func codesOf(e Entry) (all []Code) {
	for _, f := range e.Findings {
		all = append(all, f.Code)
	}
	return all
}

func TestWordsForSources(t *testing.T) {
	h, _ := NewHost(model(t, strict), links, judges["open"](nil), Constants{}, nil)
	everybody := h.everybody
	for want, s := range map[string]addr.Set{
		"any source":                 everybody,
		"any IPv4 source":            everybody.Only4(),
		"any IPv6 source":            everybody.Only6(),
		"peers":                      set("198.18.0.0/15"),
		"10.0.0.0/8":                 set("10.0.0.0/8"),
		"any source but 203.0.113.9": everybody.Subtract(set("203.0.113.9/32")),
		"any IPv4 source but 10.0.0.1, 10.0.0.3, 10.0.0.5 and 2 other prefixes": everybody.Only4().Subtract(set("10.0.0.1/32", "10.0.0.3/32", "10.0.0.5/32", "10.0.0.7/32", "10.0.0.9/32")),
		"10.0.0.1, 10.0.0.3, 10.0.0.5, 10.0.0.7":                                set("10.0.0.1/32", "10.0.0.3/32", "10.0.0.5/32", "10.0.0.7/32"),
	} {
		assert.Equal(t, want, h.sources(s))
	}
}

func TestAdministratorsServicesOfOnesOwn(t *testing.T) {
	m := model(t, strict+"  backup: {ports: [9000/tcp], roles: [administrators]}\n")
	e := entries(t, m, "open", Facts{}, socket(policy.TCP, "0.0.0.0:9000", "x"))[0]
	assert.Equal(t, []Code{CodeAdmin}, codesOf(e))
}

func TestAdministratorsAreAnybody(t *testing.T) {
	m := model(t, "version: 1\nroles: {administrators: {allow: [any]}}\n")
	e := entries(t, m, "ours", Facts{InForce: true}, socket(policy.TCP, "0.0.0.0:22", "sshd"))[0]
	assert.Equal(t, []Code{CodeAdmin}, codesOf(e), "the policy itself says so")
}

func TestObserveIsTold(t *testing.T) {
	m := model(t, strict+"observe: true\n")
	e := entries(t, m, "open", Facts{InForce: true}, socket(policy.TCP, "0.0.0.0:8080", "java"))[0]
	assert.Contains(t, e.Findings[0].Text, "observe is on")
}

func TestOpenPortsWhereNobodyListens(t *testing.T) {
	m := model(t, strict)
	silent := func(f Facts, sockets ...host.Listener) (ports []uint16) {
		for _, e := range entries(t, m, "ours", f, sockets...) {
			if e.Sockets == 0 {
				ports = append(ports, e.Port)
			}
		}
		slices.Sort(ports)
		return ports
	}
	assert.Equal(t, []uint16{22, 5060, 5060, 30000}, silent(Facts{}))
	assert.Equal(t, []uint16{22, 5060, 5060}, silent(Facts{}, socket(policy.UDP, "192.0.2.10:31000", "rtpengine")), "one socket of a range")
	running := Facts{Media: mediaproxy.Report{Host: mediaproxy.Facts{Daemons: []mediaproxy.Daemon{{Name: "rtpengine"}}}}}
	assert.Equal(t, []uint16{22, 5060, 5060}, silent(running), "media has sockets during calls only")
	assert.Equal(t, []uint16{5060, 5060, 30000}, silent(Facts{}, socket(policy.TCP, "[::]:22", "sshd")))

	local := entries(t, m, "ours", Facts{}, socket(policy.TCP, "127.0.0.1:22", "sshd"))
	i := slices.IndexFunc(local, func(e Entry) bool { return e.Port == 22 && e.Sockets == 0 })
	assert.Equal(t, "the policy opens it, and sshd listens on 127.0.0.1 only", local[i].Findings[0].Text)
	assert.Equal(t, []string{"administrators"}, local[i].Roles)
}

func TestMediaIsTold(t *testing.T) {
	f := Facts{Media: mediaproxy.Report{Findings: []string{"early", "late"}, Host: mediaproxy.Facts{Daemons: []mediaproxy.Daemon{{Name: "rtpengine", PID: 7}}}}}
	all := entries(t, model(t, strict), "ours", f)
	assert.Equal(t, []Code{CodeMedia, CodeMedia}, codesOf(all[0]), "worse than silence")
	assert.Equal(t, "rtpengine", all[0].Process)
	assert.Equal(t, ReachAny, all[0].Reach)
	closed := entries(t, model(t, strict+"  rtp: {enabled: false}\n"), "ours", f)
	assert.Equal(t, ReachLocal, closed[0].Reach)
}

func TestFindingsComeFirstTheWorstFirst(t *testing.T) {
	m := model(t, strict)
	all := entries(t, m, "open", Facts{}, socket(policy.TCP, "127.0.0.1:25", "exim4"), socket(policy.TCP, "0.0.0.0:3306", "mysqld"),
		socket(policy.TCP, "0.0.0.0:22", "sshd"), socket(policy.UDP, "0.0.0.0:30000", "rtpengine"))
	var first []Code
	for _, e := range all {
		if len(e.Findings) > 0 {
			first = append(first, e.Findings[0].Code)
		}
	}
	assert.Equal(t, []Code{CodeAdmin, CodeBeyond, CodeUnheard, CodeUnheard}, first)
	assert.Equal(t, []uint16{30000, 25}, []uint16{all[4].Port, all[5].Port}, "what any can reach before what nobody can")
	report := Report{Entries: all}
	assert.Equal(t, 5, report.Findings(), "mysqld has two")
}

func TestFold(t *testing.T) {
	m := model(t, strict)
	facts := Facts{FirstClient: 32768, LastClient: 60999}
	worker := socket(policy.TCP, "0.0.0.0:443", "nginx")
	worker.PID = 2
	all := entries(t, m, "ours", facts,
		socket(policy.UDP, "0.0.0.0:30000", "rtpengine"), socket(policy.UDP, "0.0.0.0:30001", "rtpengine"), socket(policy.UDP, "0.0.0.0:35000", "rtpengine"),
		socket(policy.UDP, "0.0.0.0:30003", "other"), socket(policy.UDP, "0.0.0.0:50000", "named"), socket(policy.UDP, "0.0.0.0:50500", "named"),
		socket(policy.TCP, "0.0.0.0:443", "nginx"), worker, socket(policy.TCP, "0.0.0.0:7000", "java"), socket(policy.TCP, "0.0.0.0:7001", "java"), socket(policy.TCP, "0.0.0.0:7003", "java"))
	type line struct {
		process  string
		from, to uint16
		sockets  int
		client   bool
	}
	var lines []line
	for _, e := range all {
		if e.Sockets > 0 {
			lines = append(lines, line{e.Process, e.Port, e.LastPort, e.Sockets, e.Client})
		}
	}
	assert.ElementsMatch(t, []line{
		{"rtpengine", 30000, 35000, 3, false}, {"other", 30003, 30003, 1, false}, {"named", 50000, 50500, 2, true},
		{"nginx", 443, 443, 2, false}, {"java", 7000, 7001, 2, false}, {"java", 7003, 7003, 1, false},
	}, lines)
}

func TestReachableClientsAreNotHidden(t *testing.T) {
	e := entries(t, model(t, strict), "open", Facts{FirstClient: 32768, LastClient: 60999},
		socket(policy.UDP, "0.0.0.0:50000", "named"), socket(policy.UDP, "0.0.0.0:51000", "named"))[0]
	assert.False(t, e.Client)
	assert.Equal(t, 2, e.Sockets, "but they are one line")
	assert.Equal(t, []Code{CodeBeyond}, codesOf(e))
}

// TestWhoGetsInByPort holds that a rule about source ports is found: DHCP's answers
// are let in by our own.
func TestWhoGetsInByPort(t *testing.T) {
	m := model(t, strict)
	judge := func(p ruleset.Packet) hook.Outcome {
		switch p.SrcPort {
		case 0:
			return outcome(hook.Unknown)
		case 67:
			return outcome(hook.Accept)
		}
		return outcome(hook.Drop)
	}
	h, _ := NewHost(m, links, judge, Constants{Ports: []uint16{67}}, nil)
	e := Entries(h, []host.Listener{socket(policy.UDP, "0.0.0.0:68", "dhclient")}, Facts{})[0]
	assert.Equal(t, ReachAny, e.Reach)
	assert.NotContains(t, codesOf(e), CodeBeyond)
}
