package vm

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Guest is what a machine has. The zero value is a small one.
type Guest struct {
	Memory  int           // MiB; 0: 1500
	CPUs    int           // 0: 1
	Timeout time.Duration // of one boot, from power on to power off; 0: 3 minutes
}

// Files is what a boot carries in: paths below the script's folder, and the files
// or folders of this host that are found there.
type Files map[string]string

// Result is what a boot came to.
type Result struct {
	Code    int           // the script's exit code
	Output  string        // its standard output and standard error
	Console string        // what kernel and systemd wrote on the serial console
	Took    time.Duration // from power on to power off
}

// Machine is a guest with a disk of its own, which keeps what its boots write to
// it until the test ends.
type Machine struct {
	guest Guest
	image image
	dir   string // of the test: overlay, console, exit code
}

// New makes a machine, and skips the test where none is asked for.
func New(t testing.TB, guest Guest) *Machine {
	t.Helper()
	if os.Getenv("NGCP_FW_VM") != "1" {
		t.Skip("SKIPPING what needs a virtual machine: make test-vm runs it (NGCP_FW_VM=1)")
	}
	image, err := openImage()
	require.NoError(t, err)
	m := &Machine{guest: guest.withDefaults(), image: image, dir: t.TempDir()}
	require.NoError(t, run(exec.Command("qemu-img", "create", "-q",
		"-f", "qcow2", "-F", "raw", "-b", image.disk, m.path("overlay"))))
	return m
}

func (g Guest) withDefaults() Guest {
	if g.Memory == 0 {
		g.Memory = 1500
	}
	if g.CPUs == 0 {
		g.CPUs = 1
	}
	if g.Timeout == 0 {
		g.Timeout = 3 * time.Minute
	}
	return g
}

func (m *Machine) path(name string) string { return filepath.Join(m.dir, name) }

// Run boots the machine, runs the script in it as root, in the folder of the
// files, and waits until the machine is off: the guest powers off when the script
// ends. A script may power off or reboot by itself; then its Code is -1, and the
// next Run is the boot after it. Run fails the test where the boot has no end.
func (m *Machine) Run(t testing.TB, files Files, script string) Result {
	t.Helper()
	require.NoError(t, m.makeJob(files, script))
	result, err := m.boot()
	require.NoError(t, err)
	return result
}

// Run runs the script in a machine that is used once.
func Run(t testing.TB, guest Guest, files Files, script string) Result {
	t.Helper()
	return New(t, guest).Run(t, files, script)
}
