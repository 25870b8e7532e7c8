package rehearse

import (
	"errors"
	"fmt"
	"math"
	"time"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

const observerTable = "ngcp-fw-rehearsal"

// The observer's counters.
const (
	handled = "handled" // signals: what was sent before is done with
	arrived = "arrived" // at the input hook, before every rule
	passed  = "passed"  // all rules there
)

// first and last are priorities at a hook with room for nobody before and
// behind, but for the end of connection tracking (NF_IP_PRI_CONNTRACK_CONFIRM is
// the highest number of linux/netfilter_ipv4.h), which a packet must not see.
const (
	first = math.MinInt32
	last  = math.MaxInt32 - 1
)

// patience is how long a packet may take to be handled.
const patience = 5 * time.Second

// observer tells by counters how far a packet came.
type observer struct {
	conn *kernel.Conn
	seen map[string]uint64
}

func newObserver(conn *kernel.Conn) (*observer, error) {
	if _, err := conn.Apply(observing()); err != nil {
		return nil, fmt.Errorf("cannot load the counters beside the ruleset: %w", err)
	}
	return &observer{conn: conn, seen: map[string]uint64{}}, nil
}

// observing is the table of the counters. What passed is dropped then: nobody
// answers it, and connection tracking forgets it.
func observing() *ruleset.Table {
	count := func(counter string, before []ruleset.Statement, after ...ruleset.Statement) []ruleset.Rule {
		return []ruleset.Rule{{Statements: append(append(before, ruleset.Count{Name: counter}), after...)}}
	}
	drop := ruleset.Verdict{Kind: ruleset.Drop}
	return &ruleset.Table{
		Family: ruleset.FamilyInet, Name: observerTable,
		Counters: []ruleset.Counter{{Name: arrived}, {Name: handled}, {Name: passed}},
		Chains: []ruleset.Chain{
			{Name: handled, Base: base(ruleset.HookPrerouting, first), Rules: count(handled, isSignal(), drop)},
			{Name: arrived, Base: base(ruleset.HookInput, first), Rules: count(arrived, nil)},
			{Name: passed, Base: base(ruleset.HookInput, last), Rules: count(passed, nil, drop)},
		},
	}
}

func base(hook ruleset.Hook, priority int32) *ruleset.Base {
	return &ruleset.Base{Type: "filter", Hook: hook, Priority: priority}
}

func isSignal() []ruleset.Statement {
	return []ruleset.Statement{
		ruleset.Match{Field: ruleset.MetaNFProto, Operand: ruleset.Value{byte(ruleset.FamilyIPv4)}},
		ruleset.Match{Field: ruleset.IPSaddr, Operand: ruleset.Value(signalSource.AsSlice())},
		ruleset.Match{Field: ruleset.MetaL4Proto, Operand: ruleset.Value{signalProtocol}},
	}
}

// outcome waits for the signal, and tells what became of the packet before it.
func (o *observer) outcome() (Outcome, error) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		now, err := o.count()
		if err != nil {
			return 0, err
		}
		if now[handled] == o.seen[handled] {
			continue
		}
		before := o.seen
		o.seen = now
		return outcomeOf(now[arrived]-before[arrived], now[passed]-before[passed])
	}
	return 0, fmt.Errorf("the kernel has not handled it within %s", patience)
}

func outcomeOf(arrived, passed uint64) (Outcome, error) {
	switch {
	case arrived > 1 || passed > arrived:
		return 0, errors.New("another packet came with it, which nobody sent")
	case passed == 1:
		return Accepted, nil
	case arrived == 1:
		return Dropped, nil
	}
	return Refused, nil
}

func (o *observer) count() (map[string]uint64, error) {
	t, err := o.conn.Read(ruleset.FamilyInet, observerTable)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, errors.New("the counters beside the ruleset are gone")
	}
	now := map[string]uint64{}
	for _, c := range t.Counters {
		now[c.Name] = c.Packets
	}
	return now, nil
}
