package netns_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"ngcp-fw/netns_test/lab"
)

// program is the path of the program under test.
var program string

// suite is the tests of this package, and the program built for them.
type suite struct{ m *testing.M }

func TestMain(m *testing.M) { os.Exit(lab.Main(suite{m})) }

// programVariable names a program that is built already, for where there is no Go.
const programVariable = "NGCP_FW_PROGRAM"

func (s suite) Run() int {
	if program = os.Getenv(programVariable); program != "" {
		return s.m.Run()
	}
	dir, err := os.MkdirTemp("", "ngcp-fw-netns-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "ngcp-fw")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "../cmd/ngcp-fw").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the program to test: %v\n%s", err, out)
		return 1
	}
	return s.m.Run()
}
