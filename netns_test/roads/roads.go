// Package roads takes a table to the kernel by two roads, as text by Debian's nft
// and as our messages, and compares what the kernel then holds, attribute by
// attribute.
package roads

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// namespace is a thread in a network namespace of its own that runs functions
// until it is closed.
type namespace chan func()

func newNamespace(t *testing.T) namespace {
	t.Helper()
	ns := make(namespace)
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		failed <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range ns {
			f()
		}
	}()
	require.NoError(t, <-failed)
	t.Cleanup(func() { close(ns) })
	return ns
}

func (ns namespace) do(f func()) {
	done := make(chan struct{})
	ns <- func() { defer close(done); f() }
	<-done
}

// kernelState is what the kernel has of the table that load makes, without what
// differs from load to load.
func (ns namespace) kernelState(t require.TestingT, table *ruleset.Table, load func() error) (state []string) {
	var err error
	ns.do(func() {
		if err = load(); err != nil {
			return
		}
		var c *kernel.Conn
		if c, err = kernel.Open(); err != nil {
			return
		}
		defer c.Close()
		var messages []ruleset.Message
		if messages, err = c.Dump(table.Family, table.Name); err != nil {
			return
		}
		state = normalised(messages)
		_, err = c.Remove(table.Family, table.Name)
	})
	require.NoError(t, err)
	return state
}

func byNft(table *ruleset.Table) func() error {
	return func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(table.Text())
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s\n%s", err, out, table.Text())
		}
		return nil
	}
}

func byNetlink(table *ruleset.Table) func() error {
	return func() error {
		c, err := kernel.Open()
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Apply(table)
		return err
	}
}

// ofTheMoment is the attributes that say nothing of the ruleset, by message:
// handles, positions, use counts, identifiers (linux/netfilter/nf_tables.h).
var ofTheMoment = map[uint8][]uint16{
	unix.NFT_MSG_NEWTABLE:   {3, 4, 5}, // USE, HANDLE, PAD
	unix.NFT_MSG_NEWCHAIN:   {2, 6},    // HANDLE, USE
	unix.NFT_MSG_NEWRULE:    {3, 6, 9}, // HANDLE, POSITION, ID
	unix.NFT_MSG_NEWSET:     {10, 16},  // ID, HANDLE
	unix.NFT_MSG_NEWOBJ:     {4, 5, 6}, // DATA, USE, HANDLE
	unix.NFT_MSG_NEWSETELEM: {},
}

// normalised writes each message's attributes as text; what a dump has in no
// order is sorted.
func normalised(messages []ruleset.Message) (lines []string) {
	for _, m := range messages {
		if m.Type == unix.NFT_MSG_NEWSETELEM {
			lines = append(lines, elements(m.Body[4:])...)
			continue
		}
		var line strings.Builder
		fmt.Fprintf(&line, "message %d", m.Type)
		for kind, data := range attributes(m.Body[4:]) {
			if !slices.Contains(ofTheMoment[m.Type], kind) {
				fmt.Fprintf(&line, " %d:%s", kind, hex.EncodeToString(data))
			}
		}
		lines = append(lines, line.String())
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		if strings.HasPrefix(a, "message 6") && strings.HasPrefix(b, "message 6") {
			return 0 // the order of rules means something
		}
		return strings.Compare(a, b)
	})
	return lines
}

func elements(body []byte) (lines []string) {
	var set string
	for kind, data := range attributes(body) {
		switch kind {
		case unix.NFTA_SET_ELEM_LIST_SET:
			set = string(bytes.TrimRight(data, "\x00"))
		case unix.NFTA_SET_ELEM_LIST_ELEMENTS:
			for _, element := range attributes(data) {
				lines = append(lines, fmt.Sprintf("element of %s %s", set, hex.EncodeToString(element)))
			}
		}
	}
	return lines
}

// attributes yields the attributes of a list; what is broken ends it.
func attributes(b []byte) func(yield func(uint16, []byte) bool) {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			size := int(binary.NativeEndian.Uint16(b))
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if size < 4 || size > len(b) || !yield(kind, b[4:size]) {
				return
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
}

// Roads is a namespace for each road.
type Roads struct{ text, netlink namespace }

// New makes the namespaces; the test's end takes them away. It skips the test
// where there is no nft or no right to make them.
func New(t *testing.T) Roads {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: network namespaces need root here")
	}
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("SKIPPED: nft is not installed (make test installs it)")
	}
	return Roads{newNamespace(t), newNamespace(t)}
}

// Same requires that both roads lead to the same state of the kernel.
func (r Roads) Same(t require.TestingT, table *ruleset.Table) {
	require.Equal(t, r.text.kernelState(t, table, byNft(table)), r.netlink.kernelState(t, table, byNetlink(table)), table.Text())
}
