package netns_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/netns_test/lab"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// A small world, so that random policies and random packets often meet: 32
// addresses of each family, 32 ports, two links of two addresses of each family.
const (
	worldSize = 32
	portCount = 32
)

var (
	worldBase = []netip.Addr{addr("203.0.113.0"), addr("2001:db8:99::")}
	smallEth1 = lab.Link{Name: "eth1", Addrs: []string{"198.51.100.10/24", "198.51.100.11/24", "2001:db8:2::10/64", "2001:db8:2::11/64"}}
	locals    = map[string][]netip.Addr{
		"eth0": {addr("192.0.2.10"), addr("192.0.2.11"), addr("2001:db8:1::10"), addr("2001:db8:1::11")},
		"eth1": {addr("198.51.100.10"), addr("198.51.100.11"), addr("2001:db8:2::10"), addr("2001:db8:2::11")},
	}
)

func nth(base netip.Addr, n int) netip.Addr {
	raw := base.AsSlice()
	raw[len(raw)-1] += byte(n)
	a, _ := netip.AddrFromSlice(raw)
	return a
}

// drawSource is an entry of an allow list.
func drawSource(t *rapid.T) string {
	base := rapid.SampledFrom(worldBase).Draw(t, "family")
	from := rapid.IntRange(0, worldSize-1).Draw(t, "from")
	switch rapid.IntRange(0, 9).Draw(t, "form") {
	case 0:
		return rapid.SampledFrom([]string{"any", "any4", "any6"}).Draw(t, "any")
	case 1, 2, 3:
		bits := base.BitLen() - rapid.IntRange(0, 5).Draw(t, "size")
		return netip.PrefixFrom(nth(base, from), bits).Masked().String()
	case 4, 5, 6:
		return fmt.Sprintf("%s-%s", nth(base, from), nth(base, rapid.IntRange(from, worldSize-1).Draw(t, "to")))
	}
	return nth(base, from).String()
}

