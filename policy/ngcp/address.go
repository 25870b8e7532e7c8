package ngcp

import (
	"fmt"
	"net/netip"
	"strings"
)

// addressKey is a key of a link that holds addresses of one family.
type addressKey struct {
	name   string
	is     func(netip.Addr) bool
	family string
	other  string // the key for the other family
}

// addressKeys are the addresses a link answers on: its own, and those that it
// shares with the peer. advertised_ip is not among them: packets for it arrive
// with another destination.
var addressKeys = []addressKey{
	{"ip", netip.Addr.Is4, "an IPv4", "v6ip"},
	{"shared_ip", netip.Addr.Is4, "an IPv4", "shared_v6ip"},
	{"v6ip", netip.Addr.Is6, "an IPv6", "ip"},
	{"shared_v6ip", netip.Addr.Is6, "an IPv6", "shared_ip"},
}

// parse reads an address, with or without a prefix length. The unspecified
// address stands for none and gives the zero Addr.
func (k addressKey) parse(text, path string) (netip.Addr, *fault) {
	a, err := parseAddr(strings.TrimSpace(text))
	not := func(what, hint string) (netip.Addr, *fault) {
		return a, &fault{codeNetworkAddress, fmt.Sprintf("%s: %s is %s", path, shown(text), what), hint}
	}
	switch {
	case err != nil:
		return not("not "+k.family+" address", "")
	case a.Is4In6():
		return not("an IPv4-mapped address", "write "+a.Unmap().String()+" under "+strings.Replace(k.name, "v6", "", 1))
	case a.Zone() != "":
		return not("an address with a zone", "write "+a.WithZone("").String())
	case !k.is(a):
		return not("not "+k.family+" address", "write it under "+k.other)
	case a.IsUnspecified():
		return netip.Addr{}, nil
	case a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return not("not the address of a host", "")
	}
	return a, nil
}

func parseAddr(text string) (netip.Addr, error) {
	if !strings.Contains(text, "/") {
		return netip.ParseAddr(text)
	}
	p, err := netip.ParsePrefix(text)
	return p.Addr(), err
}
