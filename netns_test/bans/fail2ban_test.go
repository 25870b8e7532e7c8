package bans_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// python runs Debian's fail2ban.
const python = "/usr/bin/python3"

// fail2ban is a server of Debian's with what we ship, and with files of its own only.
type fail2ban struct {
	*site
	client, server string
	end            func(syscall.Signal)
	sessions       int // of sshd, whose processes tell them apart
}

// newFail2ban starts one that looks for three wrong passwords; sshd and recidive is
// added to the settings of these jails. It asks no name server: there is none.
func newFail2ban(t *testing.T, sshd, recidive string) *fail2ban {
	t.Helper()
	server := unpacked(t, "usr/bin/fail2ban-server")
	if err := exec.Command(python, "-c", "import sqlite3").Run(); err != nil {
		t.Skipf("SKIPPED: fail2ban needs %s: make ban-tools installs it", python)
	}
	s := &fail2ban{site: newSite(t, policy), server: server, client: unpacked(t, "usr/bin/fail2ban-client")}
	require.NoError(t, os.CopyFS(s.path("etc"), os.DirFS(unpacked(t, "etc/fail2ban"))))
	for _, name := range []string{"action.d/ngcp-fw.conf", "jail.d/ngcp-fw.conf"} {
		text, err := os.ReadFile(filepath.Join(shipped, "fail2ban", name))
		require.NoError(t, err)
		s.write("etc/"+name, strings.ReplaceAll(string(text), "/usr/sbin/ngcp-fw", s.command()))
	}
	s.write("etc/fail2ban.local", "[DEFAULT]\nallowipv6 = yes\nlogtarget = "+s.path("fail2ban.log")+"\ndbfile = "+s.path("fail2ban.sqlite3")+"\n")
	s.write("etc/jail.d/zz-test.conf", "[DEFAULT]\nbackend = polling\nignoreself = false\nusedns = no\n"+
		"[sshd]\nbackend = polling\nmaxretry = 3\nlogpath = "+s.path("auth.log")+"\n"+sshd+
		"[recidive]\nlogpath = "+s.path("fail2ban.log")+"\n"+recidive)
	s.write("auth.log", "")
	s.write("fail2ban.log", "")
	s.begin()
	return s
}

func (s *fail2ban) arguments(path string, args ...string) []string {
	return append([]string{"PYTHONPATH=" + filepath.Join(filepath.Dir(path), "../lib/python3/dist-packages"), python, "-W", "ignore", path,
		"-c", s.path("etc"), "-s", s.path("f2b.sock"), "-p", s.path("f2b.pid")}, args...)
}

// begin starts the server and waits until it has its jails.
func (s *fail2ban) begin() {
	s.t.Helper()
	s.end = s.start("env", s.arguments(s.server, "-f", "start")...)
	s.waitFor("fail2ban-client status", func() bool { return s.Run("env", s.arguments(s.client, "status", "sshd")...).Code == 0 })
}

// tell has the client tell the server something.
func (s *fail2ban) tell(args ...string) {
	s.t.Helper()
	r := s.Run("env", s.arguments(s.client, args...)...)
	require.Zero(s.t, r.Code, "%s%s", r.Stdout, r.Stderr)
}

