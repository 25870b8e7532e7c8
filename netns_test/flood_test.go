package netns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/hitless"
	"ngcp-fw/netns_test/lab"
)

// How much of each kind of change these tests make. The bench makes more.
const (
	changes      = 200
	changesTime  = 4 * time.Second // then a slow machine has made fewer, which is well
	fewChanges   = 10
	floodRate    = 20_000
	connections  = 50
	longListSize = 1000
)

// While each kind of change goes on, not one packet is lost that both policies
// accept, and none gets in that both refuse.
func TestChangesAreHitless(t *testing.T) {
	for _, v := range hitless.Variants(longListSize) {
		t.Run(v.Name, func(t *testing.T) {
			c := changing(t, v)
			c.Fewest = fewChanges
			count, err := hitless.UnderFlood(c.Host, floodRate, func() error { return c.Make(changes, changesTime) })
			require.NoError(t, err)
			t.Logf("%d changes, %d packets a second", c.Made, count.Rate())
			assert.GreaterOrEqual(t, c.Made, fewChanges)
			assert.NotZero(t, count.Allowed)
			assert.NotZero(t, count.Forbidden)
			assert.Zerof(t, count.Lost, "lost, of %d allowed packets", count.Allowed)
			assert.Zerof(t, count.LetIn, "let in, of %d forbidden packets", count.Forbidden)
		})
	}
}

// The counters see what gets in, and what is lost: without a firewall, and where
// everything is dropped.
func TestFloodsAreCounted(t *testing.T) {
	c := changing(t, hitless.Variants(1)[0])
	replace := func(with string) func() error {
		return func() error {
			require.Zero(t, c.Host.RunInput("delete table inet ngcp-fw\n"+with, "nft", "-f", "-").Code)
			time.Sleep(100 * time.Millisecond)
			return nil
		}
	}
	count, err := hitless.UnderFlood(c.Host, floodRate, replace("table inet ngcp-fw { }\n"))
	require.NoError(t, err)
	assert.NotZero(t, count.LetIn)
	assert.Less(t, count.Lost, count.Allowed/10, "a chain that is deleted drops what is on its way in it, having no rules left")
	count, err = hitless.UnderFlood(c.Host, floodRate, replace(
		"table inet ngcp-fw {\nchain input {\ntype filter hook input priority filter; policy drop;\n}\n}\n"))
	require.NoError(t, err)
	assert.NotZero(t, count.Lost)
}

// While each kind of change goes on, open connections go on, too: none is reset,
// none pauses.
func TestChangesKeepConnections(t *testing.T) {
	for _, v := range hitless.Variants(longListSize) {
		t.Run(v.Name, func(t *testing.T) {
			c := changing(t, v)
			c.By = hitless.ByLibrary(t.TempDir())
			echoes, err := hitless.UnderConnections(c.Host, connections, func() error { return c.Make(changes, changesTime/4) })
			require.NoError(t, err)
			t.Logf("%d changes, %+v", c.Made, echoes)
			assert.Greater(t, echoes.Answers, connections)
			assert.Zero(t, echoes.Reset)
			assert.Zero(t, echoes.Stalled)
		})
	}
}

// changing is a host with the variant's policies in force in turn.
func changing(t *testing.T, v hitless.Variant) *hitless.Changes {
	models, err := v.Models()
	require.NoError(t, err)
	way, done := hitless.ByKernel()
	t.Cleanup(func() { assert.NoError(t, done()) })
	c := &hitless.Changes{Host: lab.New(t, hitless.Link), Models: models, By: way}
	require.NoError(t, c.Make(2, changesTime))
	return c
}
