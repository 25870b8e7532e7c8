package firewall

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/store"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// crowd is a model whose subscribers are so many single networks.
func crowd(t *testing.T, size int) *exposure.Model {
	t.Helper()
	list := strings.ReplaceAll(crowdText(size, 0), ", ", "\n")
	text := "version: 1\nroles:\n  administrators: {allow: [192.0.2.0/24]}\n  subscribers: {allow: [{file: list}]}\n"
	p, diags := policy.Parse("policy.yml", []byte(text), func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(list)), nil })
	require.Zero(t, diags.Errors(), "%v", diags)
	m, diags := exposure.Resolve(exposure.Inputs{Policy: p, Now: time.Now()})
	require.Zero(t, diags.Errors(), "%v", diags)
	return m
}

// crowdText is networks of four addresses with as many between them; the odd
// ones are the latter.
func crowdText(size, odd int) string {
	var list []string
	for i := range size {
		list = append(list, fmt.Sprintf("10.%d.%d.%d/30", i>>13, i>>5&255, i&31*8+4*odd))
	}
	return strings.Join(list, ", ")
}

func status(t *testing.T, f Firewall) *Status {
	t.Helper()
	s, err := f.Status()
	require.NoError(t, err)
	return s
}

// nftScript runs a script in the thread's namespaces.
func nftScript(t *testing.T, script string) {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script + "\n")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", script, out)
}

// handle finds the number of the rule with the words.
func handle(t *testing.T, chain, words string) string {
	t.Helper()
	for line := range strings.Lines(nft(t, "-a", "list", "chain", "inet", "ngcp-fw", chain)) {
		if _, number, ok := strings.Cut(line, "# handle "); ok && strings.Contains(line, words) {
			return strings.TrimSpace(number)
		}
	}
	require.Fail(t, "no such rule", "%s: %s", chain, words)
	return ""
}

// What others do to our table is found, told in words, and repaired.
func TestForeignChanges(t *testing.T) {
	for _, c := range []struct{ change, want string }{
		{"add rule inet ngcp-fw input-1 tcp dport 3306 accept", "rule added to input-1 by somebody else: tcp dport 3306 accept"},
		{"insert rule inet ngcp-fw input tcp dport 3306 accept", "rule added to input by somebody else: tcp dport 3306 accept"},
		{"insert rule inet ngcp-fw input goto input-1", "rule added to input by somebody else: goto input-1"},
		{"flush chain inet ngcp-fw input", "rule removed from input by somebody else: "},
		{"flush chain inet ngcp-fw igmp-1", "rule removed from igmp-1 by somebody else: ip daddr 224.0.0.0/4 accept"},
		{"delete rule inet ngcp-fw echo-1 handle HANDLE(echo-1,limit)", "rule removed from echo-1 by somebody else: limit rate 50/second"},
		{"replace rule inet ngcp-fw echo-1 handle HANDLE(echo-1,limit) accept", "rule removed from echo-1 by somebody else: limit rate 50/second|rule added to echo-1 by somebody else: accept"},
		{"delete rule inet ngcp-fw input-1 handle HANDLE(input-1,\"loopback\")\nadd rule inet ngcp-fw input-1 iifname lo accept comment \"loopback\"",
			"rule moved in input-1 by somebody else: iifname \"lo\" accept"},
		{"add chain inet ngcp-fw mine", "chain mine added by somebody else"},
		{"add chain inet ngcp-fw mine-7", "chain mine-7 added by somebody else"},
		{"add chain inet ngcp-fw mine { type filter hook input priority 5; }", "chain mine added by somebody else: type filter hook input priority filter + 5"},
		{"chain inet ngcp-fw input { policy accept; }", "chain input changed by somebody else: type filter hook input priority filter - 10; policy drop"},
		{"delete chain inet ngcp-fw output", "chain output removed by somebody else: type filter hook output"},
		{"add set inet ngcp-fw mine { type ipv4_addr; }", "set mine added by somebody else: type ipv4_addr"},
		{"add element inet ngcp-fw from-administrators4-1 { 203.0.113.9 }", "elements of set from-administrators4-1 changed by somebody else, 1 added and 0 removed: +203.0.113.9"},
		{"delete element inet ngcp-fw from-administrators4-1 { 192.0.2.0/24 }\nadd element inet ngcp-fw from-administrators4-1 { 192.0.3.0/24 }",
			"elements of set from-administrators4-1 changed by somebody else, 1 added and 1 removed: +192.0.3.0/24 -192.0.2.0/24"},
		{"flush set inet ngcp-fw from-administrators4-1", "elements of set from-administrators4-1 changed by somebody else, 0 added and 1 removed: -192.0.2.0/24"},
		{"add element inet ngcp-fw tcp-ports-1 { 3306 : accept }", "elements of set tcp-ports-1 changed by somebody else, 1 added and 0 removed: +3306 : accept"},
		{"add counter inet ngcp-fw mine", "counter mine added by somebody else"},
		{"add quota inet ngcp-fw mine { over 1 mbytes }", "<object mine, 20 bytes> added by somebody else"},
		{"add table inet ngcp-fw { flags dormant; }", "the table is dormant: somebody else switched all its rules off"},
		{"delete table inet ngcp-fw", "table inet ngcp-fw is gone: somebody else removed it"},
		{"flush ruleset", "table inet ngcp-fw is gone: somebody else removed it"},
	} {
		t.Run(c.change, func(t *testing.T) {
			t.Parallel()
			f := inNamespace(t)
			apply(t, f, office)
			require.Empty(t, status(t, f).Drift)
			nftScript(t, handles.ReplaceAllStringFunc(c.change, func(s string) string {
				match := handles.FindStringSubmatch(s)
				return handle(t, match[1], match[2])
			}))
			s := status(t, f)
			wants := strings.Split(c.want, "|")
			require.Len(t, s.Drift, len(wants), "%q", s.Drift)
			for i, want := range wants {
				assert.True(t, strings.HasPrefix(s.Drift[i], want), "%q", s.Drift[i])
			}
			assert.Equal(t, s.Drift, status(t, f).Drift, "drift is no mark")
			assert.True(t, apply(t, f, office).Changed())
			requireMended(t, f)
			assert.NotContains(t, nft(t, "list", "ruleset"), "mine")
		})
	}
}

