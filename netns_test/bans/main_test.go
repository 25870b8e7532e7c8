// Package bans_test lets Debian's fail2ban and CrowdSec's firewall bouncer ban by what
// examples/bans ships, in a network namespace, and holds that against real packets.
package bans_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(suite{m})) }

// program is the path of the program under test.
var program string

// suite is the tests of this package, and the program built for them.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "ngcp-fw-bans-")
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
	return s.m.Run()
}

const (
	// debian is where make test unpacks Debian's packages: installed, they would
	// start their services.
	debian = "../../bin/debian"
	// shipped is what is under test beside the program.
	shipped = "../../examples/bans"
)

// unpacked is the path of a file of Debian's packages, as it is unpacked or else as
// it is installed. Where there is none, the test is skipped.
func unpacked(t *testing.T, path string) string {
	t.Helper()
	for _, root := range []string{debian, "/"} {
		full, err := filepath.Abs(filepath.Join(root, path))
		require.NoError(t, err)
		if _, err := os.Stat(full); err == nil {
			return full
		}
	}
	t.Skipf("SKIPPED: %s is missing: make ban-tools fetches it", path)
	return ""
}

// site is a host with a policy, and with a folder for all that is on disk.
type site struct {
	*lab.Host
	t   *testing.T
	dir string
}

const policy = `version: 1
roles: {administrators: {allow: [192.0.2.0/24, "2001:db8:10::/48"]}}
never-ban: [198.51.100.0/24]
`

func newSite(t *testing.T, policy string) *site {
	t.Helper()
	s := &site{Host: lab.New(t, lab.Link{Name: "eth0", Addrs: []string{"192.0.2.1/24", "2001:db8:10::1/64"}}), t: t, dir: t.TempDir()}
	s.apply(policy)
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(filepath.Dir(s.path(name)), 0o700))
	require.NoError(s.t, os.WriteFile(s.path(name), []byte(text), 0o600))
}

// command is the program as it runs on the host, for a shell.
func (s *site) command() string {
	return strings.Join([]string{program, "--policy", s.path("policy.yml"), "--state-dir", s.path("state"), "--run-dir", s.path("run")}, " ")
}

// fw runs the program on the host.
func (s *site) fw(args ...string) lab.Result {
	return s.Run("sh", append([]string{"-c", s.command() + ` "$@"`, "ngcp-fw"}, args...)...)
}

func (s *site) apply(policy string) {
	s.t.Helper()
	s.write("policy.yml", policy)
	r := s.fw("apply", "--allow-lockout")
	require.Zero(s.t, r.Code, "%s%s", r.Stdout, r.Stderr)
}

// start runs something on the host until the test is over, or end is called.
func (s *site) start(name string, args ...string) (end func(syscall.Signal)) {
	s.t.Helper()
	log, err := os.OpenFile(s.path("output.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	defer log.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(s.t, s.Do(cmd.Start))
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	end = func(by syscall.Signal) {
		_ = cmd.Process.Signal(by)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
	}
	s.t.Cleanup(func() { end(syscall.SIGTERM) })
	return end
}

// log is what a file of the folder holds.
func (s *site) log(name string) string {
	text, _ := os.ReadFile(s.path(name))
	return string(text)
}

// media is a packet that everybody may send who is not banned.
func media(from string) lab.Flow {
	return lab.Flow{From: netip.MustParseAddr(from), Proto: lab.UDP, ToPort: 30000}
}

// refused reports whether the host drops a real packet of the source.
func (s *site) refused(from string) bool {
	s.t.Helper()
	outcome, err := s.Probe(media(from))
	require.NoError(s.t, err)
	return outcome == lab.Dropped
}

// patience is for programs that look at their files once a second.
const patience = 15 * time.Second

func (s *site) waitRefused(from string, want bool) {
	s.t.Helper()
	s.waitFor(fmt.Sprintf("%s refused: %v", from, want), func() bool { return s.refused(from) == want })
}

func (s *site) waitFor(what string, happened func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("not in time: %s\n%s%s", what, s.log("output.log"), s.log("fail2ban.log"))
		}
	}
}

// applies is how many changes of the policy bans have to survive.
const applies = 100

// applyMany puts the policy and another into force in turns, and calls between now
// and then.
func (s *site) applyMany(policy string, between func(round int)) {
	s.t.Helper()
	other := policy + "deny: [203.0.113.250]\nservices: {ntp: {ports: [123/udp], roles: [administrators]}}\n"
	for i := range applies {
		s.apply([]string{other, policy}[i%2])
		if i%10 == 9 {
			between(i / 10)
		}
	}
}
