package vm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/vm"
)

// tests are a package's that run in the guest.
type tests struct{ folder, run, skip string }

// onOldKernel is the packages whose tests run on the guest's kernel: those that
// meet a kernel, and that do not take minutes there.
var onOldKernel = []tests{
	{"firewall/kernel", "", ""},
	{"firewall/ruleset", "TestTwoRoads|TestNft|Live", ""},
	{"firewall/compile", "TestTextAndNetlink", ""},
	{"firewall/host", "", ""},
	{"firewall/rehearse", "", ""},
	{"netns_test", "", "TestEveryPort|TestRandomPolicies|TestExplain|TestLockout"},
}

// inShort is those of them that run under -test.short: what a kernel of that age
// might do otherwise, each thing once.
var inShort = []tests{
	{"firewall/kernel", "TestApplyReadRemove|TestDeltasOfAllKinds|TestSomebodyElse|TestBansAndCounters|TestABaseChainMoves", ""},
	{"firewall/ruleset", "TestTwoRoadsAtLimits|TestNftListsTheTextItLoaded", ""},
	{"firewall/host", "", ""},
	{"firewall/rehearse", "TestEveryPacket|TestGroups|TestAMeter", ""},
	{"netns_test", "TestServiceTable$|TestDeltasAreHitless|TestAppliesAreHitless|TestConnectionsSurviveChanges|" +
		"TestDenyCuts|TestMediaIsNotTracked|TestMediaIsLearned|TestApplyTwice", ""},
}

// testsFunction is the guest's command that runs the tests of a package.
const testsFunction = `
export NGCP_FW_PROGRAM=/job/ngcp-fw NGCP_FW_GUEST=1
tests() {
	cd /job/$1
	./tests -test.v -test.short -test.timeout 14m -test.run "$2" -test.skip "$3" 2>&1
	code=$?
	echo; echo "end of $1: $code"
}
`

// resultLine is how a test binary reports a test.
var resultLine = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+) \((\S+)s\)$`)

func TestTheOldKernelPassesTheTests(t *testing.T) {
	t.Parallel()
	all := onOldKernel
	if testing.Short() {
		all = inShort
	}
	runTests(t, vm.Guest{CPUs: 2, Timeout: 15 * time.Minute}, all)
}

// runTests runs the packages' tests in one boot of a guest.
func runTests(t *testing.T, guest vm.Guest, all []tests) {
	t.Helper()
	m := vm.New(t, guest)
	files := vm.Files{"ngcp-fw": vm.Program(t, "cmd/ngcp-fw"), "examples": "../../examples"}
	script := testsFunction
	for i, p := range all {
		files[p.folder+"/tests"] = vm.TestProgram(t, p.folder)
		if testdata := filepath.Join("../..", p.folder, "testdata"); exists(testdata) {
			files[p.folder+"/testdata"] = testdata
		}
		script += fmt.Sprintf("tests %s '%s' '%s' >/tmp/%d", p.folder, p.run, orNothing(p.skip), i)
		if i == 0 {
			script += " &" // the longest but one, beside all others
		}
		script += "\n"
	}
	r := m.Run(t, files, script+"wait; cat /tmp/[0-9]\n")
	require.Zero(t, r.Code, r.Output)
	rest := r.Output
	for _, p := range all {
		t.Run(p.folder, func(t *testing.T) {
			text, after, ended := strings.Cut(rest, "\nend of "+p.folder+": ")
			require.True(t, ended, rest)
			rest = after
			assert.Truef(t, strings.HasPrefix(after, "0\n"), "%s", text)
			report(t, text)
		})
	}
	t.Logf("the guest was up for %s", r.Took)
}

// report logs what passed in how long, and what was skipped.
func report(t *testing.T, text string) {
	passed := 0
	for _, m := range resultLine.FindAllStringSubmatch(text, -1) {
		seconds, err := strconv.ParseFloat(m[3], 64)
		require.NoError(t, err)
		if m[1] == "PASS" {
			passed++
		}
		if m[1] != "PASS" || seconds >= 2 && !strings.Contains(m[2], "/") {
			t.Logf("%s %s (%s s)", m[1], m[2], m[3])
		}
	}
	t.Logf("%d tests passed", passed)
	assert.NotZero(t, passed)
}

// orNothing is the pattern, or one that matches no name.
func orNothing(pattern string) string {
	if pattern == "" {
		return "^$"
	}
	return pattern
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
