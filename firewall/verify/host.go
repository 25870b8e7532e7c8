package verify

import (
	"net/netip"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/addr"
)

// likely is by family what an example's addresses are taken from, if they can be:
// what is set aside for documentation (RFC 5737, RFC 3849), then what hosts have
// (RFC 1122 section 3.2.1.3, RFC 1112 section 4, RFC 4291 section 2.4).
var likely = map[ruleset.Family][]addr.Set{
	ruleset.FamilyIPv4: {
		of("203.0.113.0/24"),
		of("0.0.0.0/0").Subtract(of("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")),
	},
	ruleset.FamilyIPv6: {of("2001:db8::/32"), of("2000::/3")},
}

func of(prefixes ...string) addr.Set {
	list := make([]netip.Prefix, len(prefixes))
	for i, p := range prefixes {
		list[i] = netip.MustParsePrefix(p)
	}
	return addr.Of(list...)
}

// host is an address of the places that a host could well have.
func (p *places) host(family ruleset.Family) netip.Addr {
	for _, among := range likely[family] {
		if a := lowest(p.Intersect(among)); a.IsValid() {
			return a
		}
	}
	return lowest(p.Set)
}

// lowest is the set's lowest address, or the next one where that is its network's
// own and the next one is in the set, too.
func lowest(s addr.Set) netip.Addr {
	for r := range s.Ranges() {
		bytes := r.From.AsSlice()
		if bytes[len(bytes)-1] == 0 && r.From != r.To {
			return r.From.Next()
		}
		return r.From
	}
	return netip.Addr{}
}
