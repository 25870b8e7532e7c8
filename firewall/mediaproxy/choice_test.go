package mediaproxy

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
)

func TestChoose(t *testing.T) {
	running := func(v Version, d Daemon, modules ...string) Facts {
		return Facts{Version: v, Installed: true, Daemons: []Daemon{d}, Loaded: modules, Control: len(modules) > 0}
	}
	native := []Handler{{Kind: KindNative}}
	for _, row := range []struct {
		name    string
		rule    string
		table   int
		facts   Facts
		rules   []Handler
		mode    Mode
		target  string
		chosen  int
		because string
	}{
		{name: "mr3.6", facts: running(Version{3, 6}, Daemon{}, "xt_MEDIAPROXY"), mode: ModeXtables, target: "MEDIAPROXY", because: "3.6 needs a rule"},
		{name: "mr3.6, no module yet", facts: running(Version{3, 6}, Daemon{}), mode: ModeXtables, target: "MEDIAPROXY"},
		{name: "mr3.7", facts: running(Version{3, 7}, Daemon{}, "xt_RTPENGINE"), mode: ModeXtables, target: "RTPENGINE"},
		{name: "mr10.5", facts: running(Version{10, 5}, Daemon{}, "xt_RTPENGINE"), mode: ModeXtables, target: "RTPENGINE", because: "10.5 needs a rule"},
		{name: "mr11.5", facts: running(Version{11, 5}, Daemon{}), mode: ModeXtables, target: "RTPENGINE"},
		{name: "mr12.0", facts: running(Version{12, 0}, Daemon{}, "xt_RTPENGINE"), mode: ModeDaemon, because: "12.0 keeps its rule itself"},
		{name: "mr14.1", facts: running(Version{14, 1}, Daemon{}, "nft_rtpengine"), mode: ModeDaemon},
		{name: "mr26.2", facts: running(Version{26, 2}, Daemon{}), mode: ModeDaemon},
		{name: "a build from a branch", facts: running(Version{}, Daemon{}, "nft_rtpengine"), mode: ModeDaemon, because: "module is nft_rtpengine"},
		{name: "a branch, by its rule", facts: running(Version{}, Daemon{}), rules: native, mode: ModeDaemon, because: "only rtpengine itself makes"},
		{name: "only the old module", facts: Facts{Loaded: []string{"xt_MEDIAPROXY"}}, mode: ModeXtables, target: "MEDIAPROXY"},
		{name: "only the module", facts: Facts{Available: []string{"xt_RTPENGINE"}}, mode: ModeXtables, target: "RTPENGINE"},
		{name: "nothing known but a process", facts: Facts{Daemons: []Daemon{{}}}, mode: ModeXtables, target: "RTPENGINE", because: "neither"},
		{name: "nothing at all", mode: ModeOff, because: "there is no rtpengine on this host"},
		{name: "a container", facts: Facts{Container: true, Daemons: []Daemon{{}}}, mode: ModeOff, because: "container"},
		{name: "a container that sees the module", facts: Facts{Container: true, Control: true, Version: Version{12, 5}}, mode: ModeDaemon},
		{name: "user space only", facts: running(Version{10, 5}, Daemon{Table: -1}, "xt_RTPENGINE"), mode: ModeOff, because: "table = -1"},
		{name: "told to keep no rule", facts: running(Version{13, 0}, Daemon{Unkept: true}), mode: ModeOff, because: "set rule: xtables"},
		{name: "the daemon's table", facts: running(Version{10, 5}, Daemon{Table: 3}), mode: ModeXtables, target: "RTPENGINE", chosen: 3},
		{name: "the policy's of two", table: 3, facts: Facts{Version: Version{10, 5}, Daemons: []Daemon{{Table: 1}, {Table: 3}}}, mode: ModeXtables, target: "RTPENGINE", chosen: 3},

		{name: "off", rule: "off", facts: running(Version{10, 5}, Daemon{}), mode: ModeOff, because: "the policy says so"},
		{name: "daemon", rule: "daemon", facts: running(Version{10, 5}, Daemon{}), mode: ModeDaemon},
		{name: "xtables, table 2", rule: "xtables", table: 2, facts: running(Version{12, 5}, Daemon{Table: 5}), mode: ModeXtables, target: "RTPENGINE", chosen: 2},
		{name: "xtables, old", rule: "xtables", facts: Facts{Available: []string{"xt_MEDIAPROXY"}}, mode: ModeXtables, target: "MEDIAPROXY"},
		{name: "xtables, both", rule: "xtables", facts: Facts{Available: []string{"xt_MEDIAPROXY"}, Loaded: []string{"xt_RTPENGINE"}}, mode: ModeXtables, target: "RTPENGINE"},
		{name: "xtables, nothing", rule: "xtables", mode: ModeXtables, target: "RTPENGINE"},
	} {
		t.Run(row.name, func(t *testing.T) {
			rule := row.rule
			if rule == "" {
				rule = "auto"
			}
			c := Choose(policy.Mediaproxy{Rule: rule, Table: row.table}, row.facts, row.rules)
			assert.Equal(t, row.mode, c.Mode)
			assert.Equal(t, row.target, c.Target)
			assert.Equal(t, row.chosen, max(c.Table, 0))
			assert.Contains(t, c.Why, row.because)
			assert.NotEmpty(t, c.Why)
		})
	}
}

