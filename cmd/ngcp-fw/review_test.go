package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

func TestCodeSpan(t *testing.T) {
	for text, want := range map[string]string{
		"ssh":              "`ssh`",
		"a`b":              "``a`b``",
		"`a``b":            "``` `a``b ```",
		"two\nlines\x1b[2": "`two lines�[2`",
		"@all <b> [x](y)":  "`@all <b> [x](y)`",
	} {
		assert.Equal(t, want, codeSpan(text))
	}
}

// A code span ends where it should: at the first run of as many backticks as
// it begins with.
func TestCodeSpanHoldsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("`a| \n<"))).Draw(t, "text")
		span := codeSpan(text)
		n := strings.IndexFunc(span, func(r rune) bool { return r != '`' })
		if n < 0 {
			require.Empty(t, strings.TrimSpace(strings.ReplaceAll(text, "\n", "")))
			return
		}
		inside := strings.TrimSuffix(span[n:], span[:n])
		require.NotEqual(t, span[n:], inside)
		require.NotContains(t, inside, span[:n])
		require.NotContains(t, span, "\n")
	})
}

func TestMarkdownText(t *testing.T) {
	for text, want := range map[string]string{
		"ssh is for administrators, see (1): yes.": "ssh is for administrators, see (1): yes.",
		"_x_ *y* `z` [a](b) # |":                   "\\_x\\_ \\*y\\* \\`z\\` \\[a\\](b) \\# \\|",
		"<img src=x> & @all\n\n# no":               "&#60;img src\\=x&#62; &#38; &#64;all \\# no",
	} {
		assert.Equal(t, want, markdownText(text))
	}
}

// A fence is longer than any in the rules.
func TestFoldedRulesStayFolded(t *testing.T) {
	var out bytes.Buffer
	folded(&out, "Rules: <b>", "diff", []string{"+ rule", "```", "</details>"})
	assert.Equal(t, "<details><summary>Rules: &lt;b&gt;</summary>\n\n````diff\n+ rule\n```\n</details>\n````\n\n</details>\n\n", out.String())
}

func TestUnexposed(t *testing.T) {
	rule := ruleset.Change{Object: "rule"}
	for want, rules := range map[string][]ruleset.Change{
		"No change in exposure. No rule differs.":          nil,
		"No change in exposure. 1 rule differs.":           {rule},
		"No change in exposure. 3 rules differ.":           {rule, rule, rule},
		"No change in exposure. 1 rule, 1 set differ.":     {rule, {Object: "set"}},
		"No change in exposure. 12 elements differ.":       {{Object: "element", Added: 12}},
		"No change in exposure. 1 foreign object differs.": {{Object: "foreign"}},
	} {
		assert.Equal(t, want, (&review{rules: rules}).unexposed())
		assert.Equal(t, strings.Replace(want, "No change", "But for that, no change", 1), (&review{rules: rules, drifted: true}).unexposed())
	}
}

func TestCutFlows(t *testing.T) {
	for _, c := range []struct {
		flows    *firewall.Flows
		text     string
		document string
	}{
		{nil, "", ""},
		{&firewall.Flows{}, "", `"cut_flows":0`},
		{&firewall.Flows{Cut: 2}, "2 open flows would be cut.", `"cut_flows":2`},
		{&firewall.Flows{Err: errors.New("no permission")}, "", ""},
	} {
		r := review{flows: c.flows}
		assert.Equal(t, c.text, r.cut())
		document, err := json.Marshal(r.document())
		require.NoError(t, err)
		assert.Equal(t, c.document != "", strings.Contains(string(document), "cut_flows"))
		assert.Contains(t, string(document), c.document)
		for _, write := range []func(*bytes.Buffer){
			func(b *bytes.Buffer) { writeReviewText(b, r, false) },
			func(b *bytes.Buffer) { writeMarkdown(b, r, false) },
		} {
			var out bytes.Buffer
			write(&out)
			assert.Equal(t, c.text != "", strings.Contains(out.String(), "would be cut"))
		}
	}
}

func TestWarningsWorstFirst(t *testing.T) {
	any, some := addr.Any(), addr.Of(netip.MustParsePrefix("192.0.2.0/24"))
	r := review{notices: []warning{forwardOff}, exposure: exposure.Change{Gained: []exposure.Delta{
		{Service: "ssh", Meant: "ssh", Admin: true, Sources: any}, {Service: "ossbss", Meant: "ossbss", Admin: true, Sources: some},
		{Service: "ssh", Meant: "ssh", Admin: true, Sources: some}, {Service: "www-admin", Meant: "www-admin", Admin: true, Sources: some}, {Service: "sip", Sources: any},
	}}}
	want := []warning{
		forwardOff, {"!!", "ssh is for administrators and would be open to everyone"},
		{"!", "ossbss and www-admin are for administrators and would be open to more"},
	}
	assert.Equal(t, want, r.warnings())
	r.remark = "what is in force is not known"
	assert.Equal(t, want[:2], r.warnings())
}

func TestSeeWorst(t *testing.T) {
	but := addr.Any().Subtract(addr.Of(netip.MustParsePrefix("203.0.113.0/24")))
	ssh := exposure.Delta{Service: "ssh", Meant: "ssh", Admin: true, Sources: but, Ports: []policy.Ports{{Protocol: policy.TCP, From: 22, To: 23}}}
	at, v6, sip := ssh, ssh, ssh
	at.Addresses, at.Interfaces = []string{"192.0.2.1"}, []string{"eth0", "eth1"}
	v6.Sources, v6.Addresses, v6.Interfaces = addr.Any6(), []string{"2001:db8::1"}, []string{"!eth0"}
	sip.Admin = false
	for _, c := range []struct {
		delta exposure.Delta
		flags globalFlags
		want  string
	}{
		{ssh, globalFlags{}, "ngcp-fw explain --from 198.51.100.9 --to 22/tcp"},
		{at, globalFlags{policy: "a b.yml", host: "sp1"}, "ngcp-fw -f 'a b.yml' --host sp1 explain --from 198.51.100.9 --to 192.0.2.1:22/tcp --in eth0"},
		{v6, globalFlags{config: []string{"a", "b"}, network: "it's"}, `ngcp-fw --config a --config b --network 'it'\''s' explain --from 2001:db8::9 --to [2001:db8::1]:22/tcp`},
		{sip, globalFlags{}, ""},
	} {
		assert.Equal(t, c.want, seeWorst([]exposure.Delta{sip, c.delta}, c.flags))
	}
}

// Of a long table, the rest is folded away; nothing is left out.
func TestLongTablesAreFolded(t *testing.T) {
	var deltas []exposure.Delta
	for i := range 25 {
		deltas = append(deltas, exposure.Delta{Service: fmt.Sprintf("own%d", i), Sources: addr.Any()})
	}
	for n, want := range map[int]string{20: "", 21: "1 more", 25: "5 more"} {
		var out bytes.Buffer
		writeMarkdown(&out, review{exposure: exposure.Change{Lost: deltas[:n]}}, false)
		assert.Equal(t, want != "", strings.Contains(out.String(), "<details><summary>"+want+"</summary>\n\n| | service |"))
		assert.Equal(t, n, strings.Count(out.String(), "\n| - | `own"))
	}
}
