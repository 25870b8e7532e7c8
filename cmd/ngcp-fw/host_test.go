package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
	"ngcp-fw/policy/ngcp"
)

// The machine's links count only where the policy is for this machine.
func TestLinksHere(t *testing.T) {
	machine, err := os.Hostname()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		file, host, flag, written string
		known                     bool
	}{
		"this machine":       {"network.yml", machine, "", "", true},
		"deployed self":      {"/etc/ngcp-config/network.yml", "self", "", "", true},
		"somebody's self":    {"fixtures/network.yml", "self", "", "", false},
		"chosen by a flag":   {"network.yml", machine, machine, "", false},
		"chosen by a policy": {"/etc/ngcp-config/network.yml", machine, "", machine, false},
		"no host was found":  {"/etc/ngcp-config/network.yml", "", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			in := &input{policy: &policy.Policy{NGCP: policy.NGCP{Host: policy.Word{Text: c.written}}}}
			links := in.linksHere(&ngcp.Network{File: c.file}, c.host, c.flag)
			require.Equal(t, c.known, links != nil)
			if c.known {
				require.Contains(t, links, "lo")
			}
		})
	}
}