// guesses has somebody guess passwords, as sshd logs it.
func (s *fail2ban) guesses(from string) {
	s.t.Helper()
	f, err := os.OpenFile(s.path("auth.log"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(s.t, err)
	defer f.Close()
	s.sessions++
	line := fmt.Sprintf("%s sp1 sshd[%d]: Failed password for invalid user admin from %s port 40000 ssh2\n", time.Now().Format(time.Stamp), 4711+s.sessions, from)
	_, err = f.WriteString(strings.Repeat(line, 3))
	require.NoError(s.t, err)
}

// fine requires that fail2ban has met with no error.
func (s *fail2ban) fine() {
	s.t.Helper()
	for _, line := range strings.Split(s.log("fail2ban.log"), "\n") {
		assert.NotContains(s.t, line, " ERROR ")
		assert.NotContains(s.t, line, " CRITICAL ")
	}
}

func TestFail2banBansForATime(t *testing.T) {
	s := newFail2ban(t, "bantime = 5\n", "")
	for _, from := range []string{"203.0.113.9", "2001:db8:99::9"} {
		require.False(t, s.refused(from))
		s.guesses(from)
	}
	s.waitRefused("203.0.113.9", true)
	s.waitRefused("2001:db8:99::9", true)
	assert.Contains(t, s.fw("bans").Stdout, "fail2ban sshd")
	assert.False(t, s.refused("203.0.113.10"))
	s.waitRefused("203.0.113.9", false)
	s.waitRefused("2001:db8:99::9", false)
	s.waitFor("fail2ban's own unban", func() bool { return strings.Count(s.log("fail2ban.log"), " Unban ") == 2 })
	assert.Empty(t, s.log("state/bans"), "what is over goes from the record")
	s.fine()
}

func TestFail2banOverAppliesAndItsOwnRestart(t *testing.T) {
	s := newFail2ban(t, "", "")
	const guesser, other, later = "203.0.113.9", "203.0.113.20", "203.0.113.21"
	s.guesses(guesser)
	s.waitRefused(guesser, true)
	require.Zero(t, s.fw("ban", other, "--reason", "by hand").Code)
	s.tell("set", "sshd", "banip", other)
	s.applyMany(policy, func(round int) {
		s.tell("set", "sshd", "banip", fmt.Sprintf("203.0.113.%d", 100+round))
		assert.True(t, s.refused(guesser))
		assert.True(t, s.refused(fmt.Sprintf("203.0.113.%d", 100+round)))
	})
	s.tell("set", "sshd", "unbanip", "203.0.113.100")
	assert.False(t, s.refused("203.0.113.100"))
	assert.Contains(t, s.fw("bans").Stdout, "until", "a ban of the jail")

	s.end(syscall.SIGTERM)
	assert.False(t, s.refused(guesser), "fail2ban's stop ends its bans")
	assert.True(t, s.refused(other), "and no other's")
	s.begin()
	s.waitRefused(guesser, true)
	s.waitRefused("203.0.113.109", true)
	assert.False(t, s.refused("203.0.113.100"))
	assert.Contains(t, s.log("fail2ban.log"), "Restore Ban "+guesser)

	require.Zero(t, s.fw("unban", guesser).Code)
	assert.False(t, s.refused(guesser))
	s.tell("set", "sshd", "unbanip", guesser)
	s.tell("set", "sshd", "banip", later)
	assert.True(t, s.refused(later))
	s.tell("unban", "--all")
	assert.False(t, s.refused(later))
	assert.True(t, s.refused(other))
	s.fine()
}

// A server that was killed has unbanned nobody; what it bans after its start is
// banned already.
func TestFail2banBansWhoIsBannedStill(t *testing.T) {
	s := newFail2ban(t, "", "")
	const guesser = "203.0.113.9"
	s.guesses(guesser)
	s.waitRefused(guesser, true)
	s.end(syscall.SIGKILL)
	require.NoError(t, os.Remove(s.path("f2b.sock")))
	require.True(t, s.refused(guesser))
	s.begin()
	s.waitFor("the ban once more", func() bool { return strings.Count(s.log("fail2ban.log"), "Ban "+guesser) == 2 })
	s.tell("set", "sshd", "banip", "203.0.113.10") // has to wait for the one before
	assert.True(t, s.refused(guesser))
	r := s.fw("bans")
	assert.Equal(t, 1, strings.Count(r.Stdout, guesser+" "), r.Stdout)
	s.fine()
}

// Who is never banned is not refused, and fail2ban has no trouble with it.
func TestFail2banAndNeverBan(t *testing.T) {
	s := newFail2ban(t, "", "")
	const carrier = "198.51.100.7"
	s.guesses(carrier)
	s.waitFor("a ban", func() bool { return strings.Contains(s.log("fail2ban.log"), "Ban "+carrier) })
	s.guesses("203.0.113.9")
	s.waitRefused("203.0.113.9", true)
	assert.False(t, s.refused(carrier))
	s.fine()
}

// Two jails that ban the same source: each ends its own ban.
func TestFail2banJailsDoNotEndEachOthersBans(t *testing.T) {
	s := newFail2ban(t, "", "bantime = -1\nmaxretry = 1000\n")
	const guesser = "203.0.113.9"
	s.tell("set", "sshd", "banip", guesser)
	s.tell("set", "recidive", "banip", guesser)
	require.Contains(t, s.fw("bans").Stdout, "for ever")
	s.tell("set", "sshd", "unbanip", guesser)
	assert.True(t, s.refused(guesser))
	s.tell("set", "recidive", "unbanip", guesser)
	assert.False(t, s.refused(guesser))
	s.fine()
}
