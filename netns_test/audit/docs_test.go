package audit_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// listenEnv tells the test program to be a server: a list of networks and
// addresses, as "tcp4 0.0.0.0:22".
const listenEnv = "NGCP_FW_AUDIT_LISTEN"

// serve listens as it is told until standard input ends.
func serve(list string) int {
	for _, one := range strings.Split(list, ",") {
		network, at, _ := strings.Cut(one, " ")
		var err error
		if strings.HasPrefix(network, "udp") {
			_, err = net.ListenPacket(network, at)
		} else {
			_, err = net.Listen(network, at)
		}
		if err != nil {
			fmt.Println(err)
			return 1
		}
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// start runs a server of that name on the host.
func start(t testing.TB, h *lab.Host, name string, sockets ...string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Symlink(self, program))
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), listenEnv+"="+strings.Join(sockets, ","))
	stop, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, h.Do(cmd.Start))
	t.Cleanup(func() { stop.Close(); _ = cmd.Wait() })
	words := make([]byte, len("ready\n"))
	_, err = io.ReadFull(out, words)
	require.NoError(t, err)
	require.Equal(t, "ready\n", string(words))
}

const shownPolicy = `version: 1
roles: {administrators: {allow: [198.51.100.0/24]}, peers: {allow: [203.0.113.0/25]}}
services:
  sip: {roles: [peers]}
  xcap: {enabled: false}
  xmpp-client: {enabled: false}
  xmpp-server: {enabled: false}
  ossbss: {enabled: false}
`

// shownHost is the host of the documentation, and its program.
func shownHost(t *testing.T) (h *lab.Host, audit func(args ...string) lab.Result) {
	t.Helper()
	h = lab.New(t, lab.Link{Name: "eth0", Addrs: []string{"192.0.2.10/24", "2001:db8:1::10/64"}})
	start(t, h, "sshd", "tcp [::]:22")
	start(t, h, "kamailio", "tcp4 192.0.2.10:5060", "udp4 192.0.2.10:5060")
	start(t, h, "nginx", "tcp4 0.0.0.0:443", "tcp4 0.0.0.0:1443")
	start(t, h, "mysqld", "tcp4 0.0.0.0:3306")
	start(t, h, "redis-server", "tcp4 127.0.0.1:6379")
	start(t, h, "java", "tcp [::]:8080")
	start(t, h, "rtpengine", "udp4 192.0.2.10:30000", "udp4 192.0.2.10:30001", "udp4 192.0.2.10:30044", "udp4 192.0.2.10:30045")
	policy := filepath.Join(t.TempDir(), "policy.yml")
	require.NoError(t, os.WriteFile(policy, []byte(shownPolicy), 0o600))
	return h, func(args ...string) lab.Result { return h.Run(program, append([]string{"-f", policy}, args...)...) }
}

// TestShownAudits holds the documentation's examples against the program;
// UPDATE_SCRIPTS=1 writes them there.
func TestShownAudits(t *testing.T) {
	h, program := shownHost(t)
	run(t, h, "iptables-nft -P INPUT DROP")
	for _, rule := range []string{"-i lo -j ACCEPT", "-p tcp --dport 22 -j ACCEPT", "-p tcp -s 10.0.0.0/8 --dport 3306 -j ACCEPT", "-p udp -j ACCEPT"} {
		run(t, h, "iptables-nft -A INPUT "+rule)
	}
	before := program("audit")
	require.Equal(t, 1, before.Code, before.Stderr)
	run(t, h, "iptables-nft -F INPUT")
	run(t, h, "iptables-nft -P INPUT ACCEPT")
	run(t, h, ours(t, model(t, shownPolicy)))
	after := program("audit")
	require.Equal(t, 1, after.Code, after.Stderr)
	shows(t, "../../docs/audit.md", before.Stdout)
	shows(t, "../../docs/commands.md", after.Stdout)
	for line := range strings.Lines(before.Stdout + after.Stdout) {
		assert.LessOrEqual(t, len([]rune(strings.TrimSpace(line))), 80, line)
	}
}

var shownBlock = regexp.MustCompile("(?s)```text\n\\$ ngcp-fw audit\n(.*?)```")

func shows(t *testing.T, page, want string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	at := shownBlock.FindSubmatchIndex(text)
	require.NotNil(t, at, "%s shows no audit", page)
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		require.NoError(t, os.WriteFile(page, []byte(string(text[:at[2]])+want+string(text[at[3]:])), 0o644))
		return
	}
	assert.Equal(t, want, string(text[at[2]:at[3]]), "UPDATE_SCRIPTS=1 writes %s anew", page)
}

// TestJSON holds the fields that others rely on.
func TestJSON(t *testing.T) {
	h, program := shownHost(t)
	run(t, h, ours(t, model(t, shownPolicy)))
	r := program("audit", "-o", "json")
	require.Equal(t, 1, r.Code, r.Stderr)
	var all []struct {
		Protocol, Address, Process, Service, Reach, Finding, Unit, User string
		Port                                                            int
		LastPort                                                        int `json:"last_port"`
		Sockets, PID                                                    int
		Roles                                                           []string
	}
	require.NoError(t, json.Unmarshal([]byte(r.Stdout), &all))
	found := map[string]bool{}
	for _, e := range all {
		assert.NotNil(t, e.Roles)
		found[fmt.Sprintf("%s %s %d %s %s %s %v", e.Protocol, e.Address, e.Port, e.Process, e.Service, e.Reach, e.Roles)] = true
		assert.Equal(t, e.Sockets > 0, e.PID > 0 && e.User != "")
	}
	for _, want := range []string{
		"tcp :: 22 sshd ssh roles [administrators]", "udp 192.0.2.10 5060 kamailio sip roles [peers]", "tcp 0.0.0.0 3306 mysqld  local []",
		"udp 192.0.2.10 30000 rtpengine rtp any [subscribers]", "tcp 127.0.0.1 6379 redis-server  local []", "tcp  5061  sips any [subscribers]",
	} {
		assert.True(t, found[want], want)
	}
}

func TestNothingFoundIsExitZero(t *testing.T) {
	const lean = shownPolicy + "  sips: {enabled: false}\n  www-csc: {enabled: false}\n  www-admin: {enabled: false}\n  rtp: {enabled: false}\n"
	h := lab.New(t, eth0)
	start(t, h, "sshd", "tcp [::]:22")
	start(t, h, "kamailio", "tcp4 192.0.2.10:5060", "udp4 192.0.2.10:5060")
	run(t, h, ours(t, model(t, lean)))
	policy := filepath.Join(t.TempDir(), "policy.yml")
	require.NoError(t, os.WriteFile(policy, []byte(lean), 0o600))
	r := h.Run(program, "-f", policy, "audit")
	assert.Zero(t, r.Code, r.Stdout)
	assert.Contains(t, r.Stdout, "\n0 findings\n")
	assert.NotContains(t, r.Stdout, "!")
}

// TestWithoutRights holds that an audit that can read nothing says so.
func TestWithoutRights(t *testing.T) {
	if _, err := exec.LookPath("setpriv"); err != nil || os.Geteuid() != 0 {
		t.Skip("SKIPPED: this wants root and setpriv: apt-get install util-linux")
	}
	h, _ := shownHost(t)
	r := h.Run("setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all", program, "audit")
	assert.Equal(t, 3, r.Code, r.Stdout)
	assert.Contains(t, r.Stderr, "root")
}
