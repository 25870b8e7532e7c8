package host_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/host"
)

const (
	wants = "etc/systemd/system/sysinit.target.wants/"
	units = "lib/systemd/system/"
)

func TestRivals(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"nothing there", nil, nil},
		{"installed, not enabled", map[string]string{units + "nftables.service": "[Unit]"}, nil},
		{"enabled", map[string]string{units + "nftables.service": "[Unit]", wants + "nftables.service": "[Unit]"}, []string{"nftables.service"}},
		{"enabled, removed since", map[string]string{wants + "nftables.service": ""}, nil},
		{"enabled, masked", map[string]string{units + "nftables.service": "[Unit]", wants + "nftables.service": "[Unit]", "etc/systemd/system/nftables.service": ""}, nil},
		{"required", map[string]string{"usr/" + units + "firewalld.service": "[Unit]", "etc/systemd/system/basic.target.requires/firewalld.service": "[Unit]"}, []string{"firewalld.service"}},
		{"ufw, off", map[string]string{units + "ufw.service": "[Unit]", wants + "ufw.service": "[Unit]", "etc/ufw/ufw.conf": "# ENABLED=yes\nENABLED=no\n"}, nil},
		{"ufw, without configuration", map[string]string{units + "ufw.service": "[Unit]", wants + "ufw.service": "[Unit]"}, nil},
		{"ufw, on", map[string]string{units + "ufw.service": "[Unit]", wants + "ufw.service": "[Unit]", "etc/ufw/ufw.conf": "ENABLED=yes\n"}, []string{"ufw.service"}},
		{"two", map[string]string{
			units + "nftables.service": "[Unit]", wants + "nftables.service": "[Unit]",
			units + "netfilter-persistent.service": "[Unit]", "etc/systemd/system/multi-user.target.wants/netfilter-persistent.service": "[Unit]",
		}, []string{"nftables.service", "netfilter-persistent.service"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for path, text := range test.files {
				root[path] = &fstest.MapFile{Data: []byte(text)}
			}
			var names []string
			for _, r := range host.Rivals(root) {
				names = append(names, r.Unit)
				assert.Contains(t, r.String(), r.Unit+" is enabled: ")
			}
			assert.Equal(t, test.want, names)
		})
	}
}

// On a disk, the files are links.
func TestRivalsOnADisk(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{units, wants} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, folder), 0o755))
	}
	unit, mask := filepath.Join(dir, units, "nftables.service"), filepath.Join(dir, "etc/systemd/system/nftables.service")
	require.NoError(t, os.WriteFile(unit, []byte("[Unit]\n"), 0o644))
	require.NoError(t, os.Symlink("/lib/systemd/system/nftables.service", filepath.Join(dir, wants, "nftables.service")))
	assert.Len(t, host.Rivals(os.DirFS(dir)), 1)
	require.NoError(t, os.Symlink("/dev/null", mask))
	assert.Empty(t, host.Rivals(os.DirFS(dir)))
}