var handles = regexp.MustCompile(`HANDLE\(([^,]+),([^)]+)\)`)

func requireMended(t *testing.T, f Firewall) {
	t.Helper()
	assert.Empty(t, status(t, f).Drift)
	full, err := f.StatusInFull()
	require.NoError(t, err)
	assert.Empty(t, full.Drift)
}

// What is of the moment, or of others, is none.
func TestNoDrift(t *testing.T) {
	f := inNamespace(t)
	apply(t, f, office)
	for _, change := range []string{
		"reset counters table inet ngcp-fw",
		"add element inet ngcp-fw banned4 { 203.0.113.66 timeout 1h, 198.51.100.0/24 }",
		"flush set inet ngcp-fw banned4",
		"add table inet other\nadd chain inet other mine { type filter hook input priority 0; policy drop; }",
		"delete table inet other",
	} {
		nftScript(t, change)
		s := status(t, f)
		assert.Empty(t, s.Drift, change)
		assert.Empty(t, s.Sampled, change)
		assert.False(t, apply(t, f, office).Changed(), change)
	}
}

const subscribers = "from-subscribers4-1"

// Large sets: by their count, and where that is the same by samples.
func TestForeignChangesOfLargeSets(t *testing.T) {
	for _, c := range []struct{ change, want string }{
		{"add element inet ngcp-fw from-subscribers4-1 { 203.0.113.9 }", "elements of set from-subscribers4-1 changed by somebody else, 1 added and 0 removed: +203.0.113.9"},
		{"flush set inet ngcp-fw from-subscribers4-1", "elements of set from-subscribers4-1 changed by somebody else, 0 added and 10500 removed: -10.0.0.0/30"},
		{"flush set inet ngcp-fw from-subscribers4-1\nadd element inet ngcp-fw from-subscribers4-1 { " + crowdText(10_500, 1) + " }", "elements of set from-subscribers4-1 changed by somebody else, 10500 added and 10500 removed: +10.0.0.4/30"},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Parallel()
			f := inNamespace(t)
			m := crowd(t, 10_500)
			_, err := f.Apply(m, operator, Options{})
			require.NoError(t, err)
			require.Empty(t, status(t, f).Drift)
			nftScript(t, c.change)
			s := status(t, f)
			require.Len(t, s.Drift, 1)
			assert.True(t, strings.HasPrefix(s.Drift[0], c.want), "%q", s.Drift[0])
			plan, err := f.Apply(m, operator, Options{})
			require.NoError(t, err)
			assert.True(t, plan.Changed())
			requireMended(t, f)
		})
	}
}

