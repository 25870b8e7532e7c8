package hook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// readable is how many elements a set may have to be read whole. Larger ones, and
// named ones of kernels that do not count, are asked key by key.
const readable = 20_000

// Read takes a snapshot of the calling thread's network namespace. The connection
// serves it as long as it is in use: large sets are asked for single elements.
// limitsKept names tables in which rates count as kept: "inet ngcp-fw".
func Read(c *kernel.Conn, limitsKept ...string) (*Snapshot, error) {
	messages, err := c.Whole(wanted)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{LimitsKept: limitsKept, tables: decode(messages)}
	s.bases = ordered(s.tables)
	s.asks = asker(c)
	s.Legacy = legacyTables()
	if s.Links, err = links(); err != nil {
		return nil, fmt.Errorf("cannot list the network interfaces: %w", err)
	}
	s.routes, s.way = routes, way
	return s, nil
}

func wanted(_ kernel.SetName, list []byte) bool { return small(list) }

// small tells whether a set is read whole.
func small(a attributes) bool {
	if a.find(setCount) == nil {
		return a.number(unix.NFTA_SET_FLAGS)&unix.NFT_SET_ANONYMOUS != 0
	}
	return a.number(setCount) <= readable
}

// asker asks the kernel for one key of a set.
func asker(c *kernel.Conn) func(*table, *set, []byte) (element, Tri) {
	return func(t *table, s *set, key []byte) (element, Tri) {
		messages, err := c.Member(kernel.SetName{Family: ruleset.Family(t.family), Table: t.name, Set: s.name}, key)
		if err != nil {
			return element{}, Perhaps
		}
		for _, m := range messages {
			if m.Type != unix.NFT_MSG_NEWSETELEM || len(m.Body) < 4 {
				continue
			}
			for _, data := range kernel.Attributes(attributes(m.Body[4:]).find(unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
				if b, _ := readElement(data); !b.end {
					return b.element, Yes
				}
			}
		}
		return element{}, No
	}
}

// legacyFiles list the tables that iptables-legacy has loaded in the namespace.
var legacyFiles = []string{"/proc/thread-self/net/ip_tables_names", "/proc/thread-self/net/ip6_tables_names"}

func legacyTables() (names []string) {
	for _, file := range legacyFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // this kernel has no such tables
		}
		family := "ip"
		if strings.Contains(file, "ip6") {
			family = "ip6"
		}
		for _, name := range strings.Fields(string(text)) {
			names = append(names, family+" "+name)
		}
	}
	slices.Sort(names)
	return names
}

// kinds is ARPHRD_… of linux/if_arp.h by netlink's words, for the common ones.
var kinds = map[string]uint16{"ether": unix.ARPHRD_ETHER, "loopback": unix.ARPHRD_LOOPBACK, "ppp": unix.ARPHRD_PPP}

func links() (all []Link, err error) {
	list, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		a := one.Attrs()
		l := Link{Name: a.Name, Index: uint32(a.Index), Loopback: a.Flags&net.FlagLoopback != 0, Bridge: one.Type() == "bridge", Kind: kinds[a.EncapType]}
		for _, addr := range addrs {
			if ip, ok := netip.AddrFromSlice(addr.IP); ok && addr.LinkIndex == a.Index {
				bits, _ := addr.Mask.Size()
				l.Addrs = append(l.Addrs, netip.PrefixFrom(ip.Unmap(), bits))
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// routes asks the kernel for the route to an address, and whether it goes by the
// link, unless that is 0. By another link, there may be a second one by this.
func routes(to netip.Addr, link uint32) Tri {
	found, err := netlink.RouteGet(to.AsSlice())
	switch {
	case errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH):
		return No
	case err != nil || len(found) == 0 || found[0].Type != unix.RTN_UNICAST:
		return Perhaps
	case link == 0 || uint32(found[0].LinkIndex) == link:
		return Yes
	}
	return Perhaps
}

// way is the link of the route to an address; 0 where there is none.
func way(to netip.Addr) (link uint32) {
	found, err := netlink.RouteGet(to.AsSlice())
	if err != nil || len(found) == 0 {
		return 0
	}
	return uint32(found[0].LinkIndex)
}
