package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/rehearse"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
	"ngcp-fw/policy/ngcp"
)

// needsNamespaces skips where there is no rehearsal.
func needsNamespaces(t *testing.T) {
	t.Helper()
	if code, said := program("-f", testsOf(t, "192.0.2.1, to: 5060/udp, expect: accept"), "test", "--kernel"); code == exitSystem {
		t.Skipf("SKIPPED: %s", said)
	}
}

// testsOf writes a policy with these tests where everybody can read it.
func testsOf(t *testing.T, tests ...string) (file string) {
	t.Helper()
	text := "version: 1\nroles: {administrators: {allow: [192.0.2.0/24]}}\nservices: {sip: {limit: {rate: 1/hour, burst: 1}}}\ntests:\n"
	if len(tests) > 0 {
		text += "  - {from: " + strings.Join(tests, "}\n  - {from: ") + "}\n"
	}
	dir, err := os.MkdirTemp("", "rehearsal")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	file = filepath.Join(dir, "policy.yml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	return file
}

func kernelTests(t *testing.T, args ...string) (done testsJSON) {
	t.Helper()
	code, said := program(append(args, "test", "--kernel", "-o", "json")...)
	require.LessOrEqual(t, code, exitNo, said)
	require.NoError(t, json.Unmarshal([]byte(said), &done))
	return done
}

// Five hundred tests of a few sources, of which none may use up another's rate.
func TestManyKernelTests(t *testing.T) {
	needsNamespaces(t)
	var tests []string
	for i := range 500 {
		tests = append(tests, fmt.Sprintf("203.0.113.%d, to: 5060/udp, expect: accept", i%3))
	}
	began := time.Now()
	done := kernelTests(t, "-f", testsOf(t, tests...))
	assert.Less(t, time.Since(began), 5*time.Second)
	assert.Equal(t, 500, done.Passed)
	assert.Equal(t, 500, done.Kernel.Packets)
}

// asNobody is the program as somebody who is not root runs it.
func asNobody(t *testing.T, file string) *exec.Cmd {
	t.Helper()
	own, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	program := filepath.Join(filepath.Dir(file), "ngcp-fw")
	require.NoError(t, os.WriteFile(program, own, 0o755))
	cmd := exec.Command(program, "-f", file, "test", "--kernel", "-o", "json")
	const nobody = 65534
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

func TestKernelTestsWithoutRoot(t *testing.T) {
	needsNamespaces(t)
	out, err := asNobody(t, testsOf(t, "203.0.113.9, to: 5060/udp, expect: accept", `"2001:db8::9", to: 22/tcp, expect: drop`)).CombinedOutput()
	if strings.Contains(string(out), rehearse.ErrNotAllowed.Error()) {
		t.Skip("SKIPPED: user namespaces are not allowed here")
	}
	require.NoError(t, err, "%s", out)
	var done testsJSON
	require.NoError(t, json.Unmarshal(out, &done))
	assert.Equal(t, 2, done.Passed)
	assert.Equal(t, []string{"accept", "drop"}, []string{done.Results[0].Kernel, done.Results[1].Kernel})
}

// A service on lo, too, says nothing of those who come from outside.
func TestKernelTestsComeFromOutside(t *testing.T) {
	needsNamespaces(t)
	file := filepath.Join(t.TempDir(), "policy.yml")
	require.NoError(t, os.WriteFile(file, []byte(`version: 1
roles: {administrators: {allow: [192.0.2.0/24]}}
services: {mon: {ports: [9100/tcp], roles: [administrators], interfaces: [lo, eth0]}}
tests:
  - {from: 203.0.113.9, to: 22/tcp, expect: drop}
  - {from: 203.0.113.9, to: 9100/tcp, expect: drop}
  - {from: 192.0.2.7, to: 9100/tcp, expect: accept}
`), 0o600))
	assert.Equal(t, 3, kernelTests(t, "-f", file).Passed)
}

// Killed in the middle, it leaves neither a process nor a namespace behind.
func TestAKilledRehearsalLeavesNothing(t *testing.T) {
	needsNamespaces(t)
	named, _ := os.ReadDir("/run/netns")
	cmd := asNobody(t, testsOf(t, slices.Repeat([]string{"203.0.113.9, to: 5060/udp, expect: accept"}, 20000)...))
	cmd.SysProcAttr.Credential = nil
	require.NoError(t, cmd.Start())
	var child int
	require.Eventually(t, func() bool { // the same one twice: a process may only be on its way to be another
		before := child
		child = childOf(cmd.Process.Pid)
		return child > 0 && child == before
	}, 10*time.Second, 100*time.Millisecond, "it is in the middle of its work")
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	assert.Eventually(t, func() bool { return gone(child) }, 5*time.Second, 10*time.Millisecond)
	after, _ := os.ReadDir("/run/netns")
	assert.Len(t, after, len(named))
}

// childOf finds the process in another network namespace that this one started,
// by any of its threads; 0: there is none.
func childOf(pid int) int {
	here, _ := os.Readlink("/proc/self/ns/net")
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, word := range strings.Fields(string(text)) {
			there, err := os.Readlink("/proc/" + word + "/ns/net")
			if child, _ := strconv.Atoi(word); err == nil && there != here {
				return child
			}
		}
	}
	return 0
}

// gone reports whether the process has ended, though nobody may have noticed.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) || strings.Contains(string(stat), ") Z ")
}

