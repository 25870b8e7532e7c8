package mediaproxy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/policy"
)

// seen is what the kernel tells of its ruleset, with the stand-in taken for
// rtpengine's target.
func seen(t *testing.T, conn *kernel.Conn) ([]kernel.Chain, []kernel.Rule) {
	t.Helper()
	chains, rules, err := conn.Survey(surveyed...)
	require.NoError(t, err)
	for _, r := range rules {
		for i, e := range r.Expressions {
			if name, id, ok := decodeTarget(e.Data); ok && e.Name == targetExpression && name == standIn {
				r.Expressions[i].Data = encodeTarget(TargetRTPENGINE, id).Data
			}
		}
	}
	return chains, rules
}

const mainTable = `table inet ngcp-fw { chain input { type filter hook input priority filter - 10; policy drop; udp dport 30000-40000 accept; }; };`

var rtp = []policy.Ports{{Protocol: policy.UDP, From: 30000, To: 40000}}

func question(rule string) Question {
	return Question{Setting: policy.Mediaproxy{Rule: rule, Table: 3}, Main: "ngcp-fw", RTP: rtp}
}

// media is a host on which a daemon forwards by the kernel's table 3.
func media() Facts {
	return Facts{Loaded: []string{"xt_RTPENGINE"}, Control: true, Version: Version{10, 5}, Installed: true,
		Daemons: []Daemon{{PID: 812, Table: 3, PortMin: 30000, PortMax: 40000}}, Tables: []Streams{{3, 2, 100}}}
}

func TestAHostWhereAllIsWell(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	nft(t, mainTable)
	ensured(t, conn, rejected)
	sendUDP(t, "127.0.0.1:30000", 4)
	chains, rules := seen(t, conn)
	r := look(question("auto"), media(), chains, rules).report()
	assert.True(t, r.InForce)
	assert.True(t, r.After)
	assert.Equal(t, uint64(4), r.Packets())
	assert.Empty(t, r.Drift)
	assert.Empty(t, r.Findings)
	require.Len(t, r.Rules, 2)
	assert.Equal(t, Handler{Family: "ip", Table: "filter", Chain: Chain, Kind: KindTarget, Target: TargetRTPENGINE, ID: 3,
		Packets: 4, Bytes: 4 * (20 + 8 + 5), Ours: true, Hooks: []Hook{{Chain, Priority}}}, r.Rules[0])
	text, err := json.Marshal(r)
	require.NoError(t, err)
	for _, field := range []string{`"mode":"xtables"`, `"target":"RTPENGINE"`, `"table":3`, `"in_force":true`, `"drift":[]`, `"findings":[]`, `"version":"10.5"`} {
		assert.Contains(t, string(text), field)
	}
}

// daemonMade is what rtpengine 12 and iptables-nft leave: a chain of its own and
// a jump there from INPUT.
func daemonMade(t *testing.T) {
	t.Helper()
	for _, command := range []string{"iptables-nft", "ip6tables-nft"} {
		run(t, "", command, "-N", "rtpengine")
		run(t, "", command, "-A", "rtpengine", "-p", "udp", "-j", standIn)
		run(t, "", command, "-I", "INPUT", "-p", "udp", "-j", "rtpengine")
	}
}

func TestTheDaemonsOwnChainIsFoundAndLeftAlone(t *testing.T) {
	conn := inNamespace(t)
	needStandIn(t, conn)
	nft(t, mainTable)
	ensured(t, conn, rejected) // from before the daemon was upgraded
	daemonMade(t)
	facts := media()
	facts.Version, facts.Daemons[0].Table = Version{12, 5}, 3
	chains, rules := seen(t, conn)
	for i := range rules { // REJECT's numbers differ by family
		for j, e := range rules[i].Expressions {
			if e.Name == targetExpression {
				rules[i].Expressions[j].Data = encodeTarget(TargetRTPENGINE, 3).Data
			}
		}
	}
	r := look(question("auto"), facts, chains, rules).report()
	assert.Equal(t, ModeDaemon, r.Mode)
	assert.True(t, r.InForce)
	assert.Empty(t, r.Findings)
	require.Len(t, r.Drift, 2)
	assert.Contains(t, r.Drift[0], "chain ngcp-fw-mediaproxy of table ip filter is still there, though the rule is not ours to keep (rtpengine 12.5 keeps its rule itself)")

	before := listRuleset(t)
	done := ensured(t, conn, r.Choice)
	assert.Empty(t, done.Ran, "no daemon runs in that tree")
	assert.Equal(t, without(before, Chain), strings.Fields(listRuleset(t)))
	found, err := Handlers(conn)
	require.NoError(t, err)
	assert.Empty(t, found, "REJECT is not rtpengine's")
}

