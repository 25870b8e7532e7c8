package vm_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/vm"
)

func TestScriptsRunOnTheOldKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPING two boots: the other tests have one each; make test-vm-all runs it")
	}
	file := filepath.Join(t.TempDir(), "hello")
	require.NoError(t, os.WriteFile(file, []byte("carried in\n"), 0o600))
	m := vm.New(t, vm.Guest{})
	first := m.Run(t, vm.Files{"deep/hello": file}, `
uname -r; cat deep/hello; echo error >&2
modprobe xt_RTPENGINE && ls /proc/rtpengine/control
systemctl is-system-running --wait; systemd-analyze blame | head -12; systemctl --failed --no-legend; systemd-analyze
touch /root/kept
exit 7`)
	t.Logf("first boot took %s\n%s", first.Took, first.Output)
	assert.Equal(t, 7, first.Code)
	assert.Regexp(t, `^6\.1\.`, first.Output)
	assert.Contains(t, first.Output, "carried in\nerror\n/proc/rtpengine/control\n")
	second := m.Run(t, nil, "ls /root/kept && reboot; sleep 60")
	t.Logf("second boot took %s", second.Took)
	assert.Equal(t, -1, second.Code)
	assert.Equal(t, "/root/kept\n", second.Output)
}
