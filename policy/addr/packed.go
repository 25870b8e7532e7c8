package addr

import (
	"errors"
	"unsafe"
)

// Packed4 is the IPv4 ranges as bytes: of each its first and its last address
// in network order, ascending. It is the set's own memory, not to be changed.
func (s Set) Packed4() []byte { return s.v4.packed() }

// Packed6 is Packed4 for the IPv6 ranges.
func (s Set) Packed6() []byte { return s.v6.packed() }

// FromPacked is the set whose Packed4 and Packed6 these are. It takes the bytes
// over. It fails where they are not what a set would give.
func FromPacked(v4, v6 []byte) (Set, error) {
	s := Set{unpacked[key4](v4), unpacked[key6](v6)}
	if len(s.v4.packed()) != len(v4) || len(s.v6.packed()) != len(v6) || !s.v4.sound() || !s.v6.sound() {
		return Set{}, errors.New("these are no sorted, separate address ranges")
	}
	return s, nil
}

// packed views spans as bytes. They are arrays of bytes without padding, so
// neither alignment nor the machine's byte order matters.
func (s spans[K]) packed() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(span[K]{})))
}

// unpacked views bytes as spans; bytes that are no whole span are left out.
func unpacked[K key[K]](data []byte) spans[K] {
	n := len(data) / int(unsafe.Sizeof(span[K]{}))
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*span[K])(unsafe.Pointer(unsafe.SliceData(data))), n)
}

// sound reports whether the spans are what a Set may hold.
func (s spans[K]) sound() bool {
	for i, one := range s {
		if one.to.less(one.from) {
			return false
		}
		if i > 0 && (!s[i-1].to.less(one.from) || s[i-1].to.next() == one.from) {
			return false
		}
	}
	return true
}
