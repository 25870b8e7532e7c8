package policy

import (
	"net/netip"
	"strings"

	"ngcp-fw/policy/addr"
)

// ParseSource reads one source: an address, a network, a range first-last,
// any, any4 or any6. The error is a *Problem.
func ParseSource(text string) (addr.Set, error) {
	var b addr.Builder
	if err := addSource(&b, text); err != nil {
		return addr.Set{}, err
	}
	return b.Set(), nil
}

// The sources that are words.
var (
	words       = map[string]func() addr.Set{"any": addr.Any, "any4": addr.Any4, "any6": addr.Any6}
	sourceWords = []string{"any", "any4", "any6"}
)

func addSource(b *addr.Builder, text string) error {
	switch {
	case strings.IndexByte(text, '/') >= 0:
		prefix, err := parsePrefix(text)
		if err == nil {
			b.AddPrefix(prefix)
		}
		return err
	case strings.IndexByte(text, '-') >= 0:
		from, to, err := parseRange(text)
		if err == nil {
			b.AddRange(from, to)
		}
		return err
	}
	if set, ok := words[text]; ok {
		b.AddSet(set())
		return nil
	}
	address, err := parseAddress(text)
	if err == nil {
		b.AddRange(address, address)
	}
	return err
}

func parseAddress(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return address, explainAddress(text)
	}
	return address, checkAddress(address)
}

// parseHost reads one address where no other source will do.
func parseHost(text string) (netip.Addr, error) {
	_, word := words[text]
	_, _, noRange := parseRange(text)
	if word || text == "" || strings.Contains(text, "/") || noRange == nil {
		return netip.Addr{}, problem("bad-address", "write one address, as in 192.0.2.1", "%s is not one address", show(text))
	}
	return parseAddress(text)
}

// checkAddress refuses addresses that would never be what they seem.
func checkAddress(address netip.Addr) error {
	switch {
	case address.Zone() != "":
		return problem("zone", "write "+address.WithZone("").String()+", and the link under `interfaces:` of the service",
			"%s names an interface in the address", show(address.String()))
	case address.Is4In6():
		return problem("ipv4-mapped", "write "+address.Unmap().String(),
			"%s is an IPv4 address in IPv6 notation, which no packet has as its source", address)
	}
	return nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return prefix, explainPrefix(text)
	case prefix.Addr().Is4In6():
		return prefix, mappedPrefix(text, prefix)
	case prefix.Masked() != prefix:
		return prefix, problem("host-bits",
			"write "+prefix.Masked().String()+" for the network, or "+prefix.Addr().String()+" for the host",
			"%s has host bits set", text)
	}
	return prefix, nil
}

func mappedPrefix(text string, prefix netip.Prefix) error {
	hint := "write the IPv4 network"
	if prefix.Bits() >= 96 {
		hint = "write " + netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96).Masked().String()
	}
	return problem("ipv4-mapped", hint, "%s is an IPv4 network in IPv6 notation, which no packet has as its source", text)
}

func parseRange(text string) (from, to netip.Addr, err error) {
	first, last, _ := strings.Cut(text, "-")
	first, last = strings.TrimSpace(first), strings.TrimSpace(last)
	from, err1 := netip.ParseAddr(first)
	to, err2 := netip.ParseAddr(last)
	if err1 != nil || err2 != nil {
		return from, to, explainRange(text, first, last)
	}
	if err = checkAddress(from); err == nil {
		err = checkAddress(to)
	}
	switch {
	case err != nil:
	case from.Is4() != to.Is4():
		err = problem("mixed-families", "write one range for IPv4 and one for IPv6", "%s begins in one address family and ends in the other", text)
	case to.Less(from):
		err = problem("reversed-range", "write "+to.String()+"-"+from.String(), "%s runs backwards", text)
	}
	return from, to, err
}
