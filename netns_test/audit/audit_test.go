// Package audit_test holds what audit claims against real packets: for every socket
// of a staged host, from every kind of source, by every link.
package audit_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/audit"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/netns_test/lab"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

func TestMain(m *testing.M) {
	if list := os.Getenv(listenEnv); list != "" {
		os.Exit(serve(list))
	}
	os.Exit(lab.Main(suite{m}))
}

// program is the path of the program under test, which anybody may run.
var program string

// suite is the tests of this package, and the program built for them.
type suite struct{ m *testing.M }

// programVariable names a program that is built already, for where there is no Go.
const programVariable = "NGCP_FW_PROGRAM"

func (s suite) Run() int {
	if program = os.Getenv(programVariable); program != "" {
		return s.m.Run()
	}
	dir, err := os.MkdirTemp("", "ngcp-fw-audit-")
	if err == nil {
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "ngcp-fw")
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		var text []byte
		if text, err = exec.Command("go", "build", "-buildvcs=false", "-o", program, "../../cmd/ngcp-fw").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, text)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot build the program to test:", err)
		return 1
	}
	return s.m.Run()
}

var (
	eth0 = lab.Link{Name: "eth0", Addrs: []string{"192.0.2.10/24", "192.0.2.11/24", "2001:db8:1::10/64"}}
	eth1 = lab.Link{Name: "eth1", Addrs: []string{"198.51.100.10/24", "2001:db8:2::10/64"}}
)

// roles is who is who on every staged host.
const roles = `
version: 1
roles:
  administrators: {allow: [172.20.0.0/24, "2001:db8:10::/48"]}
  peers: {allow: [198.18.0.0/15]}
services:
  sip: {roles: [peers]}
  metrics: {ports: [9100/tcp], roles: [administrators], addresses: [192.0.2.10]}
  inside: {ports: [8081/tcp], roles: [subscribers], interfaces: [eth1]}
`

// sources is one of each kind: of each role, of none, and what the staged rules
// tell apart, with the neighbours of their ends.
var sources = addresses("172.20.0.7", "198.18.0.1", "203.0.113.9", "203.0.113.127", "203.0.113.128", "10.0.0.0", "10.255.255.255", "11.0.0.0",
	"172.17.0.5", "192.0.2.77", "198.51.100.77", "2001:db8:10::7", "2001:db8:11::7", "2001:db8:99::9", "fd00::3")

