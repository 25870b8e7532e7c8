package main

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/store"
)

// docs/monitoring.md shows what status says of an observing policy.
func TestWhatWouldBeRefusedInDocs(t *testing.T) {
	scan := []netip.Addr{netip.MustParseAddr("198.51.100.3"), netip.MustParseAddr("198.51.100.77"), netip.MustParseAddr("203.0.113.200")}
	for range 1021 {
		scan = append(scan, scan[2].Next())
	}
	s := &firewall.Status{Applied: true, Snapshot: &store.Meta{Observe: true}, Refused: []firewall.Refused{
		{Reason: "denied", Packets: 7},
		{Reason: "refused", Packets: 41231, Sources: scan},
		{Reason: "refused", Service: "ssh", Packets: 214, Sources: []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("203.0.113.41")}},
	}}
	var out strings.Builder
	writeRefused(&out, s)
	page, err := os.ReadFile(root + "/docs/monitoring.md")
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(page), "```text\n")
	require.True(t, found)
	_, after, _ := strings.Cut(rest, "```\n")
	update(t, root+"/docs/monitoring.md", string(page), before+"```text\n"+out.String()+"```\n"+after)
	assert.Empty(t, observeDocument(&firewall.Status{}).Refused)
}
