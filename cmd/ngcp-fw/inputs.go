package main

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ngcp-fw/firewall/store"
)

// longestText is how much of a policy is kept with a generation, in bytes.
const longestText = 256 << 10

// madeOf is the files that the model was made of, by name.
func (in *input) madeOf() []store.Input {
	return slices.SortedFunc(slices.Values(in.heard), func(a, b store.Input) int { return strings.Compare(a.File, b.File) })
}

// hear takes note of a file as it was read.
func (in *input) hear(name string, data []byte) *store.Input {
	sum := sha256.Sum256(data)
	in.heard = append(in.heard, store.Input{File: whole(name), Size: len(data), Digest: hex.EncodeToString(sum[:])})
	return &in.heard[len(in.heard)-1]
}

// hearPolicy is hear with the text.
func (in *input) hearPolicy(name string, data []byte) {
	if heard := in.hear(name, data); len(data) <= longestText {
		heard.Text = string(data)
	}
}

// whole is a path that means the same everywhere.
func whole(name string) string {
	if path, err := filepath.Abs(name); err == nil && name != stdinName {
		return path
	}
	return name
}

// listening is hear for a list file, which is not held in memory.
type listening struct {
	*os.File
	in    *input
	input store.Input
	sum   hash.Hash
}

func (in *input) listen(path string, f *os.File) io.ReadCloser {
	return &listening{f, in, store.Input{File: whole(path)}, sha256.New()}
}

func (l *listening) Read(b []byte) (n int, err error) {
	n, err = l.File.Read(b)
	_, _ = l.sum.Write(b[:n])
	l.input.Size += n
	return n, err
}

func (l *listening) Close() error {
	l.input.Digest = hex.EncodeToString(l.sum.Sum(nil))
	l.in.heard = append(l.in.heard, l.input)
	return l.File.Close()
}
