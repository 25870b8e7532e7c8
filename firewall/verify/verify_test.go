package verify_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/verify"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// What is compiled is the policy, whatever the policy.
func TestCompiledIsEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		table := compile.Compile(m, 7)
		found, err := verify.Compare(table, m)
		require.NoError(t, err)
		if found != nil {
			require.Failf(t, "differs", "%+v\n%s", found, table.Text())
		}
	})
}

// The law that the proof holds a ruleset against is the policy, packet by
// packet: the compiled table is both.
func TestLawIsThePolicy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		table := compile.Compile(m, 7)
		requireNoDifference(t, table, m, newCrowd(rapid.Uint64().Draw(t, "seed"), table, m), 100)
	})
}

// requireNoDifference asks the evaluator about many packets.
func requireNoDifference(t require.TestingT, table *ruleset.Table, m *exposure.Model, c *crowd, packets int) {
	e := table.Evaluator()
	for range packets {
		p := c.packet()
		if want := allows(m, p, false); want != either {
			require.Equal(t, want == accepted, e.EvaluateInput(p).Accept, p)
		}
		if policy.HasPorts(policy.Protocol(p.Protocol)) && p.State == ruleset.StateNew && !m.Observe {
			require.Equal(t, allows(m, p, false) == accepted, m.Allows(flowOf(p)).Accept, p)
		}
	}
}

func flowOf(p ruleset.Packet) policy.Flow {
	return policy.Flow{From: p.Src, FromPort: p.SrcPort, To: p.Dst, ToPort: p.DstPort, Protocol: policy.Protocol(p.Protocol), In: p.In}
}

// Every fault that changes the fate of some packet is found, by a packet whose
// fate it does change; and a fault that changes none is none.
func TestEveryFaultIsFound(t *testing.T) {
	var found, harmless, unclear int
	random := rapid.Custom(drawModel)
	for seed := range 30 {
		m := random.Example(seed)
		table := compile.Compile(m, 7)
		all := mutations(table)
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		for _, n := range r.Perm(len(all))[:min(50, len(all))] {
			mutant := copyOf(table)
			all[n].apply(mutant)
			example, err := verify.Compare(mutant, m)
			switch {
			case example != nil:
				found++
				requireDiffers(t, mutant, m, example, all[n].what)
			case err != nil:
				unclear++
			default:
				harmless++
				requireHarmless(t, mutant, m, uint64(seed), all[n].what)
			}
		}
	}
	t.Logf("%d faults: %d found, %d harmless, %d not understood", found+harmless+unclear, found, harmless, unclear)
	require.Greater(t, found, 500)
	require.Less(t, unclear, found/3)
}

func requireHarmless(t *testing.T, mutant *ruleset.Table, m *exposure.Model, seed uint64, what string) {
	t.Helper()
	c := newCrowd(seed, mutant, m)
	e := mutant.Evaluator()
	for range 500 {
		p := c.packet()
		if want := allows(m, p, false); want != either && (want == accepted) != e.EvaluateInput(p).Accept {
			require.Failf(t, "not found", "%s, seed %d: %+v\n%s", what, seed, p, mutant.Text())
		}
	}
}

// requireDiffers checks a counterexample with those who know nothing of boxes.
func requireDiffers(t *testing.T, mutant *ruleset.Table, m *exposure.Model, c *verify.Counterexample, what string) {
	t.Helper()
	words := fmt.Sprintf("%s: %+v", what, c)
	require.NotEqual(t, c.Policy, c.Kernel, words)
	if c.Banned != "" {
		mutant = holding(mutant, c.Banned, c.Packet.Src)
	}
	if c.Held != "" {
		mutant = holding(mutant, c.Held, c.Packet.Src)
	}
	if c.Hook != ruleset.HookInput {
		require.Equal(t, c.Kernel, mutant.Evaluate(c.Hook, c.Packet).Accept, words)
		require.Equal(t, c.Policy, c.Hook != ruleset.HookForward || m.Forward != policy.ForwardDrop || m.Observe, words)
		return
	}
	require.Equal(t, c.Kernel, mutant.EvaluateInput(c.Packet).Accept, words)
	require.Equal(t, map[bool]word{false: refused, true: accepted}[c.Policy], allows(m, c.Packet, c.Banned != ""), words)
	if c.Plain() && !m.Observe {
		require.Equal(t, c.Policy, m.Allows(c.Flow).Accept, words)
	}
}

// holding is the table with the source in its set of that name, or that name and
// the digit of the family.
func holding(t *ruleset.Table, set string, source netip.Addr) *ruleset.Table {
	t = copyOf(t)
	for i := range t.Sets {
		if s := &t.Sets[i]; strings.HasPrefix(s.Name, set) && s.Key.Len*8 == source.BitLen() {
			s.Elements = ruleset.NewElements(s.Key, s.Interval)
			key := source.AsSlice()
			if s.Name == "offenders6" {
				clear(key[8:])
			}
			s.Elements.Append(key, key)
		}
	}
	return t
}
