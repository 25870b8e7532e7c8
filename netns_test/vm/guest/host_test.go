package guest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netns"
)

// The addresses: of the host and of a phone on either link. The third on the
// first link may not send media.
const (
	hostA4, phoneA4, stranger4 = "10.1.0.1", "10.1.0.2", "10.1.0.66"
	hostB4, phoneB4            = "10.2.0.1", "10.2.0.2"
	hostA6, phoneA6, stranger6 = "2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::66"
	hostB6, phoneB6            = "2001:db8:2::1", "2001:db8:2::2"
)

// phone is a network namespace with a link to the host.
type phone struct {
	name string
	host []string // the host's addresses on the link, with their lengths
	own  []string
}

var phones = [2]phone{
	{"a", []string{hostA4 + "/24", hostA6 + "/64"}, []string{phoneA4 + "/24", stranger4 + "/24", phoneA6 + "/64", stranger6 + "/64"}},
	{"b", []string{hostB4 + "/24", hostB6 + "/64"}, []string{phoneB4 + "/24", phoneB6 + "/64"}},
}

func TestMain(m *testing.M) {
	if os.Getenv("NGCP_FW_GUEST") != "1" {
		fmt.Println("SKIPPING what owns the machine it runs on: make test-vm runs it in a virtual one")
		return
	}
	for _, p := range phones {
		if err := p.plug(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// plug makes the namespace and the link.
func (p phone) plug() error {
	script := "set -e; ip netns add $0; ip link add to-$0 type veth peer name eth0 netns $0\n"
	for _, a := range p.host {
		script += "ip addr add " + a + " dev to-$0 nodad\n"
	}
	for _, a := range p.own {
		script += "ip -n $0 addr add " + a + " dev eth0 nodad\n"
	}
	script += "ip link set to-$0 up; ip -n $0 link set eth0 up\n"
	if text, err := exec.Command("sh", "-c", script, p.name).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot plug phone %s in: %w\n%s", p.name, err, text)
	}
	return nil
}

// listen opens a socket in the phone's namespace, until the test ends.
func (p phone) listen(t *testing.T, at netip.Addr) (socket net.PacketConn) {
	t.Helper()
	failed := make(chan error)
	go func() { // on a thread that ends with it
		runtime.LockOSThread()
		there, err := netns.GetFromName(p.name)
		if err == nil {
			err = netns.Set(there)
		}
		if err == nil {
			socket, err = net.ListenPacket("udp", netip.AddrPortFrom(at, 0).String())
		}
		failed <- err
	}()
	require.NoError(t, <-failed)
	t.Cleanup(func() { socket.Close() })
	return socket
}

// policyText opens media to the phones, and to nobody else.
const policyText = `version: 1
roles:
  administrators: {allow: [192.0.2.0/24]}
  subscribers:
    allow: [10.1.0.0/24, 10.2.0.0/24, "2001:db8:1::/64", "2001:db8:2::/64"]
    except: [10.1.0.66, "2001:db8:1::66"]
`

// clean takes everything away that a test may have left.
func clean(t *testing.T) {
	t.Helper()
	fw(t, 0, "remove")
	run(t, "nft", "flush", "ruleset")
	run(t, "conntrack", "-F")
}

// apply applies the policy with what is added to it.
func apply(t *testing.T, code int, added string) said {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yml")
	require.NoError(t, os.WriteFile(file, []byte(policyText+added), 0o600))
	return fw(t, code, "apply", "-f", file)
}

type said struct{ out, err string }

// fw runs the program under test, which must end with the code.
func fw(t *testing.T, code int, args ...string) (s said) {
	t.Helper()
	cmd := exec.Command(os.Getenv("NGCP_FW_PROGRAM"), args...)
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		exit := (*exec.ExitError)(nil)
		require.ErrorAs(t, err, &exit)
	}
	s = said{out.String(), complaints.String()}
	require.Equal(t, code, cmd.ProcessState.ExitCode(), "%v\n%s%s", args, s.out, s.err)
	return s
}

// state is what of status these tests ask for.
type state struct {
	Applied    bool
	Confirmed  bool
	Generation int
	Drift      []string
	Mediaproxy struct {
		Rule, Mode, Target string
		InForce            bool `json:"in_force"`
		Rules              []struct {
			Family  string
			Ours    bool
			Packets int
		}
		Findings []string
	}
}

// status asks for the state, which must come with the code.
func status(t *testing.T, code int) (s state) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(fw(t, code, "status", "-o", "json").out), &s))
	return s
}

// inForce requires that our rule is in force for both families, and nothing is
// wrong with it or the rest.
func inForce(t *testing.T) state {
	t.Helper()
	s := status(t, 0)
	assert.True(t, s.Applied)
	assert.Equal(t, "xtables", s.Mediaproxy.Mode)
	assert.True(t, s.Mediaproxy.InForce)
	if assert.Len(t, s.Mediaproxy.Rules, 2) {
		assert.True(t, s.Mediaproxy.Rules[0].Ours && s.Mediaproxy.Rules[1].Ours)
	}
	assert.Empty(t, s.Mediaproxy.Findings)
	return s
}

// taken is how many packets the rule of the family has counted.
func (s state) taken(family string) (packets int) {
	for _, r := range s.Mediaproxy.Rules {
		if r.Family == family {
			packets += r.Packets
		}
	}
	return packets
}
