package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// daemon is a running rtpengine.
type daemon struct {
	cmd *exec.Cmd
	log string
}

// start starts rtpengine with a table in the kernel, and waits until it answers.
func start(t *testing.T) *daemon {
	t.Helper()
	d := &daemon{log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(d.log)
	require.NoError(t, err)
	defer log.Close()
	d.cmd = exec.Command("/usr/bin/rtpengine", "--table=0",
		"--interface=l/"+hostA4, "--interface=l/"+hostA6, "--interface=r/"+hostB4, "--interface=r/"+hostB6,
		"--listen-ng="+control, "--port-min=30000", "--port-max=40000", "--delete-delay=0",
		"--foreground", "--log-stderr", "--endpoint-learning=immediate")
	d.cmd.Stdout, d.cmd.Stderr = log, log
	require.NoError(t, d.cmd.Start())
	t.Cleanup(func() { d.stop(t) })
	require.Eventually(t, func() bool {
		answer, err := exchange(dictionary{"command": "ping"}, time.Second)
		return err == nil && answer["result"] == "pong"
	}, 20*time.Second, 50*time.Millisecond, d.said)
	return d
}

// stop ends the daemon; it may have ended already.
func (d *daemon) stop(t *testing.T) {
	if d.cmd.ProcessState != nil {
		return
	}
	if t.Failed() {
		t.Log(d.said())
	}
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGTERM))
	_ = d.cmd.Wait() // how it ends is not our matter
}

// said is the end of what the daemon has logged.
func (d *daemon) said() string {
	text, _ := os.ReadFile(d.log)
	return string(text[max(0, len(text)-4096):])
}

// incoming is a stream of the module's list with the first counter that follows,
// that of what came in.
var incoming = regexp.MustCompile(`(?m)^local .*\n(?:\s.*\n)*?\s+stats:\s+\d+ bytes,\s+(\d+) packets`)

// list is the module's streams, while its table is open.
const list = "/proc/rtpengine/0/list"

// inKernel is how many packets the kernel has forwarded, of the streams that it
// has now.
func inKernel(t *testing.T) (packets int) {
	t.Helper()
	text, err := os.ReadFile(list)
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(t, err)
	for _, m := range incoming.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		packets += n
	}
	return packets
}

// moduleControl takes commands for the module's tables.
const moduleControl = "/proc/rtpengine/control"

// noModule unloads rtpengine's module. A table outlives the daemon that opened it,
// and holds the module.
func noModule(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/rtpengine/0"); err == nil {
		require.NoError(t, os.WriteFile(moduleControl, []byte("del 0\n"), 0))
	}
	var said []byte
	assert.Eventually(t, func() bool { // the kernel frees a rule some time after it is gone
		var err error
		said, err = exec.Command("modprobe", "-r", "xt_RTPENGINE").CombinedOutput()
		return err == nil
	}, 10*time.Second, 200*time.Millisecond)
	require.NoFileExists(t, moduleControl, string(said))
}

// forbid keeps the module out of the kernel, as if it were not installed, until
// the test ends.
func forbid(t *testing.T) {
	t.Helper()
	noModule(t)
	const file = "/run/modprobe.d/forbidden.conf"
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("install xt_RTPENGINE /bin/false\n"), 0o644))
	t.Cleanup(func() { require.NoError(t, os.Remove(file)) })
}

// run runs a command that must succeed, and gives what it said.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	text, err := exec.Command(name, args...).CombinedOutput()
	require.NoErrorf(t, err, "%s %s\n%s", name, strings.Join(args, " "), text)
	return string(text)
}
