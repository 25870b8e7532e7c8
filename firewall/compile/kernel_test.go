package compile

import (
	"testing"

	"pgregory.net/rapid"

	"ngcp-fw/netns_test/roads"
)

// TestTextAndNetlinkGiveTheSameKernelState holds, for hundreds of random
// policies, that what `ngcp-fw compile` prints is what `ngcp-fw apply` does.
func TestTextAndNetlinkGiveTheSameKernelState(t *testing.T) {
	both := roads.New(t)
	for range 3 { // times the hundred cases of one check
		rapid.Check(t, func(t *rapid.T) { both.Same(t, Compile(drawModel(t), 1)) })
	}
}
