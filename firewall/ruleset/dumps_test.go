package ruleset_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// dumps are tables, most of them of others, and how they are made.
var dumps = []struct {
	name   string
	family ruleset.Family
	table  string
	make   []string
}{
	{"foreign", ruleset.FamilyInet, "theirs", []string{"nft", "-f", "testdata/dumps/foreign.nft"}},
	{"nat", ruleset.FamilyIPv4, "nat", []string{"nft", "-f", "testdata/dumps/nat.nft"}},
	{"xtables", ruleset.FamilyIPv4, "filter", []string{"sh", "-e", "testdata/dumps/xtables.sh"}},
	{"rich", ruleset.FamilyInet, "rich", []string{"nft", "-f", "testdata/rich.nft"}},
}

// TestRecordDumps writes what a kernel says of the tables into testdata, where
// other tests read it; with -update only, because every kernel says it a little
// differently.
func TestRecordDumps(t *testing.T) {
	if !*ruleset.Record {
		t.Skip("records with -update only")
	}
	for _, d := range dumps {
		t.Run(d.name, func(t *testing.T) {
			runtime.LockOSThread() // never unlocked: the thread, and its namespace, end with the test
			require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
			out, err := exec.Command(d.make[0], d.make[1:]...).CombinedOutput()
			require.NoError(t, err, string(out))
			c, err := kernel.Open()
			require.NoError(t, err)
			defer c.Close()
			messages, err := c.Dump(d.family, d.table)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join("testdata", "dumps", d.name+".dump"), ruleset.Pack(messages), 0o644))
		})
	}
}
