package hook

import "golang.org/x/sys/unix"

// Results of fib (linux/netfilter/nf_tables.h) and types of routes (linux/rtnetlink.h).
const (
	fibOif, fibOifname, fibType = 1, 2, 3 // NFT_FIB_RESULT_…

	routeLocal = 2 // RTN_LOCAL
)

// fib asks the routes: for the type of an address, or, of the source, whether
// there is a way back.
func (m *machine) fib(a attributes) did {
	flags, dreg := a.number(unix.NFTA_FIB_FLAGS), a.number(unix.NFTA_FIB_DREG)
	result := a.number(unix.NFTA_FIB_RESULT)
	value := open(16)
	switch {
	case result == fibType && flags&unix.NFTA_FIB_F_DADDR != 0:
		if m.local() == Yes && flags&unix.NFTA_FIB_F_IIF == 0 {
			value = host32(routeLocal)
		}
	case result != fibType && flags&unix.NFTA_FIB_F_SADDR != 0:
		value = m.wayBack(flags, result)
	}
	m.set(dreg, value)
	if !value.all() {
		return did{match: Yes, why: "it depends on the routes"}
	}
	return passes
}

// wayBack is whether the host has a route to the source, by the packet's
// interface where the flags say so.
func (m *machine) wayBack(flags, result uint64) bits {
	l := m.snapshot.link(m.packet.In)
	if m.snapshot.routes == nil || l == nil || flags&unix.NFTA_FIB_F_MARK != 0 && m.world.markOpen != 0 {
		return open(16)
	}
	link := uint32(0)
	if flags&unix.NFTA_FIB_F_IIF != 0 {
		link = l.Index
	}
	there := m.snapshot.routes(m.packet.Src, link)
	switch {
	case there == Perhaps:
		return open(16)
	case flags&unix.NFTA_FIB_F_PRESENT != 0:
		return certain([]byte{byte(Yes) & byte(there)})
	case there == No && result == fibOif:
		return host32(0)
	case there == No:
		return name("")
	case link == 0:
		return open(16)
	case result == fibOif:
		return host32(link)
	}
	return name(m.packet.In)
}
