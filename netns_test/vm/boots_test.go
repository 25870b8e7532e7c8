package vm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/vm"
)

// TestThePackage installs the Debian package in a guest with systemd and sshd and
// takes it through trials and boots, each of them a script of testdata/boots. Each
// boot leaves the disk as the next one is to find it.
func TestThePackage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPING five boots: make test-vm-all runs them")
	}
	m := vm.New(t, vm.Guest{CPUs: 2, Timeout: 10 * time.Minute})
	files := vm.Files{"ngcp-fw.deb": debianPackage(t)}
	scripts, err := filepath.Glob("testdata/boots/[0-9]*.sh")
	require.NoError(t, err)
	require.Len(t, scripts, 5)
	common, err := os.ReadFile("testdata/boots/common.sh")
	require.NoError(t, err)
	for _, path := range scripts {
		script, err := os.ReadFile(path)
		require.NoError(t, err)
		done := t.Run(strings.TrimSuffix(filepath.Base(path), ".sh"), func(t *testing.T) {
			r := m.Run(t, files, string(common)+string(script)+"echo end\n")
			t.Logf("the guest was up for %s", r.Took)
			checks(t, r)
		})
		if !done {
			break // what follows counts on it
		}
	}
}

// checks wants each line of a check to be a good one.
func checks(t *testing.T, r vm.Result) {
	assert.True(t, strings.HasSuffix(r.Output, "end\n"), "the script did not get to its end")
	assert.NotContains(t, r.Output, "FAIL: ")
	assert.Contains(t, r.Output, "ok: ")
	if strings.Contains(r.Output, "the boot went on") {
		assert.Contains(t, r.Console, "what was confirmed last could not be restored")
	}
	t.Log(r.Output)
}

// debianPackage makes the package as make deb does.
func debianPackage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("make", "-C", "../..", "deb", "BIN="+dir, "DEB_VERSION=1.2.3").CombinedOutput()
	require.NoErrorf(t, err, "%s", out)
	return filepath.Join(dir, "ngcp-fw_1.2.3_amd64.deb")
}
