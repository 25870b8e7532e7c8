// Package debian tests the Debian package that make deb makes of this folder.
package debian

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// needs skips the test where a program is missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("SKIPPING: %v", err)
		}
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoErrorf(t, err, "%s %v: %s", name, args, out)
	return string(out)
}

// build makes the package in a folder of its own.
func build(t *testing.T) string {
	t.Helper()
	needs(t, "make", "dpkg-deb")
	bin := t.TempDir()
	t.Setenv("GOFLAGS", "-buildvcs=false")
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	output(t, "make", "-C", "..", "deb", "BIN="+bin, "VERSION=v1.2.3", "DEB_VERSION=1.2.3")
	found, err := filepath.Glob(filepath.Join(bin, "ngcp-fw_1.2.3_*.deb"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// line is one of dpkg-deb --contents: mode, owner, size, date, time and path.
var line = regexp.MustCompile(`(?m)^(\S+) (\S+) +\d+ (\S+ \S+) \./(\S+)$`)

func TestPackage(t *testing.T) {
	deb := build(t)
	t.Run("contents", func(t *testing.T) { contents(t, output(t, "dpkg-deb", "--contents", deb)) })
	t.Run("control", func(t *testing.T) {
		assert.Equal(t, "Package: ngcp-fw\nVersion: 1.2.3\n", output(t, "dpkg-deb", "--field", deb, "Package", "Version"))
		assert.NotRegexp(t, "@[A-Z]+@", output(t, "dpkg-deb", "--field", deb))
		assert.NotContains(t, output(t, "dpkg-deb", "--field", deb), "Depends:")
	})
	root := t.TempDir()
	output(t, "dpkg-deb", "--raw-extract", deb, root)
	t.Run("checksums", func(t *testing.T) {
		out, err := exec.Command("sh", "-c", `cd "$0" && md5sum --check --strict DEBIAN/md5sums`, root).CombinedOutput()
		assert.NoErrorf(t, err, "%s", out)
	})
	t.Run("scripts", func(t *testing.T) { scripts(t, filepath.Join(root, "DEBIAN")) })
	t.Run("manual", func(t *testing.T) { manual(t, filepath.Join(root, "usr/share/man")) })
	t.Run("security", func(t *testing.T) { security(t, filepath.Join(root, "lib/systemd/system")) })
	t.Run("chroot", func(t *testing.T) { chroot(t, root) })
	t.Run("lintian", func(t *testing.T) {
		needs(t, "lintian")
		out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", deb).CombinedOutput()
		assert.NoErrorf(t, err, "%s", out)
	})
	t.Run("program", func(t *testing.T) {
		assert.Equal(t, "ngcp-fw v1.2.3\n", output(t, filepath.Join(root, "usr/sbin/ngcp-fw"), "version"))
	})
	t.Run("again", func(t *testing.T) {
		first, err := os.ReadFile(deb)
		require.NoError(t, err)
		arch := strings.TrimSpace(output(t, "dpkg-deb", "--field", deb, "Architecture"))
		output(t, "sh", "-c", `cd .. && sh debian/build.sh 1.2.3 "$0" "$1"`, arch, filepath.Dir(deb))
		second, err := os.ReadFile(deb)
		require.NoError(t, err)
		assert.True(t, slices.Equal(first, second), "the same files made another package")
	})
}

func contents(t *testing.T, list string) {
	var files []string
	for _, m := range line.FindAllStringSubmatch(list, -1) {
		mode, owner, date, path := m[1], m[2], m[3], m[4]
		assert.Equal(t, "root/root", owner, path)
		if strings.HasSuffix(path, "/") {
			assert.Equal(t, "drwxr-xr-x", mode, path)
			continue
		}
		want := "-rw-r--r--"
		if path == "usr/sbin/ngcp-fw" {
			want = "-rwxr-xr-x"
		}
		assert.Equal(t, want, mode, path)
		assert.True(t, strings.HasPrefix(date, "2023-11-14 "), "%s: %s", path, date)
		files = append(files, path)
	}
	assert.Subset(t, files, []string{
		"lib/systemd/system/ngcp-fw.service", "lib/systemd/system/ngcp-fw-check.service", "lib/systemd/system/ngcp-fw-check.timer",
		"lib/systemd/system/ngcp-fw-metrics.service", "lib/systemd/system/ngcp-fw-metrics.timer",
		"usr/sbin/ngcp-fw", "usr/share/man/man8/ngcp-fw.8.gz", "usr/share/man/man5/ngcp-fw-policy.5.gz", "usr/share/man/man7/ngcp-fw-operations.7.gz",
		"usr/share/bash-completion/completions/ngcp-fw", "usr/share/zsh/vendor-completions/_ngcp-fw",
		"usr/share/fish/vendor_completions.d/ngcp-fw.fish",
		"usr/share/doc/ngcp-fw/copyright", "usr/share/doc/ngcp-fw/changelog.gz", "usr/share/doc/ngcp-fw/examples/pair/policy.yml",
		"usr/share/doc/ngcp-fw/examples/monitoring/rules.yml", "usr/share/doc/ngcp-fw/examples/monitoring/dashboard.json",
	})
	for _, path := range files {
		assert.NotRegexp(t, `^(etc|var|run)/|\.go$`, path)
	}
}

// scripts stop at the first failure, and are Bourne shell's.
func scripts(t *testing.T, folder string) {
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		assert.Contains(t, string(text), "\nset -e\n", name)
		output(t, "sh", "-n", filepath.Join(folder, name))
	}
}

// manual wants pages without a fault that mandoc or groff would tell of.
func manual(t *testing.T, folder string) {
	for page, says := range map[string]string{
		"man8/ngcp-fw.8": "--confirm DURATION", "man5/ngcp-fw-policy.5": "administrators", "man7/ngcp-fw-operations.7": "systemd.mask=",
	} {
		text := output(t, "gzip", "-dc", filepath.Join(folder, page+".gz"))
		plain := filepath.Join(t.TempDir(), "page")
		require.NoError(t, os.WriteFile(plain, []byte(text), 0o600))
		assert.Contains(t, strings.ReplaceAll(text, `\-`, "-"), says)
		assert.NotContains(t, text, "```")
		for _, judge := range [][]string{{"mandoc", "-T", "lint", plain}, {"groff", "-man", "-wall", "-z", plain}} {
			t.Run(judge[0]+" "+page, func(t *testing.T) {
				needs(t, judge[0])
				out, err := exec.Command(judge[0], judge[1:]...).CombinedOutput()
				assert.NoError(t, err)
				assert.Empty(t, string(out))
			})
		}
	}
}

// security wants little exposure, in systemd's own measure: tenths, of 0 to 100.
func security(t *testing.T, folder string) {
	needs(t, "systemd-analyze")
	for _, unit := range []string{"ngcp-fw.service", "ngcp-fw-check.service", "ngcp-fw-metrics.service"} {
		out, err := exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", filepath.Join(folder, unit)).CombinedOutput()
		assert.NoErrorf(t, err, "%s", out)
	}
}

// steps is the life of a package where systemd does not run: each script twice.
const steps = `
set -e
export DPKG_MAINTSCRIPT_PACKAGE=ngcp-fw
mount --make-rprivate /
for folder in /etc /run /var/lib /lib/systemd/system; do mount -t tmpfs none $folder; done
cp "$0"/lib/systemd/system/* /lib/systemd/system
script() { sh "$0/DEBIAN/$@"; }
links() { ls /etc/systemd/system/*.wants 2>/dev/null | grep ngcp-fw || true; }

script postinst configure "" 2>/dev/null; script postinst configure 1.0
links
script prerm upgrade 1.2
script prerm remove; script prerm remove
script postrm remove
mkdir -p /var/lib/ngcp-fw /etc/ngcp-fw /run/ngcp-fw
touch /var/lib/ngcp-fw/generation-1.json /run/ngcp-fw/pending.json
script prerm remove 2>&1 && echo removed in the midst of a trial
rm /run/ngcp-fw/pending.json
script prerm remove
script postrm purge; script postrm purge
find /etc /run /var/lib -name '*ngcp-fw*'
`

// chroot runs the scripts as root of folders that are empty but for the units.
func chroot(t *testing.T, root string) {
	needs(t, "unshare", "deb-systemd-helper")
	if exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "none", "/lib/systemd/system").Run() != nil {
		t.Skip("SKIPPING: no mounts of our own")
	}
	out, err := exec.Command("unshare", "-m", "sh", "-c", steps, root).CombinedOutput()
	require.NoErrorf(t, err, "%s", out)
	assert.Equal(t, `ngcp-fw.service
ngcp-fw-check.timer
ngcp-fw: a generation waits to be confirmed: without the program it could not go back.
hint: ngcp-fw confirm keeps it, ngcp-fw rollback goes back
ngcp-fw: what is in force stays until the next boot. After that nothing restores it,
  and this host is open. What takes it away now: nft delete table inet ngcp-fw
ngcp-fw: purging takes the policy and the kept generations, not what is in force now.
`, string(out))
}
