package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// TestEveryCodeIsDocumented holds the table of codes in docs/policy.md.
func TestEveryCodeIsDocumented(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/policy.md")
	require.NoError(t, err)
	for _, c := range append(policy.Codes, exposure.Codes...) {
		assert.Contains(t, string(text), "\n| "+c.Code+" | "+c.Meaning+" |\n")
	}
}
