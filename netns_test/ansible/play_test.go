package ansible_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const inventory = `[ngcp]
sp1 ansible_host=%[2]s ansible_user=root
[ngcp:vars]
ansible_ssh_private_key_file=%[1]s/key
ansible_ssh_common_args=-F none -o IdentitiesOnly=yes -o UserKnownHostsFile=%[1]s/known_hosts -o StrictHostKeyChecking=yes
ansible_python_interpreter=/usr/bin/python3
ansible_remote_tmp=/run/ansible-tmp
ngcp_fw_command=%[3]s
ngcp_fw_service=false
ngcp_fw_lists=%[4]s
`

// played is how a run of the playbook has ended.
type played struct {
	output  string
	code    int
	changed int // of the recap; -1: there is none
	took    time.Duration
}

// control is the machine that Ansible runs on.
type control struct {
	host *managed
	dir  string // what Ansible keeps
}

func newControl(t *testing.T, host *managed) *control {
	t.Helper()
	c := &control{host: host, dir: filepath.Join(host.dir, "c")}
	lists, err := filepath.Abs("testdata/lists")
	require.NoError(t, err)
	write(t, filepath.Join(c.dir, "inventory"), fmt.Sprintf(inventory, host.dir, hostAddr, installed, lists))
	outside, err := host.net.Outside("")
	require.NoError(t, err)
	// A probe may come from any address; what Ansible starts needs one of its own.
	for _, args := range [][]string{
		{"address", "add", controlAddr + "/32", "dev", "eth0"},
		{"route", "add", hostAddr, "via", "169.254.0.2", "dev", "eth0", "onlink", "src", controlAddr},
	} {
		require.NoError(t, outside.Do(exec.Command("ip", args...).Run), args)
	}
	key, err := os.ReadFile(filepath.Join(host.dir, "host_key.pub"))
	require.NoError(t, err)
	write(t, filepath.Join(host.dir, "known_hosts"), hostAddr+" "+string(key))
	return c
}

// policy writes a policy on the control machine and is its path.
func (c *control) policy(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(c.dir, "policy.yml")
	write(t, path, text)
	return path
}

// play runs the example's playbook; -e ngcp_fw_...=... and what else are arguments.
func (c *control) play(t *testing.T, args ...string) played {
	t.Helper()
	playbook := "site.yml"
	if strings.HasSuffix(args[0], ".yml") {
		playbook, args = args[0], args[1:]
	}
	sockets, err := os.MkdirTemp(c.dir, "") // no connection of an earlier run is used again
	require.NoError(t, err)
	cmd := exec.Command(playbookProgram, append([]string{"-i", filepath.Join(c.dir, "inventory"), playbook}, args...)...)
	cmd.Dir = "../../examples/ansible"
	cmd.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + c.dir, "LC_ALL=C.UTF-8", "ANSIBLE_CONFIG=ansible.cfg",
		"ANSIBLE_HOME=" + c.dir, "ANSIBLE_SSH_CONTROL_PATH_DIR=" + sockets,
		"ANSIBLE_LOCAL_TEMP=" + filepath.Join(c.dir, "tmp"), "ANSIBLE_TIMEOUT=2", "PYTHONDONTWRITEBYTECODE=1",
	}
	outside, err := c.host.net.Outside("")
	require.NoError(t, err)
	var out []byte
	start := time.Now()
	err = outside.Do(func() (err error) {
		out, err = cmd.CombinedOutput()
		return err
	})
	require.NotNil(t, cmd.ProcessState, "%v", err)
	p := played{string(out), cmd.ProcessState.ExitCode(), changes(string(out)), time.Since(start)}
	t.Logf("ansible-playbook %s: exit %d, changed=%d, %v", strings.Join(args, " "), p.code, p.changed, p.took.Round(time.Millisecond))
	return p
}

var recap = regexp.MustCompile(`sp1 +: .*changed=([0-9]+)`)

func changes(output string) int {
	found := recap.FindStringSubmatch(output)
	if found == nil {
		return -1
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		return -1
	}
	return n
}
