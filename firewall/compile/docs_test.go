package compile

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// docs/ruleset.md shows parts of what its policy compiles to: each of them has
// to be there, word for word.
func TestDocumentedTableIsTrue(t *testing.T) {
	text, err := os.ReadFile("../../docs/ruleset.md")
	require.NoError(t, err)
	written := blocks(t, text, "yaml")
	table := compiled(t, written[0])
	parts := blocks(t, text, "nft")
	assert.Greater(t, len(parts), 5)
	for _, part := range parts {
		assert.Contains(t, table, string(part))
	}
}

func blocks(t *testing.T, text []byte, language string) (found [][]byte) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(text, -1) {
		found = append(found, m[1])
	}
	require.NotEmpty(t, found)
	return found
}

// compiled is a policy's table as text.
func compiled(t *testing.T, written []byte) string {
	t.Helper()
	p, diags := policy.Parse("policy.yml", written, nil)
	require.Zero(t, diags.Errors(), "%v", diags)
	m, diags := exposure.Resolve(exposure.Inputs{Policy: p, Now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)})
	require.Zero(t, diags.Errors(), "%v", diags)
	return Compile(m, 1).Text()
}
