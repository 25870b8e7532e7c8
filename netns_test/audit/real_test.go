package audit_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/audit"
)

// ufwScript has the installed ufw make its rules in the host's network namespace.
// What it keeps on disk, it keeps in a folder of its own.
const ufwScript = `set -e
cp -a /etc/ufw/. "$1"
mount --bind "$1" /etc/ufw
ufw --force reset
ufw allow 8080/tcp
ufw allow from 10.0.0.0/8 to any port 3306 proto tcp
ufw limit 22/tcp
ufw --force enable
`

func TestRealUfw(t *testing.T) {
	if _, err := exec.LookPath("ufw"); err != nil || os.Geteuid() != 0 {
		t.Skip("SKIPPED: this wants root and ufw: apt-get install ufw")
	}
	m := model(t, roles)
	h := stage(t)
	made := h.Run("unshare", "--mount", "sh", "-c", ufwScript, "sh", t.TempDir())
	require.Zero(t, made.Code, made.Stdout+made.Stderr)
	r := hold(t, h, m)
	assert.Equal(t, audit.ReachAny, entry(t, r, 8080).Reach)
	assert.Contains(t, codes(entry(t, r, 8080)), audit.CodeBeyond)
	assert.Equal(t, []string{"10.0.0.0/8"}, entry(t, r, 3306).From.Strings())
	assert.Contains(t, codes(entry(t, r, 22)), audit.CodeUndecided, "it depends on a rate")
	assert.Equal(t, audit.ReachLocal, entry(t, r, 161).Reach)
}
