package ruleset_test

import (
	"testing"

	"pgregory.net/rapid"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/roads"
)

// TestTwoRoads loads tables as text by Debian's nft and as our messages: the
// kernel must hold the same.
func TestTwoRoads(t *testing.T) {
	both := roads.New(t)
	both.Same(t, ruleset.RichTable())
	rapid.Check(t, func(t *rapid.T) { both.Same(t, ruleset.GenTable(t)) })
}
