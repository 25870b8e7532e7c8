package hook

import (
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// conntrackPriority is NF_IP_PRI_CONNTRACK of linux/netfilter_ipv4.h: before it,
// nothing is tracked.
const conntrackPriority = -200

// tracked tells whether the packet has a connection by now.
func (m *machine) tracked() Tri {
	switch {
	case m.world.mayTrack || m.timing() == Perhaps:
		return Perhaps
	case m.timing() == Yes:
		return No
	}
	return truth(!m.world.noTrack)
}

// state is the packet's conntrack state, as bits of linux/netfilter/nf_conntrack_common.h.
func (m *machine) state() bits {
	switch {
	case m.world.mayTrack || m.timing() == Perhaps:
		return partly(0, ^uint32(ruleset.StateUntracked|ruleset.StateInvalid|m.packet.State))
	case m.world.noTrack:
		return host32(uint32(ruleset.StateUntracked))
	case m.timing() == Yes:
		return host32(uint32(ruleset.StateInvalid))
	}
	return host32(uint32(m.packet.State))
}

func (m *machine) ct(a attributes) did {
	key := a.number(unix.NFTA_CT_KEY)
	if a.find(unix.NFTA_CT_DREG) == nil {
		if key == unix.NFT_CT_MARK {
			m.world.ctMark, m.world.ctMarkOpen = split(m.register(a.number(unix.NFTA_CT_SREG), 4))
		}
		return passes
	}
	dreg := a.number(unix.NFTA_CT_DREG)
	if key == unix.NFT_CT_STATE {
		return m.set(dreg, m.state())
	}
	m.set(dreg, m.connection(key, a.number(unix.NFTA_CT_DIRECTION)))
	d := did{match: m.tracked()}
	if d.match == Perhaps {
		d.why = "it depends on whether the packet is tracked"
	}
	return d
}

// connection is what ct loads of a new connection (NFT_CT_…).
func (m *machine) connection(key, direction uint64) bits {
	if m.packet.State != ruleset.StateNew || m.world.moved {
		return open(16)
	}
	const original = 0 // IP_CT_DIR_ORIGINAL
	switch key {
	case unix.NFT_CT_DIRECTION:
		return certain([]byte{original})
	case unix.NFT_CT_STATUS:
		// Expected, answered, assured, confirmed, and translated: none of it yet.
		return partly(0, 0x3f)
	case unix.NFT_CT_MARK:
		return partly(m.world.ctMark, ^m.world.ctMarkOpen)
	case unix.NFT_CT_L3PROTOCOL:
		return certain([]byte{m.family()})
	case unix.NFT_CT_PROTOCOL:
		return certain([]byte{m.packet.Protocol})
	case unix.NFT_CT_PROTO_SRC, unix.NFT_CT_PROTO_DST:
		return m.connectionPort(key, direction)
	case unix.NFT_CT_SRC, unix.NFT_CT_DST, unix.NFT_CT_SRC_IP, unix.NFT_CT_DST_IP, unix.NFT_CT_SRC_IP6, unix.NFT_CT_DST_IP6:
		return m.connectionAddr(key, direction)
	}
	return open(16)
}

func (m *machine) connectionPort(key, direction uint64) bits {
	if !hasPorts(m.packet.Protocol) {
		return open(2)
	}
	if (key == unix.NFT_CT_PROTO_SRC) == (direction == 0) {
		return port(m.packet.SrcPort)
	}
	return port(m.packet.DstPort)
}

func (m *machine) connectionAddr(key, direction uint64) bits {
	source := key == unix.NFT_CT_SRC || key == unix.NFT_CT_SRC_IP || key == unix.NFT_CT_SRC_IP6
	if source == (direction == 0) {
		return address(m.packet.Src, m.packet.Src)
	}
	return address(m.packet.Dst, m.packet.Src)
}

// notrack keeps a packet out of connection tracking that is not in it yet
// (net/netfilter/nft_ct.c).
func (m *machine) notrack(attributes) did {
	switch m.timing() {
	case Yes:
		m.world.noTrack, m.world.mayTrack = true, false
	case Perhaps:
		m.world.mayTrack = true
	}
	return passes
}

// timing tells whether the base chain comes before connection tracking. Of the
// same priority, whichever was registered last does.
func (m *machine) timing() Tri {
	switch {
	case m.base.stage() != 2 || m.base.priority > conntrackPriority:
		return No
	case m.base.priority == conntrackPriority:
		return Perhaps
	}
	return Yes
}
