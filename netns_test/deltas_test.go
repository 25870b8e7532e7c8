package netns_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/hitless"
	"ngcp-fw/netns_test/lab"
	"ngcp-fw/policy/exposure"
)

const (
	deltas     = 300
	deltasTime = 4 * time.Second // then a slow machine has made fewer
	prefixes   = 20_000
)

// prefixList is so many networks that no packet of the flood comes from.
func prefixList(n int) string {
	var b strings.Builder
	for i := range uint32(n) {
		v := 130<<24 + i<<10
		fmt.Fprintf(&b, "%s/%d\n", netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), 24+i%9)
	}
	return b.String()
}

// few is prefixes right beside those that the flood comes from (hitless/variants.go):
// the kernel finds the flood's sources by the ends and starts next to them.
const few = ", 198.51.100.8, 198.51.100.10, 203.0.112.254, 203.0.114.1, 100.98.255.254, 131.1.1.1"

// fewPrefixes is two policies that agree on the flood, and whose long lists differ
// in a few prefixes.
func fewPrefixes(name, allow, deny string) hitless.Variant {
	text := func(with string) string {
		return fmt.Sprintf(`version: 1
roles:
  subscribers: {allow: [100.99.0.0/16, 203.0.113.0/24%s]}
  administrators: {allow: [198.18.0.0/24]}
  everybody: {allow: [any]}
services:
  public: {ports: [7100/udp], roles: [everybody]}
  rtp: {ports: [30000-40000/udp]}
deny: [100.99.0.0/24%s]
`, strings.ReplaceAll(allow, "MORE", with), strings.ReplaceAll(deny, "MORE", with))
	}
	return hitless.Variant{Name: name, Policies: [2]string{text(""), text(few)}, Lists: map[string]string{"long": prefixList(prefixes)}}
}

// follower puts models into force as generations that follow each other.
type follower struct {
	conn    *kernel.Conn
	current *ruleset.Table
	kept    int // changes after which some set had kept its name though its elements were others
}

func (f *follower) apply(m *exposure.Model, nth int) (err error) {
	if f.conn == nil {
		if f.conn, err = kernel.Open(); err != nil {
			return err
		}
	}
	target := compile.Compile(m, 1).Following(f.current, uint64(nth)+1)
	if f.current != nil {
		if list, ok := ruleset.Deltas(f.current, target); ok && len(list) > 0 {
			f.kept++
		}
	}
	result, err := f.conn.Change(f.current, target)
	if result.Replaced {
		return fmt.Errorf("change %d replaced the whole table", nth)
	}
	if err != nil {
		return err
	}
	f.current, _, err = f.conn.ReadLike(target.Family, target.Name, target)
	return err
}

// While a few prefixes come and go in long lists, in place, not one packet is
// lost that both policies accept, and none gets in that both refuse.
func TestDeltasAreHitless(t *testing.T) {
	for _, v := range []hitless.Variant{
		fewPrefixes("allowlist", ", {file: long}MORE", ""),
		fewPrefixes("deny list", "", ", {file: long}MORE"),
	} {
		t.Run(v.Name, func(t *testing.T) {
			models, err := v.Models()
			require.NoError(t, err)
			f := &follower{}
			c := &hitless.Changes{Host: lab.New(t, hitless.Link), Models: models, By: f.apply, Fewest: fewChanges + 1}
			require.NoError(t, c.Make(2, deltasTime))
			t.Cleanup(func() { assert.NoError(t, f.conn.Close()) })
			if !f.current.InPlace {
				t.Skip("NOT TESTED: on this kernel packets would notice changes in place")
			}
			count, err := hitless.UnderFlood(c.Host, floodRate, func() error { return c.Make(deltas, deltasTime) })
			require.NoError(t, err)
			t.Logf("%d changes, %d in place, %d packets a second", c.Made, f.kept, count.Rate())
			assert.NotZero(t, f.kept)
			assert.Equal(t, c.Made-1, f.kept)
			assert.NotZero(t, count.Allowed)
			assert.NotZero(t, count.Forbidden)
			assert.Zerof(t, count.Lost, "lost, of %d allowed packets", count.Allowed)
			assert.Zerof(t, count.LetIn, "let in, of %d forbidden packets", count.Forbidden)
		})
	}
}
