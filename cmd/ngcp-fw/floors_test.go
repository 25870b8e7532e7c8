package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// floors is the house: a package may import only packages of lower floors, and
// those of its own floor that the row names.
var floors = map[string]struct {
	floor int
	same  []string
}{
	"policy/diag":         {0, nil},
	"policy/addr":         {0, nil},
	"policy/yamlwalk":     {0, []string{"policy/diag"}},
	"policy":              {0, []string{"policy/addr", "policy/diag", "policy/yamlwalk"}},
	"policy/ngcp":         {0, []string{"policy/diag", "policy/yamlwalk"}},
	"firewall/ruleset":    {0, nil},
	"policy/exposure":     {1, nil},
	"firewall/bans":       {0, nil},
	"firewall/metrics":    {0, nil},
	"firewall/compile":    {2, nil},
	"firewall/kernel":     {2, nil},
	"firewall/host":       {2, nil},
	"firewall/store":      {2, nil},
	"firewall/mediaproxy": {2, []string{"firewall/kernel"}},
	"firewall/hook":       {2, []string{"firewall/kernel"}},
	"firewall/verify":     {2, nil},
	"firewall/audit":      {2, []string{"firewall/compile", "firewall/hook", "firewall/host", "firewall/kernel", "firewall/mediaproxy"}},
	"firewall/rehearse":   {2, []string{"firewall/host", "firewall/kernel"}},
	"firewall":            {3, nil},
	"cmd/ngcp-fw":         {4, nil},
	"netns_test/lab":      {4, nil},
	"netns_test/roads":    {4, nil},
	"netns_test/vm":       {4, nil},
	"netns_test/vm/guest": {4, nil},
	"netns_test/hitless":  {4, []string{"netns_test/lab"}},
	"netns_test/bench":    {5, nil},
	"netns_test":          {5, nil},
	"netns_test/audit":    {5, nil},
	"netns_test/ansible":  {5, nil},
	"netns_test/bans":     {5, nil},
	"examples/demo":       {5, nil},
	"examples/monitoring": {5, nil},
	"docs/man":            {5, nil},
	"debian":              {5, nil},
}

const module = "ngcp-fw/"

type listedPackage struct {
	ImportPath string
	Imports    []string
}

func TestImportsGoDownTheFloors(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		row, known := floors[name]
		if !assert.True(t, known, "%s stands on no floor: add it to the table", name) {
			continue
		}
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			assert.Truef(t, floors[other].floor < row.floor || contains(row.same, other),
				"%s (floor %d) imports %s (floor %d)", name, row.floor, other, floors[other].floor)
			if strings.HasPrefix(name, "policy") || name == "firewall/ruleset" {
				assert.Falsef(t, strings.HasPrefix(other, "firewall"), "%s imports %s", name, other)
			}
		}
	}
}

func TestOnlyKernelOpensNetfilterSockets(t *testing.T) {
	const forbidden = "github.com/google/nftables"
	for _, p := range listPackages(t) {
		for _, imported := range p.Imports {
			assert.NotEqualf(t, forbidden, imported, "%s imports %s, whose connection we do not use", p.ImportPath, imported)
		}
	}
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// listPackages asks the go command for every package of the module.
func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	text, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	require.NoError(t, err)
	var packages []listedPackage
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	for {
		var p listedPackage
		err := decoder.Decode(&p)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
	require.NotEmpty(t, packages)
	return packages
}
