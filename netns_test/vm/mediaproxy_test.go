package vm_test

import (
	"testing"
	"time"

	"ngcp-fw/netns_test/vm"
)

// The mediaproxy rule with what it is for: calls through rtpengine and its kernel
// module, in the guest's own network namespace, with a phone in either of two
// others.
func TestTheRealModuleForwardsWhatThePolicyAllows(t *testing.T) {
	t.Parallel()
	runTests(t, vm.Guest{CPUs: 2, Timeout: 15 * time.Minute}, []tests{{folder: "netns_test/vm/guest"}})
}
