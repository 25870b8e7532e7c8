package compile

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/exposure"
)

// Few values of each kind, so that they meet; the places around every edge.
var (
	somePorts = []uint16{1, 22, 67, 68, 443, 546, 547, 5000, 5059, 5060, 5061, 6000, 30000, 40000, 65534, 65535}
	someLinks = []string{"eth0", "eth1", "eth2", "lo"}
	someHosts = []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "127.0.0.1", "::1"}
	someLists = []string{"", "any", "0.0.0.0/0", "::/0", "192.0.2.0/24", "203.0.113.7", "198.51.100.0/25 2001:db8:20::/48",
		"2001:db8::/32 10.0.0.0/8", "0.0.0.0/1", "255.255.255.255 0.0.0.0 :: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}
	someNames = []string{"rtp", "sip", "ssh", "turn", "web", "a"}
)

const gre = 47 // a protocol without ports

func drawModel(t *rapid.T) *exposure.Model {
	m := &exposure.Model{Deny: sources(rapid.SampledFrom([]string{"", "203.0.113.7", "10.0.0.0/8 2001:db8:20::/64", "::/0"}).Draw(t, "deny"))}
	if rapid.Bool().Draw(t, "never-ban") {
		m.NeverBan = sources("203.0.113.7 2001:db8:20::1")
	}
	if rapid.Bool().Draw(t, "log") {
		m.Log = &policy.Log{Rate: policy.Rate{Count: 10, Unit: time.Second}}
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(someNames), 0, 5, rapid.ID).Draw(t, "services") {
		m.Exposures = append(m.Exposures, drawExposures(t, name, m.Deny)...)
		if rapid.Bool().Draw(t, "limited") {
			m.Services = append(m.Services, exposure.Service{Name: name, Limit: &exposure.Limit{
				Rate: policy.Rate{Count: 50, Unit: time.Second}, Burst: 100, BanFor: time.Minute * time.Duration(rapid.IntRange(0, 2).Draw(t, "ban-for")), Exempt: sources(rapid.SampledFrom(someLists).Draw(t, "exempt"))}})
		}
	}
	return m
}

// drawExposures is a service as exposure.Resolve has it: its roles share ports
// and links. Sometimes it has others for some of its roles.
func drawExposures(t *rapid.T, service string, deny addr.Set) (all []exposure.Exposure) {
	e := exposure.Exposure{Service: service, Ports: drawPorts(t), Interfaces: drawLinks(t), Addresses: drawAddresses(t)}
	for _, role := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"r1", "r2", "administrators"}), 1, 3, rapid.ID).Draw(t, "roles") {
		switch rapid.IntRange(0, 9).Draw(t, "other") {
		case 0:
			e.Ports = drawPorts(t)
		case 1:
			e.Interfaces = drawLinks(t)
		case 2:
			e.Addresses = drawAddresses(t)
		}
		e.Role = role
		e.Sources = sources(rapid.SampledFrom(someLists).Draw(t, "sources")).Subtract(deny)
		all = append(all, e)
	}
	return all
}

func drawPorts(t *rapid.T) (ports []policy.Ports) {
	if rapid.IntRange(0, 9).Draw(t, "cluster") == 0 {
		return nil
	}
	for range rapid.IntRange(1, 3).Draw(t, "ranges") {
		p := policy.Ports{Protocol: rapid.SampledFrom([]policy.Protocol{policy.UDP, policy.UDP, policy.TCP, policy.SCTP}).Draw(t, "protocol")}
		p.From = rapid.SampledFrom(somePorts).Draw(t, "from")
		p.To = max(p.From, rapid.SampledFrom(somePorts).Draw(t, "to"))
		if rapid.Bool().Draw(t, "single") {
			p.To = p.From
		}
		ports = append(ports, p)
	}
	return ports
}

func drawLinks(t *rapid.T) []string {
	return rapid.SampledFrom([][]string{nil, nil, {"eth0"}, {"eth0", "eth2"}, {"eth1"}, {}}).Draw(t, "links")
}

func drawAddresses(t *rapid.T) (list []netip.Addr) {
	for _, a := range rapid.SampledFrom([][]string{nil, nil, nil, {"192.0.2.1"}, {"192.0.2.1", "192.0.2.2", "2001:db8::1"}, {"2001:db8::1"}}).Draw(t, "addresses") {
		list = append(list, netip.MustParseAddr(a))
	}
	return list
}

// drawPacket is a new packet from, just below or just above an edge of a list,
// to the same of ports.
func drawPacket(t *rapid.T) ruleset.Packet {
	ranges := slices.Collect(sources(rapid.SampledFrom(someLists[1:]).Draw(t, "near")).Ranges())
	r := rapid.SampledFrom(ranges).Draw(t, "range")
	p := ruleset.Packet{State: ruleset.StateNew, In: rapid.SampledFrom(someLinks).Draw(t, "in"),
		Src:      rapid.SampledFrom([]netip.Addr{r.From, r.To, r.From.Prev(), r.To.Next(), netip.MustParseAddr("fe80::1"), netip.IPv6Loopback()}).Draw(t, "src"),
		Protocol: rapid.SampledFrom([]uint8{6, 17, 17, 132, gre}).Draw(t, "protocol"),
		SrcPort:  rapid.SampledFrom([]uint16{53, 67, 123, 547, 61000}).Draw(t, "sport"),
		DstPort:  rapid.SampledFrom(somePorts).Draw(t, "dport") + uint16(rapid.IntRange(-1, 1).Draw(t, "beside"))}
	if !p.Src.IsValid() {
		p.Src = r.From
	}
	same := func(h string) bool { return netip.MustParseAddr(h).Is4() == p.Src.Is4() }
	p.Dst = netip.MustParseAddr(rapid.SampledFrom(someHosts).Filter(same).Draw(t, "dst"))
	return p
}

func TestTableIsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		table := Compile(m, 7)
		e := table.Evaluator()
		for range 60 {
			p := drawPacket(t)
			got := e.EvaluateInput(p)
			require.Equal(t, allows(m, p), got.Accept, "%+v in\n%s", p, table.Text())
			requireDecided(t, table, got, p)
			if p.Protocol != gre {
				f := policy.Flow{From: p.Src, FromPort: p.SrcPort, To: p.Dst, ToPort: p.DstPort, Protocol: policy.Protocol(p.Protocol), In: p.In}
				require.Equal(t, m.Allows(f).Accept, got.Accept, "%+v", p)
			}
		}
	})
}

// requireDecided checks that one rule of ours decided: an accept, or a refusal
// that was counted; never a base chain's policy.
func requireDecided(t require.TestingT, table *ruleset.Table, got ruleset.Outcome, p ruleset.Packet) {
	last := got.Decided[len(got.Decided)-1]
	require.NotEqual(t, -1, last.Rule, "%+v falls through to the policy of %s", p, last.Chain)
	s := ruleAt(table, last).Statements
	if verdict := s[len(s)-1]; verdict != accept {
		require.Equal(t, drop, verdict)
		require.IsType(t, ruleset.Count{}, s[0], "the refusal in %s is not counted", last)
	}
	require.Empty(t, got.Unknown)
}

func ruleAt(table *ruleset.Table, at ruleset.Place) *ruleset.Rule {
	i := slices.IndexFunc(table.Chains, func(c ruleset.Chain) bool { return c.Name == at.Chain })
	return &table.Chains[i].Rules[at.Rule]
}

// While observing, what would have been refused is accepted by the same rule
// that would have refused it.
func TestObserveCountsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		observed := *m
		observed.Observe = true
		enforcing, observing := Compile(m, 7), Compile(&observed, 7)
		for range 20 {
			p := drawPacket(t)
			want, got := enforcing.EvaluateInput(p), observing.EvaluateInput(p)
			require.True(t, got.Accept)
			require.Equal(t, wordsAt(enforcing, want.Decided), wordsAt(observing, got.Decided))
		}
	})
}

// wordsAt is the chains and comments of rules: those that only note who would be
// refused move others.
func wordsAt(table *ruleset.Table, places []ruleset.Place) (words []string) {
	for _, at := range places {
		if words = append(words, at.Chain); at.Rule >= 0 {
			words = append(words, ruleAt(table, at).Comment)
		}
	}
	return words
}

func TestSameModelSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		require.Equal(t, Compile(m, 7).Text(), Compile(m, 7).Text())
		require.Equal(t, Compile(m, 7).Renumbered(8).Text(), Compile(m, 8).Text())
	})
}

// Services add up, so their order means nothing for verdicts.
func TestOrderOfExposuresMeansNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		permuted := *m
		permuted.Exposures = rapid.Permutation(m.Exposures).Draw(t, "permuted")
		one, other := Compile(m, 7), Compile(&permuted, 7)
		for range 20 {
			p := drawPacket(t)
			want, got := one.EvaluateInput(p), other.EvaluateInput(p)
			require.Equal(t, want.Accept, got.Accept, "%+v", p)
			require.Equal(t, want.Untracked, got.Untracked, "%+v", p)
		}
	})
}

// Comments and names have room in the kernel and in nft, and no two objects
// share a name.
func TestNamesFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { requireNames(t, Compile(drawModel(t), 1<<64-1)) })
}

func requireNames(t require.TestingT, table *ruleset.Table) {
	const nftNameMax, kernelCommentMax = 127, 127
	seen := map[string]bool{}
	once := func(kind, name string) {
		require.LessOrEqual(t, len(name), nftNameMax)
		require.False(t, seen[kind+name], "two of %s %s", kind, name)
		require.Equal(t, identifier(name), name)
		seen[kind+name] = true
	}
	for _, c := range table.Counters {
		once("counter", c.Name)
	}
	for _, s := range table.Sets {
		once("set", s.Name)
	}
	for _, c := range table.Chains {
		once("chain", c.Name)
		for _, r := range c.Rules {
			require.NotEmpty(t, r.Comment, "a rule of %s", c.Name)
			require.LessOrEqual(t, len(r.Comment), kernelCommentMax)
		}
	}
	requireReferences(t, table, seen)
}

func requireReferences(t require.TestingT, table *ruleset.Table, seen map[string]bool) {
	used := func(v ruleset.Verdict) {
		if v.Kind == ruleset.Jump || v.Kind == ruleset.Goto {
			require.True(t, seen["chain"+v.Chain], "no chain %s", v.Chain)
		}
	}
	for _, s := range table.Sets {
		for i := range s.Elements.Len() {
			_, _, v := s.Elements.At(i)
			used(v)
		}
		require.NoError(t, s.Elements.Sort(), s.Name)
	}
	for _, c := range table.Chains {
		for _, r := range c.Rules {
			for _, s := range r.Statements {
				switch s := s.(type) {
				case ruleset.Verdict:
					used(s)
				case ruleset.VerdictMap:
					require.True(t, seen["set"+s.Map])
				case ruleset.Update:
					require.True(t, seen["set"+s.Set])
				case ruleset.Count:
					require.True(t, seen["counter"+s.Name])
				case ruleset.Match:
					if set, ok := s.Operand.(ruleset.InSet); ok {
						require.True(t, seen["set"+string(set)])
					}
				}
			}
		}
	}
}
