package host

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Flow is a tracked flow that somebody began: from there to here.
type Flow struct {
	From, To netip.AddrPort
	Protocol uint8
	Link     string // that has the local address; "" where that does not tell
}

// CutFlows deletes the entries of connection tracking for the flows to this
// host that are refused, so that their next packet is a new flow's. It reports
// how many there were.
func CutFlows(refused func(Flow) bool) (int, error) {
	return eachFamily(refused, "cannot cut the tracked flows of sources that are refused now", func(family netlink.InetFamily, filter flowFilter) (uint, error) {
		return netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, filter)
	})
}

// CountFlows is how many entries CutFlows would delete.
func CountFlows(refused func(Flow) bool) (int, error) {
	return eachFamily(refused, "cannot count the tracked flows of sources that would be refused", func(family netlink.InetFamily, filter flowFilter) (n uint, err error) {
		flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			err = nil // flows come and go while they are counted
		}
		for _, flow := range flows {
			if filter.MatchConntrackFlow(flow) {
				n++
			}
		}
		return n, err
	})
}

// eachFamily adds up what is done about the refused flows of IPv4 and IPv6.
func eachFamily(refused func(Flow) bool, fault string, do func(netlink.InetFamily, flowFilter) (uint, error)) (int, error) {
	if nothingTracked() {
		return 0, nil
	}
	local, err := linksByAddress()
	if err != nil {
		return 0, err
	}
	filter := flowFilter{local, refused}
	total := 0
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		n, err := do(family, filter)
		total += int(n)
		if err != nil {
			return total, fmt.Errorf("%s: %w", fault, err)
		}
	}
	return total, nil
}

// nothingTracked reports whether connection tracking has no entry at all. To look
// through it takes tens of milliseconds where it is large, empty or not.
func nothingTracked() bool {
	entries, ok := readNumber(trackedCount)
	return ok && entries == 0
}

// flowFilter finds the flows from elsewhere to this host that are refused.
type flowFilter struct {
	local   map[netip.Addr]string // the links of the local addresses
	refused func(Flow) bool
}

// MatchConntrackFlow reports whether the entry is to be deleted. Where a flow
// ends is where its answers come from: others' address translation may have
// redirected it to another port, or through this host to somebody else.
func (f flowFilter) MatchConntrackFlow(entry *netlink.ConntrackFlow) bool {
	begin, end := entry.Forward, entry.Reverse
	from, ok := netip.AddrFromSlice(begin.SrcIP)
	to, fine := netip.AddrFromSlice(end.SrcIP)
	from, to = from.Unmap(), to.Unmap()
	_, ours := f.local[from]
	link, here := f.local[to]
	if !ok || !fine || ours || !here {
		return false
	}
	return f.refused(Flow{netip.AddrPortFrom(from, begin.SrcPort), netip.AddrPortFrom(to, end.SrcPort), begin.Protocol, link})
}
