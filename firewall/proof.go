package firewall

import (
	"fmt"
	"slices"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/verify"
	"ngcp-fw/policy/exposure"
)

// Proof is what became of proving that the kernel's ruleset is a policy.
type Proof struct {
	Found   *verify.Counterexample // a packet on which the two differ; nil: there is none
	Applied bool                   // our table is in the kernel
	Sampled []string               // large sets of which the count and some elements stand for all
	Foreign []string               // chains of others that can still drop or divert what ours accepts
}

// Verify compares what the kernel's table does to packets with the policy. Large
// sets are taken at the word of their count and samples; with full they are read,
// which for a million ranges takes minutes.
func (f Firewall) Verify(m *exposure.Model, full bool) (*Proof, error) {
	conn, err := kernel.Open()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	now, err := f.inForce(conn, compile.Compile(m, 1), full)
	if err != nil {
		return nil, err
	}
	p := &Proof{Applied: now.Table != nil}
	table := met(now.Table)
	if !now.exact {
		for _, s := range now.Sampled {
			p.Sampled = append(p.Sampled, s.Name)
		}
	}
	if p.Found, err = verify.Compare(table, m); err != nil {
		return nil, fmt.Errorf("table %s %s: %w", compile.Family, compile.TableName, err)
	}
	chains, rules, err := conn.Survey(ruleset.FamilyInet, ruleset.FamilyIPv4, ruleset.FamilyIPv6)
	if err != nil {
		return nil, err
	}
	p.Foreign = foreign(chains, rules)
	return p, nil
}

// met is what packets meet of the kernel's table: nothing where there is none, or
// where all its rules are switched off. Its other flags, and what others noted
// about it, no packet meets.
func met(t *ruleset.Table) *ruleset.Table {
	if t == nil || dormant(t) {
		return &ruleset.Table{Family: compile.Family, Name: compile.TableName}
	}
	own := *t
	own.Foreign = slices.DeleteFunc(slices.Clone(t.Foreign), func(f ruleset.Foreign) bool { return f.Name == "table" })
	return &own
}
