package bans_test

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// kamailioConfig bans everybody who sends anything, as NGCP's load balancer does with
// those who send too much: in the table ipban, by address.
const kamailioConfig = `auto_aliases=no
dns=no
rev_dns=no
listen=udp:192.0.2.1:5060
listen=udp:[2001:db8:10::1]:5060
loadmodule "ctl.so"
loadmodule "pv.so"
loadmodule "htable.so"
modparam("ctl", "binrpc", "unix:CTL")
modparam("htable", "htable", "ipban=>size=8;autoexpire=300;")
request_route { $sht(ipban=>$si) = 1; exit; }
`

const register = "REGISTER sip:sp1.example.net SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK1\r\n" +
	"From: <sip:1@sp1.example.net>;tag=1\r\nTo: <sip:1@sp1.example.net>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"

// kamailio is a SIP server of Debian's, and the line that we ship, which asks it.
type kamailio struct {
	*site
	kamcmd, hook string
}

// dump is the SIP server's table of bans.
func (s *kamailio) dump() lab.Result {
	return s.Run(s.kamcmd, "-s", "unix:"+s.path("ctl"), "htable.dump", "ipban")
}

func (s *kamailio) banned() int { return strings.Count(s.dump().Stdout, "name: ") }

func newKamailio(t *testing.T) *kamailio {
	t.Helper()
	server, kamcmd := unpacked(t, "usr/sbin/kamailio"), unpacked(t, "usr/sbin/kamcmd")
	libraries := filepath.Dir(unpacked(t, "usr/lib/x86_64-linux-gnu/kamailio/libsrdb1.so.1"))
	t.Setenv("LD_LIBRARY_PATH", libraries)
	if out, err := exec.Command(kamcmd, "-v").CombinedOutput(); err != nil && strings.Contains(string(out), "shared libraries") {
		t.Skipf("SKIPPED: %s", out)
	}
	s := &kamailio{site: newSite(t, policy), kamcmd: kamcmd}
	s.write("kamailio.cfg", strings.ReplaceAll(kamailioConfig, "CTL", s.path("ctl")))
	s.start(server, "-DD", "-E", "-m", "16", "-M", "4", "-f", s.path("kamailio.cfg"), "-L", filepath.Join(libraries, "modules"), "-Y", s.dir, "-w", s.dir)
	s.waitFor("kamailio", func() bool { return s.dump().Code == 0 })
	s.hook = strings.NewReplacer("kamcmd ", kamcmd+" ", "$CTL", "unix:"+s.path("ctl"), "/usr/sbin/ngcp-fw", s.command()).Replace(shippedLine(t))
	return s
}

// shippedLine is what the unit runs.
func shippedLine(t *testing.T) string {
	t.Helper()
	unit, err := os.ReadFile(filepath.Join(shipped, "kamailio/ngcp-fw-ipban.service"))
	require.NoError(t, err)
	_, line, found := strings.Cut(string(unit), "ExecStart=/bin/sh -c '")
	require.True(t, found)
	line, _, found = strings.Cut(line, "'\n")
	require.True(t, found)
	return line
}

// registers sends one request.
func (s *kamailio) registers(from, to string) {
	s.t.Helper()
	outside, err := s.Outside("")
	require.NoError(s.t, err)
	conn, err := outside.Dial("udp", netip.AddrPortFrom(netip.MustParseAddr(from), 5060), netip.AddrPortFrom(netip.MustParseAddr(to), 5060))
	require.NoError(s.t, err)
	defer conn.Close()
	_, err = conn.Write([]byte(register))
	require.NoError(s.t, err)
}

// Whom the SIP server has banned, the kernel refuses after the next turn of the timer,
// again and again; but those of never-ban, and nobody where nobody is banned.
func TestKamailioBans(t *testing.T) {
	s := newKamailio(t)
	turn := func(code int) {
		t.Helper()
		r := s.Run("sh", "-c", s.hook)
		assert.Equal(t, code, r.Code, "%s%s", r.Stdout, r.Stderr)
	}
	turn(0)
	assert.Contains(t, s.fw("bans", "-o", "json").Stdout, "[]")
	sources := []string{"203.0.113.9", "198.51.100.7", "2001:db8:99::9"}
	for i, to := range []string{"192.0.2.1", "192.0.2.1", "2001:db8:10::1"} {
		require.False(t, s.refused(sources[i]))
		s.registers(sources[i], to)
	}
	s.waitFor("three bans in the SIP server", func() bool { return s.banned() == 3 })
	for range 3 {
		turn(0)
		listed := s.fw("bans").Stdout
		for _, source := range sources {
			assert.Equal(t, 1, strings.Count(listed, source+" "), listed)
		}
	}
	assert.True(t, s.refused("203.0.113.9"))
	assert.True(t, s.refused("2001:db8:99::9"))
	assert.False(t, s.refused("198.51.100.7"), "never-ban")
	assert.False(t, s.refused("203.0.113.10"))
}
