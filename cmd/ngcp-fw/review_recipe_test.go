package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repository is a git repository of policies, and the check of docs/reviews.md.
type repository struct {
	*testing.T
	dir, check string
}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

func newRepository(t *testing.T) *repository {
	for _, program := range []string{"git", "jq", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED: the check of docs/reviews.md: %v", err)
		}
	}
	text, err := os.ReadFile(root + "/docs/reviews.md")
	require.NoError(t, err)
	blocks := shellBlock.FindAllSubmatch(text, -1)
	require.Len(t, blocks, 1)
	dir := t.TempDir()
	r := &repository{t, filepath.Join(dir, "repository"), filepath.Join(dir, "review.sh")}
	require.NoError(t, os.WriteFile(r.check, blocks[0][1], 0o600))
	require.NoError(t, os.Mkdir(r.dir, 0o700))
	r.git("init", "-q", "-b", "main")
	return r
}

// run runs a program in the repository.
func (r *repository) run(env, name string, args ...string) (code int, out, remarks string) {
	r.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=noc", "GIT_AUTHOR_EMAIL=noc@example.net", "GIT_COMMITTER_NAME=noc", "GIT_COMMITTER_EMAIL=noc@example.net", env)
	if exit := (*exec.ExitError)(nil); errors.As(cmd.Run(), &exit) {
		code = exit.ExitCode()
	}
	return code, stdout.String(), stderr.String()
}

func (r *repository) git(args ...string) {
	r.Helper()
	code, _, remarks := r.run("", "git", args...)
	require.Zero(r, code, "git %v: %s", args, remarks)
}

// commit commits the files, on the branch.
func (r *repository) commit(branch string, files map[string]string) {
	r.Helper()
	r.git("checkout", "-q", branch)
	for name, text := range files {
		require.NoError(r, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600))
	}
	r.git("add", ".")
	r.git("commit", "-q", "-m", branch)
}

func TestCheckForARepository(t *testing.T) {
	r := newRepository(t)
	const (
		head   = "version: 1\nroles:\n  administrators: {allow: [192.0.2.0/24]}\n  peers: {allow: [{file: carriers.txt}]}\n"
		policy = head + "services:\n  sip: {roles: [peers]}\n"
	)
	r.git("commit", "-q", "--allow-empty", "-m", "nothing yet")
	r.commit("main", map[string]string{
		"policy.yml": policy, "carriers.txt": "198.51.100.0/24\n", "config.yml": "sshd: {port: 22}\n",
	})
	for branch, files := range map[string]map[string]string{
		"refactored": {"carriers.txt": "198.51.100.128/25\n198.51.100.0/25\n"},
		"carrier":    {"carriers.txt": "198.51.100.0/24\n203.0.113.0/24\n"},
		"opened":     {"policy.yml": policy + "  ssh: {roles: [subscribers]}\n"},
		"moved":      {"config.yml": "sshd: {port: 2222}\n"},
		"observing":  {"policy.yml": policy + "observe: true\n"},
		"wrong":      {"policy.yml": policy + "  ssh: {roles: [admins]}\n"},
	} {
		r.git("branch", branch, "main")
		r.commit(branch, files)
	}
	// What happens on main meanwhile is none of the branches' doing.
	r.commit("main", map[string]string{"policy.yml": head + "services:\n  sip: {roles: [peers]}\n  sips: {enabled: false}\n"})

	for _, c := range []struct {
		branch, labels string
		code           int
		out, remarks   string
	}{
		{"refactored", "", 0, `^\*\*No change in exposure\. No rule differs\.\*\*\n`, `^$`},
		{"carrier", "", 0, "^\\*\\*Who can reach more: sip\\. Nobody can reach less\\.\\*\\*\n(?s).*`203.0.113.0/24`", `^$`},
		{"opened", "", 1, `^> ⚠️ !! \*\*ssh is for administrators and would be open to everyone\*\*\n`, `open to more: ssh; the label exposure-approved lets it pass\n$`},
		{"opened", "bug,exposure-approved", 0, `^> ⚠️ !! `, `admin-open`},
		{"opened", "not-exposure-approved", 1, `^> ⚠️ !! `, `the label`},
		{"moved", "", 1, "(?s)`2222/tcp`.*`22/tcp`", `open to more: ssh`},
		{"observing", "", 1, `^> ⚠️ !! \*\*observe would be on`, `open to more: observe`},
		{"wrong", "exposure-approved", 2, `^$`, `policy.yml:7:17: error: `},
	} {
		t.Run(c.branch+" "+c.labels, func(t *testing.T) {
			r.git("checkout", "-q", c.branch)
			code, out, remarks := r.run("LABELS="+c.labels, "sh", r.check, "main")
			assert.Equal(t, c.code, code, remarks)
			assert.Regexp(t, c.out, out)
			assert.Regexp(t, c.remarks, remarks)
		})
	}
}