func drawSources(t *rapid.T, most int) string {
	list := rapid.SliceOfN(rapid.Custom(drawSource), 0, most).Draw(t, "sources")
	for i := range list {
		list[i] = `"` + list[i] + `"`
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func drawPorts(t *rapid.T, protocols ...string) string {
	from := rapid.IntRange(1, portCount).Draw(t, "port")
	to := rapid.IntRange(from, portCount).Draw(t, "last port")
	protocol := rapid.SampledFrom(protocols).Draw(t, "protocol")
	if from == to || rapid.Bool().Draw(t, "single") {
		return fmt.Sprintf("%d/%s", from, protocol)
	}
	return fmt.Sprintf("%d-%d/%s", from, to, protocol)
}

func drawSubset(t *rapid.T, what string, from ...string) string {
	some := rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, len(from), rapid.ID[string]).Draw(t, what)
	return "[" + strings.Join(some, ", ") + "]"
}

// drawService is a service's block in one line.
func drawService(t *rapid.T, own bool, protocols ...string) string {
	var keys []string
	if own || rapid.Bool().Draw(t, "has ports") {
		ports := []string{drawPorts(t, protocols...)}
		if rapid.Bool().Draw(t, "more ports") {
			ports = append(ports, drawPorts(t, protocols...))
		}
		keys = append(keys, "ports: ["+strings.Join(ports, ", ")+"]")
	}
	if own || rapid.Bool().Draw(t, "has roles") {
		keys = append(keys, "roles: "+drawSubset(t, "roles", "subscribers", "administrators", "peers"))
	}
	if rapid.IntRange(0, 2).Draw(t, "has interfaces") == 0 {
		keys = append(keys, "interfaces: "+drawSubset(t, "interfaces", "eth0", "eth1", "eth7"))
	}
	if rapid.IntRange(0, 3).Draw(t, "has addresses") == 0 {
		keys = append(keys, "addresses: "+drawSubset(t, "addresses", "192.0.2.10", "198.51.100.11", `"2001:db8:1::11"`))
	}
	if rapid.IntRange(0, 4).Draw(t, "has limit") == 0 {
		keys = append(keys, "limit: {rate: 100000/second, burst: 10000, exempt: [peers]}")
	}
	if !own && rapid.IntRange(0, 4).Draw(t, "is off") == 0 {
		keys = append(keys, "enabled: false")
	}
	return "{" + strings.Join(keys, ", ") + "}"
}

func drawPolicy(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("version: 1\nroles:\n")
	for _, role := range []string{"subscribers", "administrators", "peers"} {
		fmt.Fprintf(&b, "  %s: {allow: %s, except: %s}\n", role, drawSources(t, 4), drawSources(t, 1))
	}
	b.WriteString("services:\n")
	for _, name := range []string{"sip", "rtp", "ssh"} {
		protocols := []string{"udp", "tcp"}
		if name == "rtp" {
			protocols = protocols[:1]
		}
		fmt.Fprintf(&b, "  %s: %s\n", name, drawService(t, false, protocols...))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "own services") {
		fmt.Fprintf(&b, "  own-%d: %s\n", i, drawService(t, true, "udp", "tcp", "sctp"))
	}
	if rapid.IntRange(0, 3).Draw(t, "denies") == 0 {
		fmt.Fprintf(&b, "deny: %s\n", drawSources(t, 1))
	}
	return b.String()
}

func drawFlow(t *rapid.T) policy.Flow {
	base := rapid.SampledFrom(worldBase).Draw(t, "family")
	link := rapid.SampledFrom([]string{"eth0", "eth1"}).Draw(t, "link")
	half := 0
	if base.Is6() {
		half = 2
	}
	return policy.Flow{
		In: link, From: nth(base, rapid.IntRange(0, worldSize-1).Draw(t, "from")),
		To: locals[link][half+rapid.IntRange(0, 1).Draw(t, "local")], FromPort: uint16(rapid.IntRange(50000, 60000).Draw(t, "source port")),
		ToPort:   rapid.OneOf(rapid.Uint16Range(1, portCount+1), rapid.SampledFrom([]uint16{22, 443, 5060, 5061, 29999, 30000, 40000, 40001})).Draw(t, "port"),
		Protocol: rapid.SampledFrom([]policy.Protocol{policy.TCP, policy.UDP, policy.UDP, policy.SCTP}).Draw(t, "protocol"),
	}
}

// However policies follow each other, the kernel lets in what the model allows;
// the ruleset's evaluation and explain say so; and verify proves it.
func TestRandomPolicies(t *testing.T) {
	s := newSite(t, nil, eth0, smallEth1)
	rapid.Check(t, func(t *rapid.T) {
		text := drawPolicy(t)
		s.write("policy.yml", text)
		parsed, diags := policy.Parse("policy.yml", []byte(text), nil)
		if diags.Errors() > 0 {
			t.Fatalf("not a policy: %v\n%s", diags, text)
		}
		model, diags := exposure.Resolve(exposure.Inputs{Policy: parsed, Now: time.Now()})
		if diags.Errors() > 0 {
			t.Fatalf("not resolved: %v\n%s", diags, text)
		}
		r := s.run("apply")
		require.Zero(t, r.Code, "%s%s\n%s", r.Stdout, r.Stderr, text)
		proof := s.run("verify")
		require.Zero(t, proof.Code, "%s%s\n%s", proof.Stdout, proof.Stderr, text)
		flows := rapid.SliceOfN(rapid.Custom(drawFlow), 100, 300).Draw(t, "flows")
		agree(t, s, model, flows)
	})
}

// agree compares the kernel, the evaluation, explain and the model.
func agree(t *rapid.T, s *site, model *exposure.Model, flows []policy.Flow) {
	packets := make([]lab.Flow, len(flows))
	for i, f := range flows {
		packets[i] = lab.Flow{Link: f.In, From: f.From, FromPort: f.FromPort, To: f.To, ToPort: f.ToPort, Proto: lab.Protocol(f.Protocol)}
	}
	outcomes, err := s.ProbeAll(packets)
	require.NoError(t, err)
	table := compile.Compile(model, 1)
	evaluator := table.Evaluator()
	for i, f := range flows {
		want := lab.Outcome(model.Allows(f).Accept)
		evaluated := lab.Outcome(evaluator.EvaluateInput(firewall.Packet(f, f.In)).Accept)
		explained := lab.Outcome(firewall.Judge(model, table, f).Accept)
		if outcomes[i] != want || evaluated != want || explained != want {
			t.Fatalf("%s: kernel %s, evaluation %s, explain %s, model %s", packets[i], outcomes[i], evaluated, explained, want)
		}
	}
}

// What explain says is what the kernel does.
func TestExplainAgreesWithTheKernel(t *testing.T) {
	s := enforce(t, everybody+`
  peers: {allow: [203.0.113.0/28, "2001:db8:99::/124"]}
services:
  sip: {roles: [peers]}
  rtp: {ports: [5000-6000/udp], interfaces: [eth1]}
deny: [203.0.113.3]
`, eth0, eth1)
	for _, from := range []string{"203.0.113.0", "203.0.113.3", "203.0.113.15", "203.0.113.16", "2001:db8:99::f", "2001:db8:99::10", "198.18.0.1", "198.18.0.66", "127.0.0.1"} {
		for _, to := range []string{"5060/udp", "5060/tcp", "5061/udp", "6001/udp", "443/tcp", "22/tcp", "7/sctp"} {
			for _, in := range []string{"eth0", "eth1"} {
				s.check(row{from, to, in, s.explain(from, to, in)})
			}
		}
	}
}
