package vm

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Program builds the package main of the folder, which is named from the root of
// the module, for the guest: static. It returns the path of the program.
func Program(t testing.TB, folder string) string {
	t.Helper()
	return build(t, filepath.Base(folder), "build", folder)
}

// TestProgram builds the tests of the package for the guest, as Program does.
func TestProgram(t testing.TB, folder string) string {
	t.Helper()
	return build(t, filepath.Base(folder)+".test", "test", folder, "-c")
}

func build(t testing.TB, name, command, folder string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	args := append([]string{command, "-buildvcs=false", "-ldflags=-s -w", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, "ngcp-fw/"+folder)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	require.NoError(t, run(cmd))
	return path
}
