// Package monitoring tests the alerts and the dashboard of this folder, by
// Prometheus' own tool.
package monitoring

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// promtool runs Prometheus' tool: the installed one, or the one that make test puts
// into bin.
func promtool(t *testing.T, input string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if path, err = filepath.Abs("../../bin/promtool"); err == nil {
			_, err = os.Stat(path)
		}
	}
	if err != nil {
		t.Skip("SKIPPING: no promtool: make promtool")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	require.NoErrorf(t, err, "promtool %v\n%s\n%s", args, out, input)
}

func TestRules(t *testing.T) {
	promtool(t, "", "check", "rules", "rules.yml")
	promtool(t, "", "test", "rules", "rules_test.yml")
}

// goldens are what the program tells of hosts of all kinds.
const goldens = "../../firewall/metrics/testdata/*.prom"

func TestMetricsPassTheCheck(t *testing.T) {
	files, err := filepath.Glob(goldens)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		promtool(t, string(text), "check", "metrics")
	}
}

// The program itself, in a network namespace of its own.
func TestRealMetricsPassTheCheck(t *testing.T) {
	if err := exec.Command("unshare", "-rn", "true").Run(); err != nil {
		t.Skipf("SKIPPING: no network namespaces of our own: %v", err)
	}
	program := filepath.Join(t.TempDir(), "ngcp-fw")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "../../cmd/ngcp-fw").CombinedOutput()
	require.NoError(t, err, string(out))
	const script = `dir=$1; fw() { "$0" --state-dir "$dir/state" --run-dir "$dir/run" -f ../carrier/policy.yml "$@"; }
fw apply >&2 && fw ban 203.0.113.9 >&2 && fw metrics --textfile "$dir/ngcp-fw.prom" && fw metrics`
	dir := t.TempDir()
	cmd := exec.Command("unshare", "-rn", "sh", "-c", script, program, dir)
	text, err := cmd.Output()
	require.NoError(t, err)
	promtool(t, string(text), "check", "metrics")
	file, err := os.ReadFile(filepath.Join(dir, "ngcp-fw.prom"))
	require.NoError(t, err)
	assert.Equal(t, names(string(text)), names(string(file)))
	assert.Contains(t, string(text), `ngcp_fw_bans{kind="permanent"} 1`)
}

var (
	ourName  = regexp.MustCompile(`ngcp_fw_[a-z_]+`)
	typeLine = regexp.MustCompile(`(?m)^# TYPE (\S+) `)
)

// names is the families in a text of metrics.
func names(text string) (all []string) {
	for _, m := range typeLine.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestOnlyMetricsThatThereAre(t *testing.T) {
	whole, err := os.ReadFile("../../firewall/metrics/testdata/whole.prom")
	require.NoError(t, err)
	there := names(string(whole))
	for _, file := range []string{"rules.yml", "rules_test.yml", "dashboard.json", "../../docs/monitoring.md"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		used := ourName.FindAllString(string(text), -1)
		assert.NotEmpty(t, used, file)
		for _, name := range used {
			assert.Truef(t, slices.Contains(there, name) || strings.HasSuffix(name, "_"), "%s: there is no %s", file, name)
		}
	}
}

// The page tells of every metric and every alert.
func TestPageIsWhole(t *testing.T) {
	page, err := os.ReadFile("../../docs/monitoring.md")
	require.NoError(t, err)
	whole, err := os.ReadFile("../../firewall/metrics/testdata/whole.prom")
	require.NoError(t, err)
	for _, name := range names(string(whole)) {
		assert.Contains(t, string(page), "`"+name+"`")
	}
	rules, err := os.ReadFile("rules.yml")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		assert.Contains(t, string(page), "| `"+m[1]+"` |")
	}
}

// Every alert is tested, both ways.
func TestEveryAlertIsTested(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert string }
		}
	}
	var tests struct {
		Tests []struct {
			Rows []struct {
				Alert  string `yaml:"alertname"`
				Expect []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	load(t, "rules.yml", &rules)
	load(t, "rules_test.yml", &tests)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, row := range test.Rows {
			fires[row.Alert] = fires[row.Alert] || len(row.Expect) > 0
			quiet[row.Alert] = quiet[row.Alert] || len(row.Expect) == 0
		}
	}
	for _, rule := range rules.Groups[0].Rules {
		assert.True(t, fires[rule.Alert], rule.Alert)
		assert.True(t, quiet[rule.Alert], rule.Alert)
	}
}

func load(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into))
}

// The dashboard's queries are PromQL, and its panels do not overlap.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	taken := map[[2]int]string{}
	rules := map[string]any{}
	var list []any
	for _, p := range dashboard.Panels {
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				assert.Empty(t, taken[at], p.Title)
				taken[at] = p.Title
			}
		}
		assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		assert.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(target.Expr)
			list = append(list, map[string]string{"record": "dashboard:" + string(rune('a'+len(list))), "expr": expr})
		}
	}
	rules["groups"] = []any{map[string]any{"name": "dashboard", "rules": list}}
	written, err := yaml.Marshal(rules)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	require.NoError(t, os.WriteFile(file, written, 0o600))
	promtool(t, "", "check", "rules", file)
}
