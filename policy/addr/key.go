package addr

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// key is an address as an unsigned number: all the algebra needs of a family.
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
type key4 uint32

func (k key4) less(l key4) bool       { return k < l }
func (k key4) next() key4             { return k + 1 }
func (k key4) prev() key4             { return k - 1 }
func (k key4) bits() int              { return 32 }
func (k key4) zeros() int             { return bits.TrailingZeros32(uint32(k)) }
func (k key4) withLowBits(n int) key4 { return k | key4(uint64(1)<<n-1) }

func (k key4) addr() netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(k))
	return netip.AddrFrom4(b)
}

func key4Of(a netip.Addr) key4 {
	b := a.As4()
	return key4(binary.BigEndian.Uint32(b[:]))
}

// key6 is an IPv6 address.
type key6 struct{ hi, lo uint64 }

func (k key6) less(l key6) bool { return k.hi < l.hi || k.hi == l.hi && k.lo < l.lo }
func (k key6) bits() int        { return 128 }

func (k key6) next() key6 {
	lo, carry := bits.Add64(k.lo, 1, 0)
	return key6{k.hi + carry, lo}
}

func (k key6) prev() key6 {
	lo, borrow := bits.Sub64(k.lo, 1, 0)
	return key6{k.hi - borrow, lo}
}

func (k key6) zeros() int {
	if k.lo != 0 {
		return bits.TrailingZeros64(k.lo)
	}
	return 64 + bits.TrailingZeros64(k.hi)
}

func (k key6) withLowBits(n int) key6 {
	if n >= 64 {
		return key6{k.hi | (1<<(n-64) - 1), ^uint64(0)}
	}
	return key6{k.hi, k.lo | (1<<n - 1)}
}

func (k key6) bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	return b
}

func (k key6) addr() netip.Addr { return netip.AddrFrom16(k.bytes()) }

func key6Of(a netip.Addr) key6 {
	b := a.As16()
	return key6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}