// without is the words of a listing without the chain.
func without(listing, chain string) []string {
	for {
		before, rest, ok := strings.Cut(listing, "chain "+chain+" {")
		if !ok {
			return strings.Fields(listing)
		}
		_, after, _ := strings.Cut(rest, "}\n")
		listing = before + after
	}
}

func TestFindings(t *testing.T) {
	const late = `table ip filter { chain media { type filter hook input priority 10; counter; }; }; table ip6 filter { chain media { type filter hook input priority 10; counter; }; };`
	at := func(priority string) string { return strings.ReplaceAll(late, "priority 10", "priority "+priority) }
	for _, row := range []struct {
		name   string
		script string // of which counters stand for rtpengine's target
		change func(*Facts)
		rule   string
		want   []string
	}{
		{name: "all well", script: mainTable + late},
		{name: "by a jump", script: mainTable + `table inet filter { chain INPUT { type filter hook input priority 0; jump a; }; chain a { goto b; }; chain b { counter; }; };`},
		{name: "nothing there", script: mainTable, want: []string{
			"the mediaproxy rule for IPv4 is missing: media goes through rtpengine in user space; apply puts the rule back",
			"the mediaproxy rule for IPv6 is missing"}},
		{name: "one family only", script: mainTable + late[:strings.Index(late, "table ip6")], want: []string{"the mediaproxy rule for IPv6 is missing"}},
		{name: "too early", script: mainTable + at("-20"), want: []string{
			"the rule in chain media of table ip filter runs before ngcp-fw's verdict (chain media at priority -20, ours at -10)", "of table ip6 filter runs before"}},
		{name: "at the same time", script: mainTable + at("-10"), want: []string{"(chain media, -10): which of the two comes first is luck", "luck"}},
		{name: "nobody leads there", script: mainTable + late + `table ip filter { chain lost { counter; }; };`, want: []string{"chain lost of table ip filter is met by no packet"}},
		{name: "our table is not there", script: late, want: []string{"ngcp-fw's own table is not in force: the rule hands media from anywhere to rtpengine"}},
		{name: "another firewall", script: mainTable + late + `table inet theirs { chain in { type filter hook input priority 5; policy drop; }; chain out { type filter hook output priority 0; policy drop; }; };`, want: []string{
			"chain in of table inet theirs (input hook, priority 5) drops by default: what ngcp-fw accepts",
			"chain out of table inet theirs (output hook, priority 0) drops by default: what rtpengine sends has to be accepted there by its source ports"}},
		{name: "no daemon", script: mainTable + late, change: func(f *Facts) { f.Daemons = nil }, want: []string{"no rtpengine runs here"}},
		{name: "no module, and nobody asked for the rule by name", rule: "auto", script: mainTable, change: func(f *Facts) { f.Control, f.Loaded, f.Version = false, nil, Version{10, 5} },
			want: []string{"install rtpengine-kernel-dkms"}},
		{name: "our chain without a rule, and it is not ours to keep", rule: "off", script: mainTable + "table ip filter { chain ngcp-fw-mediaproxy { type filter hook input priority 10; }; };",
			change: func(f *Facts) { *f = Facts{} }, want: []string{"chain ngcp-fw-mediaproxy of table ip filter is still there"}},
		{name: "a second daemon", script: mainTable + late, change: func(f *Facts) {
			f.Daemons, f.Tables = append(f.Daemons, Daemon{PID: 900, Table: 5, PortMin: 30000, PortMax: 40000}), append(f.Tables, Streams{Table: 5})
		}, want: []string{"rtpengine (process 900) uses table 5, and the rule is for table 3"}},
		{name: "the inactive node", script: mainTable, change: func(f *Facts) { f.Daemons, f.Pair = nil, true }},
		{name: "module not loaded", script: mainTable + late, change: func(f *Facts) { f.Control, f.Loaded, f.Available = false, nil, []string{"xt_RTPENGINE"} }, want: []string{"modprobe xt_RTPENGINE, then restart rtpengine"}},
		{name: "module not installed", script: mainTable + late, change: func(f *Facts) { f.Control, f.Loaded = false, nil }, want: []string{"install rtpengine-kernel-dkms"}},
		{name: "module outside", script: mainTable + late, change: func(f *Facts) { f.Control, f.Loaded, f.Container = false, nil, true }, want: []string{"for the machine outside to do"}},
		{name: "module came late", script: mainTable + late, change: func(f *Facts) { f.Tables = nil }, want: []string{"rtpengine (process 812) has not opened its table 3 in the kernel"}},
		{name: "no packets", script: mainTable + late, change: func(f *Facts) { f.Tables[0].Packets = 0 }, want: []string{"rtpengine's table 3 has 2 streams in the kernel, which has forwarded no packet of them"}},
		{name: "another table", script: mainTable + late, change: func(f *Facts) { f.Daemons[0].Table, f.Tables[0].Table = 5, 5 }, want: []string{
			"hands media to rtpengine's table 3, but no rtpengine here uses that table: set mediaproxy.table to the daemon's (5)", "no rtpengine here uses that table"}},
		{name: "ports closed", script: mainTable + late, change: func(f *Facts) { f.Daemons[0].PortMax = 50000 }, want: []string{"rtpengine uses ports 30000-50000, and the policy does not open all of them (the first is 40001/udp)"}},
		{name: "off", rule: "off", change: func(f *Facts) { *f = Facts{} }},
	} {
		t.Run(row.name, func(t *testing.T) {
			conn := inNamespace(t)
			nft(t, row.script)
			chains, rules := seen(t, conn)
			for i := range rules {
				for j, e := range rules[i].Expressions {
					if e.Name == "counter" {
						f := encodeTarget(TargetRTPENGINE, 3)
						rules[i].Expressions[j] = kernel.Expression{Name: f.Name, Data: f.Data}
					}
				}
			}
			facts := media()
			facts.Version = Version{12, 5}
			if row.change != nil {
				row.change(&facts)
			}
			rule := row.rule
			if rule == "" {
				rule = "daemon"
			}
			r := look(question(rule), facts, chains, rules).report()
			lines := append(r.Drift, r.Findings...)
			require.Len(t, lines, len(row.want), strings.Join(lines, "\n"))
			for i, want := range row.want {
				assert.Contains(t, lines[i], want)
			}
		})
	}
}

