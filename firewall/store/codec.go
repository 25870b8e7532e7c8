package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"ngcp-fw/firewall/ruleset"
)

// Content is what was sent to the kernel and who may reach what: messages, and
// lists of packed keys that may be long. The two speak of a list by its name;
// where two names stand for the same bytes they are kept once.
type Content struct {
	Messages []ruleset.Message
	Lists    map[string][]byte
}

// magic begins a ruleset file; its last byte is the version of the format. After
// it come, each counted by 4 bytes first: the messages (type, 1 byte; flags, 2;
// body; the words about it), the bodies of lists, and the lists (name; number
// of its body, 4 bytes). Bodies, words and names have 4 bytes of length before
// them. Numbers are big endian.
const magic = "ngcp-fw\x02"

// pack writes the content.
func (c Content) pack(w io.Writer) error {
	out := bufio.NewWriter(w)
	p := packer{out}
	_, _ = out.WriteString(magic)
	p.number(len(c.Messages))
	for _, m := range c.Messages {
		_ = out.WriteByte(m.Type)
		_, _ = out.Write(binary.BigEndian.AppendUint16(nil, m.Flags))
		p.field(m.AppendBody(nil))
		p.field([]byte(m.About))
	}
	names, bodies, which := c.bodies()
	p.number(len(bodies))
	for _, body := range bodies {
		p.field(body)
	}
	p.number(len(names))
	for _, name := range names {
		p.field([]byte(name))
		p.number(which[name])
	}
	return out.Flush()
}

// bodies numbers the lists that differ.
func (c Content) bodies() (names []string, bodies [][]byte, which map[string]int) {
	names, which = slices.Sorted(maps.Keys(c.Lists)), map[string]int{}
	for _, name := range names {
		list := c.Lists[name]
		i := slices.IndexFunc(bodies, func(body []byte) bool { return bytes.Equal(body, list) })
		if i < 0 {
			i, bodies = len(bodies), append(bodies, list)
		}
		which[name] = i
	}
	return names, bodies, which
}

// packer writes numbers and fields; the writer below keeps the first error.
type packer struct{ *bufio.Writer }

func (p packer) number(n int) { _, _ = p.Write(binary.BigEndian.AppendUint32(nil, uint32(n))) }

func (p packer) field(data []byte) {
	p.number(len(data))
	_, _ = p.Write(data)
}

var errCutOff = errors.New("it ends in the middle")

// unpack reads what pack wrote. Bodies and lists are parts of data.
func unpack(data []byte) (c Content, err error) {
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok {
		return c, errors.New("it is not a ruleset file of a version this ngcp-fw reads")
	}
	u := unpacker{rest: rest}
	for range u.number() {
		head := u.take(3)
		m := ruleset.Message{Body: u.field(), About: string(u.field())}
		if u.cut {
			return c, errCutOff
		}
		m.Type, m.Flags = head[0], binary.BigEndian.Uint16(head[1:])
		c.Messages = append(c.Messages, m)
	}
	c.Lists, err = u.lists()
	if err == nil && len(u.rest) > 0 {
		err = errors.New("more follows after its end")
	}
	return c, err
}

// unpacker takes data apart from its beginning; cut says that there was too
// little of it, from where on all is empty.
type unpacker struct {
	rest []byte
	cut  bool
}

func (u *unpacker) lists() (map[string][]byte, error) {
	var bodies [][]byte
	for range u.number() {
		if bodies = append(bodies, u.field()); u.cut {
			return nil, errCutOff
		}
	}
	lists := map[string][]byte{}
	for range u.number() {
		name, body := string(u.field()), u.number()
		if u.cut {
			return nil, errCutOff
		}
		if body >= len(bodies) {
			return nil, fmt.Errorf("it has no list %d", body)
		}
		lists[name] = bodies[body]
	}
	if u.cut {
		return nil, errCutOff
	}
	return lists, nil
}

func (u *unpacker) take(n int) []byte {
	if n > len(u.rest) {
		u.cut, u.rest = true, nil
		return make([]byte, 3)
	}
	taken := u.rest[:n:n]
	u.rest = u.rest[n:]
	return taken
}

func (u *unpacker) number() int {
	if len(u.rest) < 4 {
		u.cut, u.rest = true, nil
		return 0
	}
	return int(binary.BigEndian.Uint32(u.take(4)))
}

func (u *unpacker) field() []byte {
	n := u.number()
	if n > len(u.rest) {
		u.cut, u.rest = true, nil
		return nil
	}
	return u.take(n)
}

// envelope is the meta file: the digest is that of the bytes of meta.
const envelope = "{\"sha256\": %q, \"meta\": %s}\n"

func seal(meta Meta) ([]byte, error) {
	text, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("describing it: %w", err)
	}
	return wrap(text), nil
}

func wrap(meta []byte) []byte { return fmt.Appendf(nil, envelope, digest(meta), meta) }

// unwrap accepts only what wrap wrote, to the byte.
func unwrap(data []byte, into any) error {
	var outer struct{ Meta json.RawMessage }
	if err := json.Unmarshal(data, &outer); err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	if !bytes.Equal(wrap(outer.Meta), data) {
		return errors.New("its SHA-256 digest is not that of its content")
	}
	return json.Unmarshal(outer.Meta, into)
}

// unseal accepts only what seal wrote for generation n, to the byte.
func unseal(data []byte, n uint64) (Meta, error) {
	var meta Meta
	if err := unwrap(data, &meta); err != nil {
		return Meta{}, err
	}
	if meta.Number != n {
		return Meta{}, fmt.Errorf("it speaks of generation %d", meta.Number)
	}
	return meta, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
