package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/policy/ngcp"
)

const root = "../.."

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// TestYAMLInDocs parses every YAML block of the documentation as what it is.
func TestYAMLInDocs(t *testing.T) {
	files, err := filepath.Glob(root + "/docs/*.md")
	require.NoError(t, err)
	files = append(files, root+"/README.md")
	blocks := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for i, match := range yamlBlock.FindAllSubmatch(text, -1) {
			blocks++
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(file), i+1), func(t *testing.T) { checkBlock(t, match[1]) })
		}
	}
	assert.Greater(t, blocks, 8)
}

func checkBlock(t *testing.T, block []byte) {
	source := ngcp.Source{Name: "block", Data: block}
	switch {
	case bytes.HasPrefix(block, []byte("version:")):
		checkPolicyBlock(t, block)
	case bytes.HasPrefix(block, []byte("hosts:")):
		_, diags := ngcp.ParseNetwork(source)
		assert.Empty(t, diags)
	default:
		_, diags := ngcp.ParseConfig(source)
		assert.Empty(t, diags)
	}
}

// checkPolicyBlock wants no errors but those of files that the reader has and
// we do not.
func checkPolicyBlock(t *testing.T, block []byte) {
	dir := t.TempDir()
	path := filepath.Join(dir, "policy.yml")
	require.NoError(t, os.WriteFile(path, block, 0o600))
	in := (&app{}).read(globalFlags{policy: path})
	for _, d := range in.diags {
		assert.Truef(t, d.Severity != "error" || d.Code == "file-unreadable", "%s", d)
	}
}

var (
	kernelVersion = regexp.MustCompile(`Linux \d+\.\d+ `) // the docs are Debian 12's
	readmeList    = regexp.MustCompile("(?s)```yaml\n(version:.*?)```.*?```\n(.*?)```")
)

// TestConsoleInDocs runs every command that the documentation shows, and wants
// the output it shows. UPDATE_SCRIPTS=1 writes it there.
func TestConsoleInDocs(t *testing.T) {
	for page, in := range map[string]string{
		"docs/commands.md": root,
		"docs/reviews.md":  "testdata/reviews",
	} {
		t.Run(page, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join(root, page))
			require.NoError(t, err)
			inNamespace(t) // this very goroutine: it applies policies
			t.Chdir(in)
			checkConsole(t, path)
		})
	}
}

// machine is the network namespace that the tests begin in: nothing may be
// applied there.
var machine, _ = os.Readlink("/proc/self/ns/net")

func checkConsole(t *testing.T, page string) {
	here, err := os.Readlink("/proc/thread-self/ns/net")
	require.NoError(t, err)
	require.NotEqual(t, machine, here, "a subtest has to enter a namespace itself")
	dir := t.TempDir()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	commands := 0
	now := replaceConsole(string(text), func(block string) (out string) {
		for _, line := range shellLines(block) {
			if args, found := strings.CutPrefix(line, "$ ngcp-fw "); found {
				commands++
				args := strings.Fields(strings.ReplaceAll(args, "\\\n", " "))
				_, said := program(append([]string{"--state-dir", dir, "--run-dir", dir}, args...)...)
				out += line + "\n" + kernelVersion.ReplaceAllString(said, "Linux 6.1 ")
			}
		}
		return out
	})
	assert.Greater(t, commands, 6)
	update(t, page, string(text), now)
}

// replaceConsole rewrites what is inside of each console block: those with four
// backticks have other blocks in them.
func replaceConsole(text string, rewrite func(string) string) string {
	for _, fence := range []string{"```", "````"} {
		block := regexp.MustCompile("(?ms)^" + fence + "console\n.*?^" + fence + "$")
		text = block.ReplaceAllStringFunc(text, func(s string) string {
			return fence + "console\n" + rewrite(s) + fence
		})
	}
	return text
}

// shellLines is a text's lines; one that ends with a backslash goes on.
func shellLines(text string) (lines []string) {
	for _, line := range strings.Split(text, "\n") {
		if n := len(lines); n > 0 && strings.HasSuffix(lines[n-1], `\`) {
			lines[n-1] += "\n" + line
		} else {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestListInReadme lists the README's policy with the examples' files.
func TestListInReadme(t *testing.T) {
	text, err := os.ReadFile(root + "/README.md")
	require.NoError(t, err)
	found := readmeList.FindSubmatchIndex(text)
	require.NotNil(t, found)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/lists", 0o700))
	for name, from := range map[string]string{
		"config.yml": "single/config.yml", "network.yml": "single/network.yml", "lists/carriers.txt": "carrier/lists/carriers.txt",
	} {
		data, err := os.ReadFile(root + "/examples/" + from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	block := bytes.ReplaceAll(text[found[2]:found[3]], []byte("/etc/ngcp-config/"), []byte(dir+"/"))
	require.NoError(t, os.WriteFile(dir+"/policy.yml", block, 0o600))
	code, said := program("-f", dir+"/policy.yml", "--host", "self", "list")
	require.Equal(t, exitDone, code, said)
	update(t, root+"/README.md", string(text), string(text[:found[4]])+said+string(text[found[5]:]))
}

// update wants the file to say what is true now, or writes that.
func update(t *testing.T, path, was, now string) {
	t.Helper()
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		require.NoError(t, os.WriteFile(path, []byte(now), 0o644))
		return
	}
	assert.Equal(t, now, was)
}

// TestExamples resolves and compiles every example, and runs its tests.
func TestExamples(t *testing.T) {
	policies, err := filepath.Glob(root + "/examples/*/policy.yml")
	require.NoError(t, err)
	require.NotEmpty(t, policies)
	for _, path := range policies {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			in := (&app{}).read(globalFlags{policy: path})
			require.Empty(t, in.diags)
			table := compile.Compile(in.model, 1)
			require.NotEmpty(t, in.model.Tests)
			for _, test := range in.model.Tests {
				verdict := firewall.Judge(in.model, table, test.Flow)
				assert.Equalf(t, test.Accept, verdict.Accept, "%s: %s", test.Pos, verdict.Reason)
			}
		})
	}
}
