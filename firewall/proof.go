package firewall

import (
	"fmt"
	"slices"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/hook"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/verify"
	"ngcp-fw/policy/exposure"
)

// Proof is what became of proving that the kernel's ruleset is a policy.
type Proof struct {
	Found   *verify.Counterexample // a packet on which the two differ; nil: there is none
	Applied bool                   // our table is in the kernel
	Sampled []string               // large sets of which the count and some elements stand for all
	Foreign []string               // chains of others of the input path that can still drop or divert what ours accepts
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
	path, err := hook.Read(conn)
	if err != nil {
		return nil, err
	}
	p.Foreign = path.Interfering(ours)
	if p.Found != nil {
		p.Found.By(linkNames(path.Links))
	}
	return p, nil
}

func linkNames(links []hook.Link) (names []string) {
	for _, l := range links {
		names = append(names, l.Name)
	}
	return names
}

// ours tells of the chains that ngcp-fw keeps.
func ours(family, table, chain string) bool {
	return family == compile.Family.String() && table == compile.TableName || table == "filter" && chain == mediaproxy.Chain
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

// provable is how many ranges the sets of a ruleset may have for apply to prove
// it: a hundred thousand take some 30 ms, and a million would double its time.
const provable = 100_000

// UnprovenError says that a compiled ruleset is not the policy.
type UnprovenError struct{ Found *verify.Counterexample }

// Error names the packet.
func (e *UnprovenError) Error() string {
	return fmt.Sprintf("refused, nothing changed: the compiled ruleset is not the policy, which is a fault of this program: "+
		"a packet from %s to port %d/%s by %q would be accepted: %t, and the policy says: %t\nhint: ngcp-fw verify --offline shows it; please report it",
		e.Found.Flow.From, e.Found.Flow.ToPort, e.Found.Flow.Protocol, e.Found.Flow.In, e.Found.Kernel, e.Found.Policy)
}

// prove holds a compiled ruleset against the policy before it is sent. What the
// kernel holds afterwards is compared with it, and so proven, too. Of a snapshot
// it was proven when it was made.
func prove(w *wanted) error {
	ranges := 0
	for i := range w.table.Sets {
		ranges += w.table.Sets[i].Elements.Len()
	}
	if w.number > 0 || ranges > provable {
		return nil
	}
	found, err := verify.Compare(w.table, w.model)
	if err == nil && found != nil {
		err = &UnprovenError{found}
	}
	return err
}