func addresses(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// listening is the sockets of every staged host.
var listening = []struct{ network, at string }{
	{"tcp4", "0.0.0.0:3306"}, {"tcp", "[::]:22"}, {"tcp6", "[::]:1443"}, {"tcp4", "127.0.0.1:6379"}, {"tcp4", "198.51.100.10:8080"},
	{"tcp4", "192.0.2.10:9100"}, {"tcp", "[::]:8081"}, {"tcp6", "[2001:db8:2::10]:5061"}, {"udp", "[::]:5060"}, {"udp4", "0.0.0.0:161"}, {"udp4", "0.0.0.0:30000"},
}

func model(t testing.TB, text string) *exposure.Model {
	t.Helper()
	p, diags := policy.Parse("policy.yml", []byte(text), nil)
	require.Empty(t, diags)
	m, _ := exposure.Resolve(exposure.Inputs{Policy: p, Now: time.Now()})
	return m
}

// stage builds a host with all sockets, and runs the commands in it.
func stage(t testing.TB, commands ...string) *lab.Host {
	t.Helper()
	h := lab.New(t, eth0, eth1)
	for _, s := range listening {
		at := netip.MustParseAddrPort(s.at)
		if strings.HasPrefix(s.network, "udp") {
			c, err := h.ListenPacket(s.network, at)
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			continue
		}
		l, err := h.Listen(s.network, at)
		require.NoError(t, err)
		t.Cleanup(func() { l.Close() })
	}
	for _, command := range commands {
		run(t, h, command)
	}
	return h
}

// run runs a command, or loads what begins as nft's text does.
func run(t testing.TB, h *lab.Host, command string) {
	t.Helper()
	words := strings.Fields(command)
	r := lab.Result{}
	if slices.Contains([]string{"table", "add"}, words[0]) {
		r = h.RunInput(command, "nft", "-f", "-")
	} else {
		if _, err := exec.LookPath(words[0]); err != nil {
			t.Skipf("SKIPPED: %s is missing: apt-get install nftables iptables", words[0])
		}
		r = h.Run(words[0], words[1:]...)
	}
	require.Zero(t, r.Code, "%s\n%s", command, r.Stderr)
}

func look(t testing.TB, h *lab.Host, m *exposure.Model) (r *audit.Report) {
	t.Helper()
	require.NoError(t, h.Do(func() (err error) {
		r, err = audit.Look(m)
		return err
	}))
	return r
}

// hold compares an audit with what becomes of packets.
func hold(t testing.TB, h *lab.Host, m *exposure.Model) *audit.Report {
	t.Helper()
	r := look(t, h, m)
	heard := 0
	for _, e := range r.Entries {
		if e.Sockets == 0 {
			continue
		}
		heard += e.Sockets
		if e.Address.IsLoopback() {
			assert.Equal(t, audit.ReachLocal, e.Reach)
			continue
		}
		holdSocket(t, h, e)
	}
	assert.Equal(t, len(listening), heard)
	return r
}

// holdSocket sends from every source, by every link, to every address of the socket.
func holdSocket(t testing.TB, h *lab.Host, e audit.Entry) {
	t.Helper()
	var flows []lab.Flow
	for _, link := range []lab.Link{eth0, eth1} {
		for _, at := range append(slices.Clone(eth0.Addrs), eth1.Addrs...) {
			to := netip.MustParsePrefix(at).Addr()
			for _, from := range sources {
				if from.Is4() == to.Is4() && takes(e, to) {
					flows = append(flows, lab.Flow{Link: link.Name, From: from, To: to, ToPort: e.Port, Proto: lab.Protocol(e.Protocol)})
				}
			}
		}
	}
	fates, err := h.ProbeAll(flows)
	require.NoError(t, err)
	in := map[netip.Addr]bool{}
	for i, f := range flows {
		in[f.From] = in[f.From] || bool(fates[i])
	}
	undecided := slices.ContainsFunc(e.Findings, func(f audit.Finding) bool { return f.Code == audit.CodeUndecided })
	anybody := false
	for _, from := range sources {
		if undecided {
			assert.False(t, in[from] && !e.From.Contains(from), "%s gets in to %d/%s: %s", from, e.Port, e.Protocol, e.Why)
			continue
		}
		assert.Equal(t, in[from], e.From.Contains(from), "%s to %d/%s: %s", from, e.Port, e.Protocol, e.Why)
		anybody = anybody || in[from] && !inRole(from)
	}
	if !undecided {
		assert.Equal(t, anybody, e.Reach == audit.ReachAny, "%d/%s: %s", e.Port, e.Protocol, e.Reach)
	}
}

// takes tells whether the socket is bound to the address.
func takes(e audit.Entry, to netip.Addr) bool {
	if !e.Address.IsUnspecified() {
		return e.Address == to
	}
	return e.Both || e.Address.Is4() == to.Is4()
}

func inRole(a netip.Addr) bool {
	return slices.ContainsFunc([]string{"172.20.0.0/24", "2001:db8:10::/48", "198.18.0.0/15"}, func(text string) bool { return netip.MustParsePrefix(text).Contains(a) })
}

// ours is our own table for the policy, as nft loads it.
func ours(t testing.TB, m *exposure.Model) string {
	t.Helper()
	return strings.TrimSpace(afterComments(compile.Compile(m, 1).Text()))
}

func afterComments(text string) string {
	for strings.HasPrefix(text, "#") || strings.HasPrefix(text, "\n") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

// entry finds a socket by its port.
func entry(t testing.TB, r *audit.Report, port uint16) audit.Entry {
	t.Helper()
	i := slices.IndexFunc(r.Entries, func(e audit.Entry) bool { return e.Port == port && e.Sockets > 0 })
	require.GreaterOrEqual(t, i, 0, "no socket at %d", port)
	return r.Entries[i]
}

func codes(e audit.Entry) (all []audit.Code) {
	for _, f := range e.Findings {
		all = append(all, f.Code)
	}
	return all
}

func addrPort(a string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(a), port)
}

func bindToLink(name string) func(fd uintptr) error {
	return func(fd uintptr) error { return unix.BindToDevice(int(fd), name) }
}
