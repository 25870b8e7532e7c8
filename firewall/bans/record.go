package bans

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Append adds the ban's line to a record: the CRC-32 of the rest (IEEE 802.3, 8
// hexadecimal digits), the first and the last address in hexadecimal, since and
// until in seconds since 1970 in hexadecimal (16 digits, of until all f for ever),
// who and why, quoted. Addresses and times have a fixed width, so that lines can
// be passed over without reading them.
func Append(record []byte, b Ban) []byte {
	rest := fmt.Sprintf("%x %x %016x %016x %q %q", b.From.AsSlice(), b.To.AsSlice(), uint64(b.Since.Unix()), uint64(seconds(b.Until)), b.Who, b.Reason)
	return fmt.Appendf(record, "%08x %s\n", crc32.ChecksumIEEE([]byte(rest)), rest)
}

const forever = 1<<63 - 1

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return forever
	}
	return t.Unix()
}

// Parse reads a line; false if it is damaged.
func Parse(line []byte) (b Ban, ok bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	sum, rest, ok := bytes.Cut(line, []byte(" "))
	if n, sound := number(sum, 8); !ok || !sound || uint32(n) != crc32.ChecksumIEEE(rest) {
		return b, false
	}
	from, rest, _ := bytes.Cut(rest, []byte(" "))
	to, rest, _ := bytes.Cut(rest, []byte(" "))
	since, rest, _ := bytes.Cut(rest, []byte(" "))
	until, rest, _ := bytes.Cut(rest, []byte(" "))
	who, err1 := strconv.QuotedPrefix(string(rest))
	why, found := bytes.CutPrefix(rest[len(who):], []byte(" "))
	b.Who, _ = strconv.Unquote(who)
	reason, err2 := strconv.Unquote(string(why))
	b.Reason = reason
	b.From, b.To = address(from), address(to)
	began, ok1 := number(since, 16)
	ends, ok2 := number(until, 16)
	b.Since = time.Unix(int64(began), 0).UTC()
	if ends != forever {
		b.Until = time.Unix(int64(ends), 0).UTC()
	}
	sound := b.From.IsValid() && b.From.BitLen() == b.To.BitLen() && b.From.Compare(b.To) <= 0
	return b, sound && found && err1 == nil && err2 == nil && ok1 && ok2
}

// number is so many hexadecimal digits.
func number(text []byte, digits int) (n uint64, ok bool) {
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, len(text) == digits
}

func address(text []byte) netip.Addr {
	var raw [16]byte
	n, err := hex.Decode(raw[:], text[:min(len(text), 2*len(raw))])
	if err != nil || 2*n != len(text) {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(raw[:n])
	return a
}

// Without is the record without what is over, and without the bans that end with
// this one: what it leaves of them counts on.
func Without(record []byte, gone Ban, now time.Time) (rest []byte) {
	met := meets(gone.From, gone.To)
	rest = make([]byte, 0, len(record)+256)
	for line := range bytes.Lines(record) {
		switch b, ok := Parse(line); {
		case !ok || !b.Live(now):
		case !met(line) || !b.EndsWith(gone):
			rest = append(rest, line...)
		default:
			for _, left := range b.Without(gone.From, gone.To) {
				rest = Append(rest, left)
			}
		}
	}
	return rest
}

// Live is the record without what is over.
func Live(record []byte, now time.Time) []byte { return Without(record, Ban{}, now) }

// Found is what a look through a record found.
type Found struct {
	Bans    []Ban // that were asked for, in the order of the record
	Lines   int   // of the record
	Ended   int   // of them are over
	Damaged int   // of them cannot be read
}

// All reads a record, without what is over.
func All(record []byte, now time.Time) Found {
	return find(record, now, func([]byte) bool { return true })
}

// Near reads of a record what has an address in common with the range. A million
// lines take some 50 ms.
func Near(record []byte, from, to netip.Addr, now time.Time) Found {
	return find(record, now, meets(from, to))
}

// meets tells of a line, without reading all of it, whether its ban has an address
// in common with the range.
func meets(from, to netip.Addr) func(line []byte) bool {
	first, last := fmt.Appendf(nil, "%x", from.AsSlice()), fmt.Appendf(nil, "%x", to.AsSlice())
	width := len(first)
	return func(line []byte) bool {
		if len(line) < sumWidth+2*width+2 || line[sumWidth+width] != ' ' || line[sumWidth+2*width+1] != ' ' {
			return false
		}
		begin, end := line[sumWidth:sumWidth+width], line[sumWidth+width+1:sumWidth+2*width+1]
		return bytes.Compare(begin, last) <= 0 && bytes.Compare(first, end) <= 0
	}
}

// sumWidth is how long the CRC and the blank behind it are.
const sumWidth = 9

func find(record []byte, now time.Time, wanted func(line []byte) bool) (f Found) {
	words := map[string]string{} // the same words are kept once
	for len(record) > 0 {
		line, rest, whole := bytes.Cut(record, []byte("\n"))
		record = rest
		f.Lines++
		if !wanted(line) {
			continue
		}
		switch b, ok := Parse(line); {
		case !ok || !whole:
			f.Damaged++
		case !b.Live(now):
			f.Ended++
		default:
			b.Who, b.Reason = once(words, b.Who), once(words, b.Reason)
			f.Bans = append(f.Bans, b)
		}
	}
	return f
}

func once(words map[string]string, word string) string {
	if known, ok := words[word]; ok {
		return known
	}
	words[word] = word
	return word
}

// Next is the ban of the first line that begins behind that byte of the record.
func Next(record []byte, at int) (Ban, bool) {
	_, rest, _ := bytes.Cut(record[at:], []byte("\n"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return Parse(line)
}

// Many reports whether the record has more lines than that.
func Many(record []byte, lines int) bool {
	for range lines {
		_, rest, more := bytes.Cut(record, []byte("\n"))
		if record = rest; !more {
			return false
		}
	}
	return len(record) > 0
}

// Latest is the bans with one for each range, the one that lasts longest, sorted
// by address.
func Latest(all []Ban) []Ban {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Ban) int {
		return cmp.Or(cmp.Compare(a.From.BitLen(), b.From.BitLen()), a.From.Compare(b.From), a.To.Compare(b.To), later(a, b))
	})
	return slices.CompactFunc(sorted, func(a, b Ban) bool { return a.From == b.From && a.To == b.To })
}

func later(a, b Ban) int {
	switch {
	case a.Outlasts(b):
		return -1
	case b.Outlasts(a):
		return 1
	}
	return 0
}
