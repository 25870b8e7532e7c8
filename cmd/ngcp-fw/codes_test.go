package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/exposure"
)

// TestCodesAreDocumented holds the table in docs/checks.md: all codes, and no
// other.
func TestCodesAreDocumented(t *testing.T) {
	const head = "| code | severity | means | what to do |\n|---|---|---|---|\n"
	path := root + "/docs/checks.md"
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	intro, have, found := strings.Cut(string(text), head)
	require.True(t, found)
	var want strings.Builder
	for _, c := range exposure.AllCodes() {
		fmt.Fprintf(&want, "| %s | %s | %s | %s |\n", c.Code, c.Severity, c.Meaning, c.Do)
	}
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		require.NoError(t, os.WriteFile(path, []byte(intro+head+want.String()), 0o644))
		return
	}
	assert.Equal(t, want.String(), have)
}

// TestCodesAreThoseOfTheCode holds the tables of codes against what the sources
// report: each code once, and none that nothing reports.
func TestCodesAreThoseOfTheCode(t *testing.T) {
	listed := map[string]bool{}
	for _, c := range exposure.AllCodes() {
		assert.False(t, listed[c.Code], "%s is listed twice", c.Code)
		listed[c.Code] = true
	}
	assert.Equal(t, listed, reportedCodes(t))
}

// reporters are the functions that take a code, which is the first of their
// arguments that looks like one.
var reporters = map[string]bool{
	"problem": true, "fail": true, "warn": true, "report": true, "reportNode": true, "say": true, "once": true,
}

var codeLike = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// reportedCodes finds the codes in the sources: arguments of reporters, fields
// called Code, literals of faults, and constants that begin with code.
func reportedCodes(t *testing.T) map[string]bool {
	codes := map[string]bool{}
	for _, folder := range []string{"policy", "policy/yamlwalk", "policy/ngcp", "policy/exposure", "cmd/ngcp-fw"} {
		paths, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		require.NoError(t, err)
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				if code := reported(n); code != "" {
					codes[code] = true
				}
				return true
			})
		}
	}
	return codes
}

func reported(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CallExpr:
		if reporters[lastName(n.Fun)] {
			return firstCode(n.Args)
		}
	case *ast.KeyValueExpr:
		if lastName(n.Key) == "Code" {
			return firstCode([]ast.Expr{n.Value})
		}
	case *ast.UnaryExpr:
		if c, ok := n.X.(*ast.CompositeLit); ok && lastName(c.Type) == "fault" {
			return firstCode(c.Elts)
		}
	case *ast.ValueSpec:
		if name := n.Names[0].Name; strings.HasPrefix(name, "code") || name == "unusedRisk" {
			return firstCode(n.Values)
		}
	}
	return ""
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func firstCode(list []ast.Expr) string {
	for _, e := range list {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			continue
		}
		if text, err := strconv.Unquote(lit.Value); err == nil && codeLike.MatchString(text) {
			return text
		}
	}
	return ""
}