func TestComments(t *testing.T) {
	assert.Equal(t, []string{
		"# The mediaproxy rule cannot be written as text; ngcp-fw apply puts it in. The same by hand:",
		"#   iptables -A INPUT -p udp -j RTPENGINE --id 2",
		"#   ip6tables -A INPUT -p udp -j RTPENGINE --id 2",
	}, Comment(Choice{Mode: ModeXtables, Target: "RTPENGINE", Table: 2}))
	assert.Equal(t, []string{
		"# The mediaproxy rule cannot be written as text. From 12.0 on rtpengine makes it itself;",
		"# before, ngcp-fw apply puts it in. The same by hand:",
		"#   iptables -A INPUT -p udp -j RTPENGINE --id 1",
		"#   ip6tables -A INPUT -p udp -j RTPENGINE --id 1",
	}, Comment(Stated(policy.Mediaproxy{Rule: "auto", Table: 1})))
	assert.Equal(t, Comment(Choice{Mode: ModeOff, Why: "the policy says so"}), Comment(Stated(policy.Mediaproxy{Rule: "off"})))
	assert.Contains(t, Comment(Choice{Mode: ModeDaemon, Table: 1})[1], "rtpengine --table=1 --nftables-start")
	assert.Equal(t, []string{"# No mediaproxy rule: the policy says so."}, Comment(Choice{Mode: ModeOff, Why: "the policy says so"}))
}

// covered is a rule of the daemon's in both families.
func covered(id int) []Handler {
	return []Handler{
		{Family: "ip", Kind: KindNative, ID: id, Hooks: []Hook{{"INPUT", 0}}},
		{Family: "ip6", Kind: KindNative, ID: id, Hooks: []Hook{{"INPUT", 0}}},
	}
}

func TestTheDaemonPutsItsRuleBack(t *testing.T) {
	inet := []Handler{{Family: "inet", Hooks: []Hook{{"INPUT", 0}}}}
	for _, row := range []struct {
		name          string
		root          string
		table         int
		before, after []Handler
		fails         error
		ran, err      string
	}{
		{name: "it is there", root: "debian", before: covered(0)},
		{name: "it is there, for both at once", root: "debian", before: inet},
		{name: "it is missing", root: "debian", after: covered(0), ran: "rtpengine --table=0 --config-file=/etc/rtpengine/rtpengine.conf --nftables-start"},
		{name: "half of it", root: "debian", before: covered(0)[:1], after: inet, ran: "rtpengine --table=0 --config-file=/etc/rtpengine/rtpengine.conf --nftables-start"},
		{name: "another table's", root: "debian", before: covered(1), after: covered(0), ran: "--nftables-start"},
		{name: "one family's is all", root: "debian", table: 1, before: covered(1)[1:]},
		{name: "it fails", root: "debian", fails: errors.New("exit status 1"), ran: "--nftables-start", err: "did not put it back: exit status 1: no such option"},
		{name: "it does nothing", root: "debian", ran: "--nftables-start", err: "still missing"},
		{name: "no daemon runs", root: "empty"},
	} {
		t.Run(row.name, func(t *testing.T) {
			rules := row.before
			host := Host{Root: "testdata/" + row.root, Run: func(args ...string) (string, error) {
				require.Equal(t, "--nftables-start", args[len(args)-1])
				rules = row.after
				return "hello\nno such option\n", row.fails
			}}
			ran, err := restart(func() ([]Handler, error) { return rules, nil }, host, Choice{Mode: ModeDaemon, Table: row.table})
			assert.Contains(t, ran, row.ran)
			assert.Equal(t, row.ran == "", ran == "")
			if row.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, row.err)
			}
		})
	}
}
