package hook

import (
	"slices"

	"golang.org/x/sys/unix"
)

// limit passes packets up to a rate, or only those over it.
func (m *machine) limit(a attributes) did {
	const over = 1 // NFT_LIMIT_F_INV
	if slices.Contains(m.snapshot.LimitsKept, familyName(m.base.table.family)+" "+m.base.table.name) {
		return did{match: truth(a.number(unix.NFTA_LIMIT_FLAGS)&over == 0)}
	}
	return perhaps("it depends on a limit of its rate")
}

// Kinds of named objects that can stop a rule, or more (NFT_OBJECT_… of
// linux/netfilter/nf_tables.h).
const objectQuota, objectLimit, objectConnlimit, objectSynproxy = 2, 4, 5, 10

func (m *machine) objref(a attributes) did {
	const setName = 5 // NFTA_OBJREF_SET_NAME
	if a.find(setName) != nil {
		return perhaps("it depends on what is in map %s", a.word(setName))
	}
	switch a.number(unix.NFTA_OBJREF_IMM_TYPE) {
	case objectQuota:
		return perhaps("it depends on a quota")
	case objectLimit:
		return perhaps("it depends on a limit of its rate")
	case objectConnlimit:
		return perhaps("it depends on the number of connections")
	case objectSynproxy:
		return elsewhere("a proxy (synproxy) answers it")
	}
	return passes
}

// nat of the destination sends the packet elsewhere; of the source, it accepts.
func (m *machine) nat(a attributes) did {
	if a.number(unix.NFTA_NAT_TYPE) == unix.NFT_NAT_DNAT {
		return elsewhere("its destination is changed (dnat)")
	}
	return decides(nfAccept)
}
