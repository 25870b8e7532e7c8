package compile

import (
	"net/netip"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/addr"
)

// family is what differs between IPv4 and IPv6. Everything that looks at
// addresses is written once and done for each row of families, so that the two
// protocols are the same by construction.
type family struct {
	digit        string        // ends the names of its sets
	number       ruleset.Value // meta nfproto
	saddr, daddr *ruleset.Field
	host         *ruleset.Field // what of a source's address is one customer: limits count by it
	loopback     ruleset.Prefix
	own          addr.Set // loopback's addresses
	of           func(netip.Addr) bool
	only         func(addr.Set) addr.Set
	all          addr.Set
	elements     func(addr.Set) ruleset.Elements
}

// Loopback addresses never come from outside: RFC 1122 section 3.2.1.3 (g) and
// RFC 4291 section 2.5.3.
var families = []*family{
	{
		digit: "4", number: ruleset.Value{byte(ruleset.FamilyIPv4)},
		saddr: ruleset.IPSaddr, daddr: ruleset.IPDaddr, host: ruleset.IPSaddr,
		loopback: ruleset.Prefix{Addr: []byte{127, 0, 0, 0}, Length: 8}, own: addr.Of(netip.MustParsePrefix("127.0.0.0/8")),
		of: netip.Addr.Is4, only: addr.Set.Only4, all: addr.Any4(), elements: elements4,
	},
	{
		digit: "6", number: ruleset.Value{byte(ruleset.FamilyIPv6)},
		saddr: ruleset.IP6Saddr, daddr: ruleset.IP6Daddr, host: ruleset.IP6SaddrNet,
		loopback: ruleset.Prefix{Addr: netip.IPv6Loopback().AsSlice(), Length: 128}, own: addr.Of(netip.MustParsePrefix("::1/128")),
		of: netip.Addr.Is6, only: addr.Set.Only6, all: addr.Any6(), elements: elements6,
	},
}

// is matches the packets of the family.
func (f *family) is() ruleset.Match { return is(ruleset.MetaNFProto, f.number) }

// whole tells whether the set has all addresses of the family.
func (f *family) whole(s addr.Set) bool { return f.only(s).Equal(f.all) }

// has tells whether the set has an address of the family.
func (f *family) has(s addr.Set) bool { return !f.only(s).IsEmpty() }
