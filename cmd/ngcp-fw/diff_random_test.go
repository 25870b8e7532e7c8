package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// A small world: what policies may name, and packets in it and just beyond.
var (
	worldSources = []string{"198.51.100.0/31", "198.51.100.2-198.51.100.6", "2001:db8::/127", "any4", "any6", "any"}
	worldLinks   = []string{"eth0", "eth1"}
	worldPlaces  = []string{"192.0.2.1", `"2001:db8:1::1"`}
	worldPorts   = []string{"22/tcp", "5060/udp", "30000/udp", "7000-7002/tcp", "7001/udp", "443/tcp", "132/sctp"}

	packetSources = []string{"198.51.100.0", "198.51.100.3", "198.51.100.6", "198.51.100.7", "203.0.113.9", "2001:db8::1", "2001:db8::2"}
	packetLinks   = []string{"eth0", "eth1", "eth2"}
	packetPlaces  = []string{"192.0.2.1", "192.0.2.2", "2001:db8:1::1", "2001:db8:1::2"}
	packetPorts   = []string{"21/tcp", "22/tcp", "443/tcp", "1443/tcp", "5060/udp", "5060/tcp", "7000/tcp", "7001/udp", "7002/tcp", "7003/tcp", "30000/udp", "29999/udp", "132/sctp"}
)

// someOf writes some of the words as a list of YAML.
func someOf(t *rapid.T, label string, words []string, least int) string {
	drawn := rapid.SliceOfNDistinct(rapid.SampledFrom(words), least, 3, rapid.ID).Draw(t, label)
	return "[" + strings.Join(drawn, ", ") + "]"
}

func randomService(t *rapid.T, name string, own bool) string {
	options := []string{}
	if own || rapid.IntRange(0, 3).Draw(t, "other ports") == 0 {
		options = append(options, "ports: "+someOf(t, "ports", worldPorts, 1))
	}
	if own || rapid.Bool().Draw(t, "other roles") {
		options = append(options, "roles: "+someOf(t, "roles", []string{"administrators", "peers", "subscribers"}, 1))
	}
	if rapid.IntRange(0, 2).Draw(t, "on links") == 0 {
		options = append(options, "interfaces: "+someOf(t, "links", worldLinks, 1))
	}
	if rapid.IntRange(0, 2).Draw(t, "at addresses") == 0 {
		options = append(options, "addresses: "+someOf(t, "addresses", worldPlaces, 1))
	}
	if rapid.IntRange(0, 4).Draw(t, "off") == 0 {
		options = append(options, "enabled: false")
	}
	return fmt.Sprintf("  %s: {%s}\n", name, strings.Join(options, ", "))
}

func randomPolicy(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("version: 1\nroles:\n")
	for _, role := range []string{"administrators", "peers", "subscribers"} {
		fmt.Fprintf(&b, "  %s: {allow: %s, except: %s}\n", role, someOf(t, "allow", worldSources, 0), someOf(t, "except", worldSources[:3], 0))
	}
	b.WriteString("services:\n")
	for _, name := range []string{"ssh", "sip", "rtp"} {
		b.WriteString(randomService(t, name, false))
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "own services") {
		b.WriteString(randomService(t, fmt.Sprintf("own%d", i), true))
	}
	if rapid.IntRange(0, 3).Draw(t, "denied") == 0 {
		fmt.Fprintf(&b, "deny: %s\n", someOf(t, "deny", worldSources[:3], 1))
	}
	fmt.Fprintf(&b, "observe: %t\n", rapid.IntRange(0, 9).Draw(t, "observe") == 0)
	return b.String()
}

func resolved(t require.TestingT, text string) *exposure.Model {
	p, diags := policy.Parse("policy.yml", []byte(text), nil)
	require.Zero(t, diags.Errors(), "%s\n%v", text, diags)
	m, diags := exposure.Resolve(exposure.Inputs{Policy: p, Now: time.Now()})
	require.Zero(t, diags.Errors(), "%s\n%v", text, diags)
	return m
}

func worldFlows(yield func(policy.Flow)) {
	for _, from := range packetSources {
		for _, to := range packetPlaces {
			f := policy.Flow{From: netip.MustParseAddr(from), To: netip.MustParseAddr(to)}
			if f.From.Is4() != f.To.Is4() {
				continue
			}
			for _, port := range packetPorts {
				var number uint16
				name := ""
				fmt.Sscanf(strings.Replace(port, "/", " ", 1), "%d %s", &number, &name)
				for _, row := range policy.Protocols {
					if row.Name == name {
						f.Protocol = row.Protocol
					}
				}
				f.ToPort = number
				for _, f.In = range packetLinks {
					yield(f)
				}
			}
		}
	}
}

// holds reports whether a delta speaks of the flow.
func holds(d exposure.Delta, f policy.Flow) bool {
	ports := d.Ports == nil || slices.ContainsFunc(d.Ports, func(p policy.Ports) bool {
		return p.Protocol == f.Protocol && p.From <= f.ToPort && f.ToPort <= p.To
	})
	return ports && d.Sources.Contains(f.From) && among(d.Interfaces, f.In) && among(d.Addresses, f.To.String())
}

func among(names []string, name string) bool {
	if len(names) > 0 && strings.HasPrefix(names[0], "!") {
		return !slices.Contains(names, "!"+name)
	}
	return len(names) == 0 || slices.Contains(names, name)
}

// What a diff says is gained is exactly what the new ruleset accepts and the old
// one does not, packet by packet; and lost is the reverse.
func TestDiffIsWhatTheRulesetsDo(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	rapid.Check(t, func(t *rapid.T) {
		texts := [2]string{randomPolicy(t), randomPolicy(t)}
		before, after := resolved(t, texts[0]), resolved(t, texts[1])
		change := exposure.Compare(before.InForce(), after.InForce())
		was, is := compile.Compile(before, 1), compile.Compile(after, 1)
		worldFlows(func(f policy.Flow) {
			p := firewall.Packet(f, f.In)
			accepted, accepts := was.EvaluateInput(p).Accept, is.EvaluateInput(p).Accept
			in := func(d exposure.Delta) bool { return holds(d, f) }
			if accepts && !accepted != slices.ContainsFunc(change.Gained, in) || accepted && !accepts != slices.ContainsFunc(change.Lost, in) {
				t.Fatalf("%+v: accepted before: %t, after: %t; but gained: %+v\nlost: %+v\n%s\n%s",
					f, accepted, accepts, change.Gained, change.Lost, texts[0], texts[1])
			}
		})
	})
}