// A difference between the kernel and the evaluation fails the test loudly, even
// where one of both is what was expected.
func TestTheKernelDisagrees(t *testing.T) {
	for name, row := range map[string]struct {
		expect, got string
		outcomes    []rehearse.Outcome
		evaluated   []bool
		passed      bool
		note        string
		faults      int
	}{
		"agrees":                      {"accept", "accept", []rehearse.Outcome{rehearse.Accepted}, []bool{true}, true, "", 0},
		"by one link of two":          {"accept", "accept", []rehearse.Outcome{rehearse.Dropped, rehearse.Accepted}, []bool{false, true}, true, "", 0},
		"drops what we accept":        {"accept", "accept", []rehearse.Outcome{rehearse.Dropped}, []bool{true}, false, faultNote, 1},
		"drops, as was expected":      {"drop", "accept", []rehearse.Outcome{rehearse.Dropped}, []bool{true}, false, faultNote, 1},
		"accepts what we drop":        {"drop", "drop", []rehearse.Outcome{rehearse.Dropped, rehearse.Accepted}, []bool{false, false}, false, faultNote, 1},
		"refuses what is dropped":     {"drop", "drop", []rehearse.Outcome{rehearse.Refused}, []bool{false}, true, refusedNote, 0},
		"refuses what we accept":      {"accept", "accept", []rehearse.Outcome{rehearse.Refused}, []bool{true}, false, refusedNote, 0},
		"accepts on a link, unjustly": {"accept", "accept", []rehearse.Outcome{rehearse.Accepted, rehearse.Accepted}, []bool{true, false}, false, faultNote, 1},
	} {
		t.Run(name, func(t *testing.T) {
			done := testsJSON{Kernel: &rehearsal{Release: "6.1", Packets: len(row.outcomes)}, Results: []testResult{{Expect: row.expect, Got: row.got, Origin: "p.yml:1:1"}}}
			for i, outcome := range row.outcomes {
				done.Kernel.note(&done.Results[0], outcome, row.evaluated[i])
			}
			done.count()
			assert.Equal(t, row.passed, done.Passed == 1)
			assert.Equal(t, row.note, done.Results[0].Note)
			assert.Equal(t, row.faults, done.Kernel.Faults)
			assert.Equal(t, row.faults > 0, strings.Contains(done.Kernel.String(), "FAULT OF NGCP-FW"))
			if !row.passed {
				assert.Contains(t, done.Results[0].complaint(), row.note)
			}
		})
	}
}

// Hosts of real network.yml, with all their links: what the model says of a flow
// is what happens to its packet.
func TestKernelTestsOnRealHosts(t *testing.T) {
	needsNamespaces(t)
	files, err := filepath.Glob(root + "/../shared/fixtures/*/network.yml")
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("SKIPPED: no ../shared/fixtures: real configurations are not part of this repository")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		network, diags := ngcp.ParseNetwork(ngcp.Source{Name: file, Data: text})
		require.Zero(t, diags.Errors())
		for i, host := range network.Hosts {
			if i%3 == 0 { // every third is enough: they come in pairs
				t.Run(filepath.Base(filepath.Dir(file))+"/"+host.Name, func(t *testing.T) { testRealHost(t, file, host.Name) })
			}
		}
	}
}

func testRealHost(t *testing.T, network, host string) {
	bare := testsOf(t, "192.0.2.9, to: 22/tcp, expect: drop, in: eth0")
	in := (&app{}).read(globalFlags{policy: bare, network: network, host: host})
	require.Zero(t, in.diags.Errors())
	tests := flowsTo(in.model)
	require.NotEmpty(t, tests)
	done := kernelTests(t, "-f", testsOf(t, tests...), "--network", network, "--host", host)
	assert.Zero(t, done.Failed)
	assert.GreaterOrEqual(t, done.Kernel.Packets, len(tests))
	assert.Zero(t, done.Kernel.Refused)
	for _, r := range done.Results {
		assert.Truef(t, r.passed(), "%s: %s", r, r.complaint())
	}
}

// flowsTo is a few flows to each exposure, and what the model says of them.
func flowsTo(m *exposure.Model) (tests []string) {
	for _, e := range m.Exposures {
		ports := append([]policy.Ports{{Protocol: policy.TCP, From: 3306}}, e.Ports...)
		links := append([]string{"eth0"}, e.Interfaces...)
		for _, source := range []string{"192.0.2.9", "203.0.113.9", "2001:db8:77::1"} {
			for i, p := range ports {
				f := policy.Flow{ToPort: p.From, Protocol: p.Protocol, In: links[i%len(links)]}
				f.From = netip.MustParseAddr(source)
				tests = append(tests, fmt.Sprintf("%q, to: %s, expect: %s, in: %s", source, toText(f), verdictWord(m.Allows(f).Accept), f.In))
			}
		}
	}
	return tests
}
