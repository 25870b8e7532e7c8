package compile

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// The golden files are reviewed by reading: every change of the ruleset shows.
func TestGolden(t *testing.T) {
	for name, model := range models {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".nft")
			got := Compile(model(), 1).Text()
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), got, "go test ./firewall/compile -update writes it anew")
		})
	}
}

// nft runs the real one in a network namespace of its own.
func nft(t *testing.T, args ...string) string {
	t.Helper()
	for _, program := range []string{"unshare", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED, NOTHING PROVEN: %s is not installed", program)
		}
	}
	space := "-rn"
	if os.Geteuid() == 0 {
		space = "-n" // keeps root's socket buffers
	}
	if err := exec.Command("unshare", space, "true").Run(); err != nil {
		t.Skipf("SKIPPED, NOTHING PROVEN: no namespaces of our own here: %v", err)
	}
	out, err := exec.Command("unshare", append([]string{space}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
