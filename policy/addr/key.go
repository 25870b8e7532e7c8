package addr

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// key is an address as an unsigned number: all the algebra needs of a family.
// In memory it is its bytes in network order, so that a list of keys is as it
// stands what files and the kernel want.
type key[K any] interface {
	comparable
	less(K) bool
	next() K             // of the last address: the first
	prev() K             // of the first address: the last
	addr() netip.Addr    //
	zeros() int          // trailing zero bits; the width for the first address
	withLowBits(n int) K // the n low bits set
	bits() int           // the family's width
}

// key4 is an IPv4 address.
type key4 [4]byte

func key4From(n uint32) (k key4) {
	binary.BigEndian.PutUint32(k[:], n)
	return k
}

func key4Of(a netip.Addr) key4 { return a.As4() }

func (k key4) number() uint32         { return binary.BigEndian.Uint32(k[:]) }
func (k key4) less(l key4) bool       { return k.number() < l.number() }
func (k key4) next() key4             { return key4From(k.number() + 1) }
func (k key4) prev() key4             { return key4From(k.number() - 1) }
func (k key4) addr() netip.Addr       { return netip.AddrFrom4(k) }
func (k key4) bits() int              { return 32 }
func (k key4) zeros() int             { return bits.TrailingZeros32(k.number()) }
func (k key4) withLowBits(n int) key4 { return key4From(k.number() | uint32(uint64(1)<<n-1)) }

// key6 is an IPv6 address.
type key6 [16]byte

func key6From(hi, lo uint64) (k key6) {
	binary.BigEndian.PutUint64(k[:8], hi)
	binary.BigEndian.PutUint64(k[8:], lo)
	return k
}

func key6Of(a netip.Addr) key6 { return a.As16() }

// numbers is the address's upper and lower half.
func (k key6) numbers() (hi, lo uint64) {
	return binary.BigEndian.Uint64(k[:8]), binary.BigEndian.Uint64(k[8:])
}

func (k key6) addr() netip.Addr { return netip.AddrFrom16(k) }
func (k key6) bits() int        { return 128 }

func (k key6) less(l key6) bool {
	hi, lo := k.numbers()
	otherHi, otherLo := l.numbers()
	return hi < otherHi || hi == otherHi && lo < otherLo
}

func (k key6) next() key6 {
	hi, lo := k.numbers()
	lo, carry := bits.Add64(lo, 1, 0)
	return key6From(hi+carry, lo)
}

func (k key6) prev() key6 {
	hi, lo := k.numbers()
	lo, borrow := bits.Sub64(lo, 1, 0)
	return key6From(hi-borrow, lo)
}

func (k key6) zeros() int {
	hi, lo := k.numbers()
	if lo != 0 {
		return bits.TrailingZeros64(lo)
	}
	return 64 + bits.TrailingZeros64(hi)
}

func (k key6) withLowBits(n int) key6 {
	hi, lo := k.numbers()
	if n >= 64 {
		return key6From(hi|(1<<(n-64)-1), ^uint64(0))
	}
	return key6From(hi, lo|(1<<n-1))
}
