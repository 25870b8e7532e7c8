package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
