package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	docsBlock = regexp.MustCompile("(?ms)^```(yaml|console)\n(.*?)^```$")
	aTime     = regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`)
	aMinute   = regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d\b`)
)

// TestOperations runs what these pages show, from top to bottom on one host: a
// policy is put into its place, and commands say what they show. UPDATE_SCRIPTS=1
// writes that there.
func TestOperations(t *testing.T) {
	for name, commands := range map[string]int{"operations.md": 12, "monitoring.md": 5} {
		t.Run(name, func(t *testing.T) {
			inNamespace(t)
			operatePage(t, root+"/docs/"+name, commands)
		})
	}
}

// operatePage runs a page that shows so many commands at least.
func operatePage(t *testing.T, page string, least int) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	dir := t.TempDir()
	for _, name := range []string{"policy", "state", "run"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	commands := 0
	now := docsBlock.ReplaceAllStringFunc(string(text), func(block string) string {
		m := docsBlock.FindStringSubmatch(block)
		if m[1] == "yaml" {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "policy/policy.yml"), []byte(m[2]), 0o600))
			return block
		}
		out := "```console\n"
		for line := range strings.Lines(m[2]) {
			if command, is := strings.CutPrefix(line, "$ "); is {
				commands++
				out += line + operate(t, dir, command)
			}
		}
		return out + "```"
	})
	assert.GreaterOrEqual(t, commands, least)
	update(t, page, string(text), now)
}

// operate runs a command of the shell beside the policy, with directories of its
// own for what is in /var/lib and /run on a host.
func operate(t *testing.T, dir, command string) string {
	const here = `ngcp-fw() { command ngcp-fw --policy policy.yml --state-dir ../state --run-dir ../run "$@"; }
`
	cmd := exec.Command("bash", "-c", here+command)
	cmd.Dir = filepath.Join(dir, "policy")
	out, err := cmd.CombinedOutput()
	if exit, failed := err.(*exec.ExitError); err != nil && (!failed || exit.ExitCode() > exitNo) {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
	return aTime.ReplaceAllString(aMinute.ReplaceAllString(string(out), "2027-01-14 14:30"), "14:32:10")
}
