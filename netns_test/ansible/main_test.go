// Package ansible_test runs the role of examples/ansible with Debian's Ansible and
// OpenSSH: the managed host and the machine that Ansible runs on are namespaces.
package ansible_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the path of the program under test.
var program string

const (
	playbookProgram = "/usr/bin/ansible-playbook"
	sshdProgram     = "/usr/sbin/sshd"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// enabled has the tests run; without it they are skipped.
const enabled = "NGCP_FW_ANSIBLE"

func run(m *testing.M) int {
	if os.Getenv(enabled) == "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "ngcp-fw-ansible-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "ngcp-fw")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "../../cmd/ngcp-fw").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the program to test: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// needs skips the test where it cannot run, and says why.
func needs(t *testing.T) {
	t.Helper()
	if program == "" {
		t.Skipf("SKIPPED: runs only with %s=1: make test-ansible", enabled)
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: sshd has to be started by root")
	}
	for _, path := range []string{playbookProgram, sshdProgram, "/usr/bin/ssh"} {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("SKIPPED: %s is missing: make test-ansible installs it", path)
		}
	}
}
