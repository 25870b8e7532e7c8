// Package addr is the algebra of address sets: exact, compact, and fast at a
// million prefixes.
package addr

import (
	"iter"
	"net/netip"
)

// Set is an immutable set of IPv4 and IPv6 addresses, kept as sorted,
// disjoint, non-adjacent ranges. The zero Set is empty. IPv4-mapped IPv6
// addresses do not occur in it.
type Set struct {
	v4 []span4
	v6 []span6
}

// Range is a run of addresses of one family, both ends included.
type Range struct{ From, To netip.Addr }

type span4 struct{ from, to uint32 }
type span6 struct{ from, to u128 }
type u128 struct{ hi, lo uint64 }

// Builder collects ranges in any order, overlapping or not.
type Builder struct{ set Set }

// Skeleton API, to be implemented:
//
//	func Any() Set; func Any4() Set; func Any6() Set
//	func Of(p ...netip.Prefix) Set
//	func (b *Builder) AddRange(from, to netip.Addr)
//	func (b *Builder) AddPrefix(p netip.Prefix)
//	func (b *Builder) AddSet(s Set)
//	func (b *Builder) Set() Set              // sorts and merges; the Builder may go on
//	func (s Set) IsEmpty, IsAny (both families whole), IsAny4, IsAny6, Has4, Has6 bool
//	func (s Set) Only4() Set; Only6() Set
//	func (s Set) Union(t Set), Intersect(t Set), Subtract(t Set) Set
//	func (s Set) Contains(a netip.Addr), Covers(t Set), Overlaps(t Set), Equal(t Set) bool
//	func (s Set) Len4(), Len6() int          // ranges
//	func (s Set) Range4(i int) (from, to uint32); Range6(i int) (from, to [16]byte)
//	func (s Set) Ranges() iter.Seq[Range]     // IPv4 first, ascending
//	func (s Set) Prefixes() iter.Seq[netip.Prefix] // smallest exact cover, IPv4 first, ascending
//	func (s Set) Strings() []string           // Prefixes as text; any is ["0.0.0.0/0","::/0"]
//	func (s Set) Count() (v4 uint64, v6 *big.Int)
var _ iter.Seq[Range]