// One element in the place of another: comparing all finds it for certain, and
// from then on status and apply know.
func TestOneElementInThePlaceOfAnother(t *testing.T) {
	t.Parallel()
	f := inNamespace(t)
	m := crowd(t, 15_000)
	_, err := f.Apply(m, operator, Options{})
	require.NoError(t, err)
	assert.Empty(t, status(t, f).Sampled, "nothing has changed since all was compared")
	nftScript(t, "add table inet other")
	start := time.Now()
	s := status(t, f)
	t.Log("sampled in", time.Since(start))
	assert.Empty(t, s.Drift)
	require.Len(t, s.Sampled, 1)
	assert.Equal(t, subscribers, s.Sampled[0].Name)

	nftScript(t, "delete element inet ngcp-fw from-subscribers4-1 { 10.0.0.8/30 }\nadd element inet ngcp-fw from-subscribers4-1 { 203.0.113.8/30 }")
	want := []string{"elements of set from-subscribers4-1 changed by somebody else, 1 added and 1 removed: +203.0.113.8/30 -10.0.0.8/30"}
	full, err := f.StatusInFull()
	require.NoError(t, err)
	assert.Equal(t, want, full.Drift)
	nftScript(t, "add table inet another")
	assert.Equal(t, want, status(t, f).Drift)
	plan, err := f.Apply(m, operator, Options{})
	require.NoError(t, err)
	assert.True(t, plan.Changed())
	requireMended(t, f)
}

// So large a set is not read to name what differs.
func TestDriftOfAVeryLargeSet(t *testing.T) {
	sets := func(name string, raw []byte) *ruleset.Table {
		return &ruleset.Table{Family: compile.Family, Name: compile.TableName, Sets: []ruleset.Set{{Name: name, Key: ruleset.TypePort, Raw: raw}}}
	}
	n := inForce{generation: 3, applied: sets("from-1", nil), Reading: kernel.Reading{
		Table: sets("from-1", []byte("unlike")), Sampled: []kernel.Sampled{{Name: "from-1", Fault: "it has 5 elements instead of 4"}, {Name: "to-3"}}}}
	lines, differs := n.drift()
	assert.Equal(t, []string{"set from-1 changed by somebody else: it has 5 elements instead of 4"}, lines)
	assert.Empty(t, differs)
}

// A change is told by the name that the set has in the kernel.
func TestDriftOfASetOfAnEarlierGeneration(t *testing.T) {
	sets := func(elements ...byte) *ruleset.Table {
		list := ruleset.NewElements(ruleset.TypePort, false)
		for _, e := range elements {
			list.Append([]byte{0, e}, nil)
		}
		return &ruleset.Table{Family: compile.Family, Name: compile.TableName, Chains: []ruleset.Chain{{Name: "input-3"}},
			Sets: []ruleset.Set{{Name: "from-1", Key: ruleset.TypePort, Elements: list}}}
	}
	n := inForce{generation: 3, applied: sets(22), Reading: kernel.Reading{Table: sets(22, 80)}}
	lines, differs := n.drift()
	assert.Equal(t, []string{"elements of set from-1 changed by somebody else, 1 added and 0 removed: +80"}, lines)
	assert.Equal(t, []string{"from-1"}, differs)
}

func damage(t *testing.T, f Firewall, name string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(f.StateDir, name), []byte("damaged"), 0o600))
}

