package netns_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The two policies between which an apply is disturbed: ports, allowlists, a
// denied source and a link differ.
const (
	faultsBefore = `version: 1
roles:
  administrators: {allow: [192.0.2.0/24, "2001:db8:1::/48"]}
  subscribers: {allow: [{file: list.txt}]}
services:
  turn: {ports: [3478/udp], roles: [subscribers]}
`
	faultsAfter = `version: 1
roles:
  administrators: {allow: [192.0.2.0/24, 198.51.100.7]}
  subscribers: {allow: [{file: list.txt}, 203.0.113.0/24]}
services:
  stun: {ports: [3479/udp], roles: [subscribers], interfaces: [eth1]}
deny: [203.0.113.66]
log: {rate: 5/second}
`
)

// fault is a system call of an apply at which something happens to it.
type fault struct {
	call string
	what string // as strace --inject takes it
	when int
}

func (f fault) String() string { return fmt.Sprintf("%s:%s:%d", f.call, f.what, f.when) }

// faults lays one thing out over calls: of each call the first one, and so many
// more, so far apart.
func faults(what string, calls map[string][2]int) (list []fault) {
	for _, call := range []string{"flock", "openat", "write", "fsync", "renameat", "sendto", "recvfrom", "membarrier", "newfstatat", "close"} {
		for i := range calls[call][0] {
			list = append(list, fault{call, what, 1 + i*calls[call][1]})
		}
	}
	return list
}

// disturbed is what became of an apply, and of the commands after it.
type disturbed struct {
	fault
	code   int    // the apply's; 137: killed
	before bool   // the old policy is in force as a whole
	after  bool   // the new one is
	output string // of everything
}

// begin applies the first policy.
const begin = `
fw() { "$PROGRAM" --state-dir state --run-dir run "$@"; }
fw -f before.yml apply || exit 90
`

// injected applies the second policy with the fault.
const injected = `
strace -f -qq -o /dev/null -e "inject=$FAULT" "$PROGRAM" --state-dir state --run-dir run -f after.yml apply
echo "apply: $?"
`

// look finds which of them is in force, proven over all packets, and whether the
// next commands mend what is left.
const look = `
fw -f before.yml verify >verify.txt 2>&1; echo "before: $?"
fw -f after.yml verify >>verify.txt 2>&1; echo "after: $?"
cat verify.txt
fw status; [ $? -le 1 ] || exit 91
fw -f after.yml apply || exit 92
fw -f after.yml verify || exit 93
fw status || exit 94
fw -f after.yml apply | grep 'nothing was sent' || exit 95
generations=$(nft list table inet ngcp-fw | grep -o '^	chain [a-z]*-[0-9]*' | grep -o '[0-9]*$' | sort -u | wc -l)
[ "$generations" = 1 ] || exit 96
[ -z "$(find state run -name '.*' -type f)" ] || exit 97
`

// disturb runs a script in a namespace of its own, between begin and look.
func disturb(t *testing.T, f fault, script string) disturbed {
	dir := t.TempDir()
	for name, text := range map[string]string{"before.yml": faultsBefore, "after.yml": faultsAfter, "list.txt": faultsList()} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", begin+script+look)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PROGRAM="+program, fmt.Sprintf("FAULT=%s:%s:when=%d", f.call, f.what, f.when))
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	d := disturbed{fault: f, output: string(out)}
	require.NoErrorf(t, err, "%s: %s", f, out)
	d.before, d.after = strings.Contains(d.output, "\nbefore: 0\n"), strings.Contains(d.output, "\nafter: 0\n")
	_, rest, _ := strings.Cut(d.output, "\napply: ")
	_, err = fmt.Sscan(rest, &d.code)
	require.NoErrorf(t, err, "%s: %s", f, out)
	return d
}

// faultsList is long enough that a set of it is more than one message.
func faultsList() string {
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "10.%d.%d.0/28\n", i>>8, i&255)
	}
	return text.String()
}

