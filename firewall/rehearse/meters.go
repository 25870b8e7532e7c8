package rehearse

import (
	"net/netip"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// meters forgets what packets left behind in the ruleset: sets they added their
// source to, with its rate.
type meters struct {
	conn  *kernel.Conn
	flush []ruleset.Message
	met   map[netip.Addr]bool // sources since they were emptied
}

func newMeters(conn *kernel.Conn, t *ruleset.Table) *meters {
	m := &meters{conn: conn, met: map[netip.Addr]bool{}}
	for i := range t.Sets {
		if t.Sets[i].Dynamic {
			m.flush = append(m.flush, t.FlushSet(t.Sets[i].Name))
		}
	}
	return m
}

// forget makes the source's next packet its first one.
func (m *meters) forget(source netip.Addr) error {
	if len(m.flush) == 0 || !m.met[source] {
		m.met[source] = true
		return nil
	}
	generation, err := m.conn.Generation()
	if err != nil {
		return err
	}
	m.met = map[netip.Addr]bool{source: true}
	return m.conn.Commit(generation, m.flush)
}
