package exposure

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
)

func TestEnding(t *testing.T) {
	p, diags := policy.Parse("policy.yml", []byte(`version: 1
roles:
  peers:
    allow:
      - {source: 192.0.2.1, expires: 2027-01-10}
      - {source: 192.0.2.2, expires: 2027-01-31}
      - 192.0.2.3
    except: [{source: 192.0.2.4, expires: 2027-02-09}]
deny: [{source: 192.0.2.5, expires: 2027-02-10}]
never-ban: [{source: 192.0.2.6, expires: 2027-06-01}]
`), nil)
	require.Zero(t, diags.Errors(), diags)
	at := func(month time.Month, day int) time.Time { return time.Date(2027, month, day, 0, 0, 0, 0, time.UTC) }
	for _, row := range []struct {
		since, now time.Time
		want       Ending
	}{
		{at(1, 1), at(1, 1), Ending{Soon: 2, Next: at(1, 11)}},
		{at(1, 1), at(1, 10), Ending{Soon: 3, Next: at(1, 11)}},
		{at(1, 1), at(1, 11), Ending{Ended: 1, Soon: 3, Next: at(2, 1)}},
		{at(1, 11), at(1, 11), Ending{Soon: 3, Next: at(2, 1)}}, // left out when it was applied
		{at(1, 1), at(2, 1).Add(-1), Ending{Ended: 1, Soon: 3, Next: at(2, 1)}},
		{at(1, 1), at(2, 1), Ending{Ended: 2, Soon: 2, Next: at(2, 10)}},
		{at(1, 1), at(7, 1), Ending{Ended: 5}},
	} {
		assert.Equal(t, row.want, EndingOf(p, row.since, row.now), row.now)
	}
}
