package ansible_test

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

const (
	hostAddr    = "192.0.2.10"
	controlAddr = "198.51.100.7" // in testdata/lists/noc.txt
	installed   = "/var/lib/ngcp-fw-program"
)

// managed is a host with a real sshd; dir is the test's directory, of which the
// host has its configuration and the control machine the key.
type managed struct {
	net *lab.Host
	dir string
	pid int
}

const sshdConfig = `HostKey %[1]s/host_key
AuthorizedKeysFile %[1]s/key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
Subsystem sftp internal-sftp
`

// newHost starts a host. Its /etc, /run, /var/lib and processes are its own.
func newHost(t *testing.T) *managed {
	t.Helper()
	m := &managed{net: lab.New(t, lab.Link{Name: "eth0", Addrs: []string{hostAddr + "/24"}}), dir: shortDir(t)}
	for _, name := range []string{"host_key", "key"} {
		out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(m.dir, name)).CombinedOutput()
		require.NoErrorf(t, err, "%s", out)
	}
	write(t, filepath.Join(m.dir, "sshd_config"), fmt.Sprintf(sshdConfig, m.dir))
	m.start(t)
	require.Eventually(t, func() bool { return m.listens(t) }, 10*time.Second, 20*time.Millisecond, "sshd does not start: %s", m.sshdLog())
	return m
}

// shortDir is a directory whose name leaves room for the names of sockets in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "nfa")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func (m *managed) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "testdata/host.sh", m.dir, hostAddr)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	life, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, m.net.Do(cmd.Start))
	m.pid = cmd.Process.Pid
	t.Cleanup(func() { end(cmd, life) })
}

// end lets the host's first process end, and with it all others.
func end(cmd *exec.Cmd, life io.Closer) {
	_ = life.Close()
	_ = cmd.Wait()
}

func (m *managed) listens(t *testing.T) bool {
	t.Helper()
	return strings.Contains(m.run("ss", "-Hltn", "sport = 22").Stdout, hostAddr)
}

func (m *managed) sshdLog() string {
	text, err := os.ReadFile(filepath.Join(m.dir, "sshd.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// run runs a command on the host, not by ssh.
func (m *managed) run(args ...string) lab.Result {
	return m.net.Run("nsenter", append([]string{"-t", strconv.Itoa(m.pid), "-m", "-n", "-p", "--"}, args...)...)
}

// holds is what the host has of ours: rules, without counts, and files.
func (m *managed) holds(t *testing.T) string {
	t.Helper()
	rules := m.run("nft", "--stateless", "list", "ruleset")
	files := m.run("find", "/etc/ngcp-fw", "/var/lib", "/run", "-type", "f", "-not", "-name", "lock", "-printf", `%p %s %T@\n`)
	require.Zero(t, rules.Code, rules.Stderr)
	return rules.Stdout + files.Stdout
}

// inForce reports whether exactly the policy on the host's disk is in force.
func (m *managed) inForce() bool { return m.run(installed, "verify").Code == 0 }

// answerSIP answers any datagram to the port as a SIP server answers OPTIONS.
func (m *managed) answerSIP(t *testing.T) {
	t.Helper()
	conn, err := m.net.ListenPacket("udp4", netip.MustParseAddrPort(hostAddr+":5060"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buffer := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if strings.HasPrefix(string(buffer[:n]), "OPTIONS sip:"+hostAddr+":5060 SIP/2.0\r\n") {
				_, _ = conn.WriteTo([]byte("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"), from)
			}
		}
	}()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// logins is how many connections sshd has let in.
func (m *managed) logins() int { return strings.Count(m.sshdLog(), "Accepted publickey for root") }
