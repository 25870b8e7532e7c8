package ruleset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// DataType is a kind of value: how many bytes, and how nft writes it.
type DataType struct {
	Name      string // nft's: ipv4_addr
	ID        uint32 // nft's number for it, kept in a set's key type
	Len       int    // bytes
	HostOrder bool   // least significant byte first in the kernel's registers on this machine

	symbols []symbol
	format  func(t *DataType, dst, value []byte) []byte
	parse   func(t *DataType, text string) ([]byte, error)
}

// The data types (ids from nft's include/datatype.h).
var (
	TypeNFProto  = &DataType{Name: "nf_proto", ID: 2, Len: 1, symbols: nfProtos, format: formatNumber, parse: parseNumber}
	TypeIPv4Addr = &DataType{Name: "ipv4_addr", ID: 7, Len: 4, format: formatAddr, parse: parseAddr}
	TypeIPv6Addr = &DataType{Name: "ipv6_addr", ID: 8, Len: 16, format: formatAddr, parse: parseAddr}
	TypeProto    = &DataType{Name: "inet_proto", ID: 12, Len: 1, symbols: protocols, format: formatNumber, parse: parseNumber}
	TypePort     = &DataType{Name: "inet_service", ID: 13, Len: 2, format: formatNumber, parse: parseNumber}
	TypeICMP     = &DataType{Name: "icmp_type", ID: 14, Len: 1, symbols: icmpTypes, format: formatNumber, parse: parseNumber}
	TypeCTState  = &DataType{Name: "ct_state", ID: 26, Len: 4, HostOrder: true, symbols: ctStates, format: formatNumber, parse: parseNumber}
	TypeICMPv6   = &DataType{Name: "icmpv6_type", ID: 29, Len: 1, symbols: icmpv6Types, format: formatNumber, parse: parseNumber}
	TypeIfname   = &DataType{Name: "ifname", ID: 41, Len: ifnameLen, HostOrder: true, format: formatIfname, parse: parseIfname}
)

// Types lists every row, for those who look one up by its number.
var Types = []*DataType{
	TypeNFProto, TypeIPv4Addr, TypeIPv6Addr, TypeProto, TypePort, TypeICMP, TypeCTState, TypeICMPv6, TypeIfname,
}

// Append appends the value as nft writes it. A value of the wrong length is
// written in hexadecimal.
func (t *DataType) Append(dst, value []byte) []byte {
	if len(value) != t.Len {
		return fmt.Appendf(dst, "0x%x", value)
	}
	return t.format(t, dst, value)
}

// Format is the value as nft writes it.
func (t *DataType) Format(value []byte) string { return string(t.Append(nil, value)) }

// Parse is the inverse of Format; symbols can be given as numbers, too.
func (t *DataType) Parse(text string) ([]byte, error) {
	value, err := t.parse(t, text)
	if err != nil {
		return nil, fmt.Errorf("%q is no %s: %w", text, t.Name, err)
	}
	return value, nil
}

// Native turns a value from wire order into that of the kernel's registers, or
// back. Only numbers in host order differ; an interface name is a string of
// bytes. The result may be the argument itself.
func (t *DataType) Native(value []byte) []byte {
	if t != TypeCTState || len(value) != 4 || binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		return value
	}
	turned := slices.Clone(value)
	slices.Reverse(turned)
	return turned
}

// appendRange appends from-to, both in figures where symbols could not be told
// from the dash.
func (t *DataType) appendRange(dst, from, to []byte) []byte {
	if len(t.symbols) == 0 {
		return t.Append(append(t.Append(dst, from), '-'), to)
	}
	return fmt.Appendf(dst, "%d-%d", number(from), number(to))
}

// wire is a number as a value of some bytes, the inverse of number.
func wire(n uint64, size int) []byte { return binary.BigEndian.AppendUint64(nil, n)[8-size:] }

// number is a value of at most eight bytes.
func number(value []byte) (n uint64) {
	for _, b := range value {
		n = n<<8 | uint64(b)
	}
	return n
}

func formatNumber(t *DataType, dst, value []byte) []byte {
	n := number(value)
	for _, s := range t.symbols {
		if s.value == n {
			return append(dst, s.name...)
		}
	}
	if t.HostOrder {
		return fmt.Appendf(dst, "%#x", n)
	}
	return strconv.AppendUint(dst, n, 10)
}

func parseNumber(t *DataType, text string) ([]byte, error) {
	n, known := t.symbol(text)
	if !known {
		var err error
		if n, err = strconv.ParseUint(text, 0, 8*t.Len); err != nil {
			return nil, errors.Unwrap(err)
		}
	}
	return wire(n, t.Len), nil
}

func (t *DataType) symbol(name string) (value uint64, ok bool) {
	for _, s := range t.symbols {
		if s.name == name {
			return s.value, true
		}
	}
	return 0, false
}

func formatAddr(_ *DataType, dst, value []byte) []byte {
	a, _ := netip.AddrFromSlice(value)
	return a.AppendTo(dst)
}

func parseAddr(t *DataType, text string) ([]byte, error) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return nil, errors.New("not an IP address")
	case a.Zone() != "" || a.BitLen() != 8*t.Len:
		return nil, errors.New("an address of another family or with a zone")
	}
	return a.AsSlice(), nil
}

// A star at the end would be nft's wildcard.
func formatIfname(_ *DataType, dst, value []byte) []byte {
	name, star := strings.CutSuffix(strings.TrimRight(string(value), "\x00"), "*")
	if star {
		name += `\*`
	}
	return append(append(append(dst, '"'), name...), '"')
}

func parseIfname(t *DataType, text string) ([]byte, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)
	if escaped, star := strings.CutSuffix(name, `\*`); star {
		name = escaped + "*"
	}
	if name == "" || len(name) >= t.Len {
		return nil, fmt.Errorf("an interface name has 1 to %d bytes", t.Len-1)
	}
	return ifname(name), nil
}
