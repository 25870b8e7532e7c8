package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"ngcp-fw/firewall/ruleset"
)

// magic begins a ruleset file; its last byte is the version of the format. After
// it comes, for each message: type (1 byte), flags (2), length of the body (4),
// the body, length of the words about it (4), the words. Numbers are big endian.
const magic = "ngcp-fw\x01"

func pack(messages []ruleset.Message) []byte {
	out := []byte(magic)
	for _, m := range messages {
		out = append(out, m.Type)
		out = binary.BigEndian.AppendUint16(out, m.Flags)
		out = binary.BigEndian.AppendUint32(out, uint32(len(m.Body)))
		out = append(out, m.Body...)
		out = binary.BigEndian.AppendUint32(out, uint32(len(m.About)))
		out = append(out, m.About...)
	}
	return out
}

var errCutOff = errors.New("it ends in the middle of a message")

// unpack reads what pack wrote. The bodies are parts of data.
func unpack(data []byte) ([]ruleset.Message, error) {
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok {
		return nil, errors.New("it is not a ruleset file of a version this ngcp-fw reads")
	}
	var messages []ruleset.Message
	for len(rest) > 0 {
		if len(rest) < 3 {
			return nil, errCutOff
		}
		m := ruleset.Message{Type: rest[0], Flags: binary.BigEndian.Uint16(rest[1:])}
		body, about := []byte(nil), []byte(nil)
		if body, rest, ok = cutField(rest[3:]); !ok {
			return nil, errCutOff
		}
		if about, rest, ok = cutField(rest); !ok {
			return nil, errCutOff
		}
		m.Body, m.About = body, string(about)
		messages = append(messages, m)
	}
	return messages, nil
}

// cutField takes a 4-byte length and as many bytes off data.
func cutField(data []byte) (field, rest []byte, ok bool) {
	if len(data) < 4 {
		return nil, nil, false
	}
	size, data := uint64(binary.BigEndian.Uint32(data)), data[4:]
	if size > uint64(len(data)) {
		return nil, nil, false
	}
	return data[:size:size], data[size:], true
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

// unseal accepts only what seal wrote for generation n, to the byte.
func unseal(data []byte, n uint64) (Meta, error) {
	var outer struct{ Meta json.RawMessage }
	if err := json.Unmarshal(data, &outer); err != nil {
		return Meta{}, fmt.Errorf("it is not JSON: %w", err)
	}
	if !bytes.Equal(wrap(outer.Meta), data) {
		return Meta{}, errors.New("its SHA-256 digest is not that of its content")
	}
	var meta Meta
	if err := json.Unmarshal(outer.Meta, &meta); err != nil {
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