// disturbAll applies with each fault.
func disturbAll(t *testing.T, list []fault) []disturbed {
	t.Helper()
	results := disturbEach(t, list, injected)
	for _, d := range results {
		assert.Truef(t, d.before != d.after, "%s: neither the old nor the new policy is in force as a whole\n%s", d.fault, d.output)
	}
	return results
}

// disturbEach runs the script with each fault, two at a time.
func disturbEach(t *testing.T, list []fault, script string) []disturbed {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("SKIPPED: strace is missing; make test installs it")
	}
	if testing.Short() {
		list = list[:len(list)/5]
	}
	results, slots := make([]disturbed, len(list)), make(chan struct{}, 2)
	var running sync.WaitGroup
	for i, f := range list {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			results[i] = disturb(t, f, script)
		})
	}
	running.Wait()
	return results
}

// Wherever an apply is killed, the old or the new policy is in force as a whole,
// and the next apply leaves nothing of the interruption.
func TestApplyKilledAnywhere(t *testing.T) {
	killed, old := 0, 0
	results := disturbAll(t, faults("signal=KILL", map[string][2]int{
		"flock": {1, 1}, "openat": {8, 5}, "write": {5, 1}, "fsync": {3, 1}, "renameat": {4, 1}, "sendto": {44, 1}, "recvfrom": {30, 3},
		"membarrier": {1, 1}, "newfstatat": {4, 9}, "close": {4, 9},
	}))
	for _, d := range results {
		if d.code == 137 {
			killed++
		}
		if d.before {
			old++
		}
	}
	t.Logf("%d killed of %d, %d with the old policy in force", killed, len(results), old)
	assert.Greater(t, killed, len(results)/3)
	assert.NotZero(t, old)
	assert.NotEqual(t, len(results), old)
}

// Whatever the kernel or the disk refuses, the program ends by itself and says so:
// by its message, too, unless the write that was refused may have been the message
// itself (strace counts the calls of each thread for itself).
func TestApplyRefusedAnywhere(t *testing.T) {
	var list []fault
	list = append(list, faults("error=ENOBUFS", map[string][2]int{"recvfrom": {12, 7}, "sendto": {6, 6}})...)
	list = append(list, faults("error=ENOSPC", map[string][2]int{"write": {4, 1}, "fsync": {3, 1}, "renameat": {3, 1}})...)
	list = append(list, faults("error=EIO", map[string][2]int{"fsync": {3, 1}, "write": {2, 1}})...)
	for _, d := range disturbAll(t, list) {
		assert.Containsf(t, []int{0, 3}, d.code, "%s\n%s", d.fault, d.output)
		if d.code == 3 && d.fault.call != "write" {
			assert.Containsf(t, d.output, "ngcp-fw: ", "%s", d.fault)
		}
	}
}

// Of two applies at once, one comes after the other, or is told who is first.
func TestTwoAppliesAtOnce(t *testing.T) {
	for range 5 {
		d := disturb(t, fault{}, `
fw -f before.yml apply >one.txt 2>&1 & one=$!
fw -f after.yml apply >two.txt 2>&1; two=$?
wait $one; one=$?
cat one.txt two.txt
echo "apply: $two"; echo "other: $one"
`)
		assert.Truef(t, d.before != d.after, d.output)
		assert.Containsf(t, []int{0, 3}, d.code, d.output)
		if d.code == 3 {
			assert.Contains(t, d.output, "holds the lock")
		}
	}
}

// Somebody else who changes the ruleset all the time neither is overwritten nor
// keeps an apply from coming to an end.
func TestApplyBesideOthers(t *testing.T) {
	d := disturb(t, fault{}, `
nft add table inet others; nft add chain inet others input
(i=0; while [ ! -e done ] && [ $i -lt 2000 ]; do i=$((i+1)); nft add rule inet others input counter; done; echo $i >rules) &
fw -f after.yml apply; echo "apply: $?"
touch done; wait
[ "$(nft list table inet others | grep -c counter)" = "$(cat rules)" ] || exit 98
`)
	assert.Truef(t, d.before != d.after, d.output)
	assert.Containsf(t, []int{0, 3}, d.code, d.output)
	if d.code == 3 {
		assert.Contains(t, d.output, "somebody else keeps changing the ruleset")
	}
}