func TestInspectSeesADamagedChain(t *testing.T) {
	conn := inNamespace(t)
	nft(t, mainTable+`table ip filter { chain ngcp-fw-mediaproxy { type filter hook input priority 10; counter accept; }; };`)
	before := genid(t, conn)
	r, err := Inspect(conn, Host{Root: "testdata/debian", Run: answers("Version: 10.5.3.5-1")}, Question{Setting: policy.Mediaproxy{Rule: "auto"}, Main: "ngcp-fw", RTP: rtp})
	require.NoError(t, err)
	assert.Equal(t, before, genid(t, conn), "looking changes nothing")
	assert.Equal(t, ModeXtables, r.Mode)
	assert.False(t, r.InForce)
	require.Len(t, r.Drift, 2)
	assert.Contains(t, r.Drift[0], "the mediaproxy rule for IPv6 is missing")
	assert.Contains(t, r.Drift[1], "somebody else changed chain ngcp-fw-mediaproxy of table ip filter; apply mends it")
}

func TestAnEmptyReportHasNoNulls(t *testing.T) {
	for _, facts := range []Facts{{}, {Daemons: []Daemon{{}}}} {
		text, err := json.Marshal(look(question("off"), facts, nil, nil).report())
		require.NoError(t, err)
		assert.NotContains(t, string(text), "null")
	}
}

func TestThePortsOfARangeThatAreClosed(t *testing.T) {
	udp := func(from, to uint16) policy.Ports { return policy.Ports{Protocol: policy.UDP, From: from, To: to} }
	for _, row := range []struct {
		ranges []policy.Ports
		port   uint16
		open   bool
	}{
		{[]policy.Ports{udp(30000, 40000)}, 0, true},
		{[]policy.Ports{udp(35001, 65535), udp(1, 35000)}, 0, true},
		{[]policy.Ports{udp(35002, 40000), udp(30000, 35000)}, 35001, false},
		{[]policy.Ports{{Protocol: policy.TCP, From: 1, To: 65535}}, 30000, false},
		{[]policy.Ports{udp(30000, 39999)}, 40000, false},
	} {
		port, open := firstClosed(row.ranges, 30000, 40000)
		assert.Equal(t, row.open, open)
		if !open {
			assert.Equal(t, row.port, port)
		}
	}
	_, open := firstClosed([]policy.Ports{udp(1, 65535)}, 60000, 65535)
	assert.True(t, open)
}
