package hook

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// bits is some bytes of which not all bits are known. Unknown bits are zero in
// data.
type bits struct{ data, known []byte }

// certain is bytes that are known.
func certain(data []byte) bits { return bits{data, bytes.Repeat([]byte{0xff}, len(data))} }

// open is n bytes of which nothing is known.
func open(n int) bits { return bits{make([]byte, n), make([]byte, n)} }

// host32 is a number as the kernel has it in a register.
func host32(n uint32) bits { return certain(binary.NativeEndian.AppendUint32(nil, n)) }

// partly is a number in the machine's order of which the known bits are known.
func partly(n, known uint32) bits {
	return bits{binary.NativeEndian.AppendUint32(nil, n&known), binary.NativeEndian.AppendUint32(nil, known)}
}

func host16(n uint16) bits { return certain(binary.NativeEndian.AppendUint16(nil, n)) }

func net16(n uint16) bits { return certain(binary.BigEndian.AppendUint16(nil, n)) }

func (b bits) len() int { return len(b.data) }

func (b bits) clone() bits { return bits{bytes.Clone(b.data), bytes.Clone(b.known)} }

func join(all ...bits) (b bits) {
	for _, one := range all {
		b.data, b.known = append(b.data, one.data...), append(b.known, one.known...)
	}
	return b
}

// all tells whether every bit is known.
func (b bits) all() bool {
	return !slices.ContainsFunc(b.known, func(k byte) bool { return k != 0xff })
}

// least and most are the smallest and the largest value it can have.
func (b bits) least() []byte { return b.data }

func (b bits) most() []byte {
	most := bytes.Clone(b.data)
	for i := range most {
		most[i] |= ^b.known[i]
	}
	return most
}

// may tells whether it can be that value.
func (b bits) may(value []byte) bool {
	for i := range b.data {
		if i < len(value) && (b.data[i]^value[i])&b.known[i] != 0 {
			return false
		}
	}
	return true
}

// equals tells whether it is that value.
func (b bits) equals(value []byte) Tri {
	switch {
	case !b.may(value):
		return No
	case b.all():
		return Yes
	}
	return Perhaps
}

// within tells whether it lies in the range, both ends included, as memcmp
// orders values.
func (b bits) within(from, to []byte) Tri {
	least, most := b.least(), b.most()
	switch {
	case bytes.Equal(from, to):
		return b.equals(from)
	case bytes.Compare(most, from) < 0 || bytes.Compare(least, to) > 0:
		return No
	case bytes.Compare(least, from) >= 0 && bytes.Compare(most, to) <= 0:
		return Yes
	}
	return Perhaps
}

// masked is data & mask ^ xor.
func (b bits) masked(mask, xor []byte) bits {
	r := b.clone()
	for i := range r.data {
		m, x := at(mask, i), at(xor, i)
		r.known[i] |= ^m
		r.data[i] = (r.data[i]&m ^ x) & r.known[i]
	}
	return r
}

func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}