// Why it is not known what should be in force.
func TestStatusWithoutASnapshot(t *testing.T) {
	for _, c := range []struct {
		about string
		spoil func(t *testing.T, f Firewall)
		want  string
	}{
		{"missing", func(t *testing.T, f Firewall) { require.NoError(t, os.RemoveAll(f.StateDir)) },
			"nothing is kept of generation 1 in STATE: it is lost, its apply was interrupted, or it was applied with another state directory"},
		{"meta damaged", func(t *testing.T, f Firewall) { damage(t, f, "generation-1.json") },
			"the snapshot of generation 1 is damaged: STATE/generation-1.json: it is not JSON"},
		{"content damaged", func(t *testing.T, f Firewall) {
			damage(t, f, "generation-1.ruleset")
			nftScript(t, "add table inet other")
		},
			"the snapshot of generation 1 is damaged: STATE/generation-1.ruleset: its SHA-256 digest is not the one on record"},
		{"content missing", func(t *testing.T, f Firewall) {
			require.NoError(t, os.Remove(filepath.Join(f.StateDir, "generation-1.ruleset")))
		},
			"cannot read the snapshot of generation 1 (STATE/generation-1.ruleset): there is no such file"},
		{"another boot", func(t *testing.T, f Firewall) { resave(t, f, func(m *store.Meta) { m.BootID = "earlier" }) },
			"generation 1 of STATE was applied in an earlier boot: what is in force now was applied with another state directory"},
		{"another namespace", func(t *testing.T, f Firewall) { resave(t, f, func(m *store.Meta) { m.NetNS++ }) },
			"generation 1 of STATE was applied in another network namespace: what is in force here was applied with another state directory"},
		{"of others", func(t *testing.T, f Firewall) {
			require.NoError(t, os.RemoveAll(f.StateDir))
			nftScript(t, "delete table inet ngcp-fw\nadd table inet ngcp-fw")
		}, "its base chains lead to no generation, and nothing is kept of what was applied here"},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			f := inNamespace(t)
			apply(t, f, office)
			c.spoil(t, f)
			s := status(t, f)
			assert.True(t, s.Applied)
			assert.Nil(t, s.Snapshot)
			require.Len(t, s.Drift, 1)
			assert.Contains(t, s.Drift[0], "unknown: "+strings.ReplaceAll(c.want, "STATE", f.StateDir))
			full, err := f.StatusInFull()
			require.NoError(t, err)
			assert.Equal(t, s, full)
			assert.True(t, strings.HasSuffix(s.Drift[0], ". Hint: apply once more"), s.Drift[0])
			apply(t, f, office)
			assert.Empty(t, status(t, f).Drift, "the hint helps")
		})
	}
}

func resave(t *testing.T, f Firewall, change func(*store.Meta)) {
	t.Helper()
	snapshot, err := f.store().Load(1)
	require.NoError(t, err)
	change(&snapshot.Meta)
	require.NoError(t, f.store().Save(snapshot.Meta, snapshot.Content))
	require.NoError(t, store.RemoveMark(f.RunDir))
}

// What an interrupted apply leaves is told as such, not as somebody else's.
func TestInterruptedApply(t *testing.T) {
	const others = "add chain inet ngcp-fw mine\n"
	for generation, want := range map[string]string{
		"2": "an apply was interrupted: parts of generation 2 are loaded, but not in force; the next apply cleans up",
		"0": "an apply was interrupted after generation 1 came into force: parts of generation 0 are left, but not in force; the next apply cleans up",
	} {
		f := inNamespace(t)
		apply(t, f, office)
		left := "add chain inet ngcp-fw input-G\nadd rule inet ngcp-fw input-G accept\nadd chain inet ngcp-fw service-new-G\n" +
			"add set inet ngcp-fw from-administrators4-G { type ipv4_addr; flags interval; }\n"
		nftScript(t, strings.ReplaceAll(left, "G", generation)+others)
		s := status(t, f)
		assert.Equal(t, uint64(1), s.Generation)
		assert.Equal(t, []string{want, "chain mine added by somebody else"}, s.Drift)
		apply(t, f, office)
		requireMended(t, f)
		assert.NotContains(t, nft(t, "list", "ruleset"), "service-new")
	}
}
