package host

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"
)

// Listener is a socket that takes what others send to it: of TCP one that
// listens, of UDP one that is bound to a port and not connected to a peer.
type Listener struct {
	Protocol uint8          // 6 is TCP, 17 UDP (IANA, Assigned Internet Protocol Numbers)
	At       netip.AddrPort // an unspecified address is every one of its family
	Both     bool           // :: takes IPv4, too
	Link     string         // it takes packets of this link only; "": of every one
	UID      uint32         // who opened it
	User     string         // whom its process runs as, or else who opened it; the number where there is no name
	Owner                   // zero: no process has it, or none that we may look at
}

// Owner is the process that has a socket.
type Owner struct {
	PID     int
	Process string // its program's name, as the kernel keeps it: at most 15 bytes
	Unit    string // systemd's, of its control group; "" outside of any
	uid     string
}

// Hidden is how many processes we may not look into.
func Hidden() int {
	_, hidden := owners(procFS())
	return hidden
}

// Listeners is the listening sockets of the calling thread's network namespace,
// by protocol, port and address. Only root sees everybody's processes.
func Listeners() ([]Listener, error) {
	found, err := diagnosed()
	if err != nil {
		return nil, err
	}
	links, err := linkNames()
	if err != nil {
		return nil, err
	}
	owners, _ := owners(procFS())
	all := make([]Listener, len(found))
	for i, s := range found {
		all[i] = Listener{Protocol: s.protocol, At: s.at, Both: s.both(), Link: links[s.link], UID: s.uid, Owner: owners[s.inode]}
		if all[i].User = userName(all[i].uid); all[i].User == "" {
			all[i].User = userName(strconv.FormatUint(uint64(s.uid), 10))
		}
	}
	slices.SortStableFunc(all, compareListeners)
	return all, nil
}

func compareListeners(a, b Listener) int {
	return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.At.Port(), b.At.Port()), a.At.Addr().Compare(b.At.Addr()), cmp.Compare(a.PID, b.PID))
}

// linkNames is the links' names by index; 0 is none.
func linkNames() (map[uint32]string, error) {
	list, err := whole(netlink.LinkList)
	if err != nil {
		return nil, err
	}
	names := map[uint32]string{}
	for _, l := range list {
		names[uint32(l.Attrs().Index)] = l.Attrs().Name
	}
	return names, nil
}

// Routes is the destinations that the host has routes to, in all routing tables
// but the one of its own addresses, default routes left out: sources differ by
// them where a rule asks for the way back.
func Routes() (all []netip.Prefix, err error) {
	list, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if r.Dst == nil {
			continue
		}
		a, ok := netip.AddrFromSlice(r.Dst.IP)
		bits, _ := r.Dst.Mask.Size()
		if ok && bits > 0 {
			all = append(all, netip.PrefixFrom(a.Unmap(), bits))
		}
	}
	return all, nil
}
