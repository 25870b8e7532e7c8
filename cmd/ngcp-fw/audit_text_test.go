package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ngcp-fw/firewall/audit"
	"ngcp-fw/firewall/host"
	"ngcp-fw/policy"
)

// A process chooses its name: that must not hide its row, nor add one.
func TestAuditShowsNamesThatCommandNoTerminal(t *testing.T) {
	name := "a\x1b[1A\x1b[2K\ntcp b"
	var out strings.Builder
	writeAudit(&out, &audit.Report{InForce: true, Entries: []audit.Entry{{
		Protocol: policy.TCP, Port: 8080, LastPort: 8080, Sockets: 1, Owner: host.Owner{Process: name},
		Findings: []audit.Finding{{Code: audit.CodeBeyond, Text: name + " listens"}},
	}}})
	assert.NotContains(t, out.String(), "\x1b")
	assert.NotContains(t, out.String(), "\ntcp b")
}
