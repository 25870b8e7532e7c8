package compile

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// limitedSIP is SIP for the sources of each role, with a limit.
func limitedSIP(exempt string, lists ...string) *exposure.Model {
	m := &exposure.Model{Services: []exposure.Service{{Name: "sip", Limit: &exposure.Limit{
		Rate: policy.Rate{Count: 50, Unit: time.Second}, Burst: 100, Exempt: sources(exempt)}}}}
	for i, list := range lists {
		m.Exposures = append(m.Exposures, exposure.Exposure{Service: "sip", Role: string(rune('a' + i)), Ports: sipPorts, Sources: sources(list)})
	}
	return m
}

// rulesOf is a chain as text, without comments.
func rulesOf(t *testing.T, table *ruleset.Table, chain string) (lines []string) {
	t.Helper()
	for _, c := range table.Chains {
		if c.Name == chain {
			for i := range c.Rules {
				line, _, _ := strings.Cut(table.RuleText(&c.Rules[i]), " comment")
				lines = append(lines, line)
			}
			return lines
		}
	}
	require.Fail(t, "no chain "+chain)
	return nil
}

const (
	meter4    = "update @limit-sip4-50/second.100 { ip saddr limit rate over 50/second burst 100 packets } goto limited-sip-1"
	meter6    = "update @limit-sip6-50/second.100 { ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over 50/second burst 100 packets } goto limited-sip-1"
	acceptSIP = `counter name "accepted-sip" accept`
	refuseSIP = `counter name "refused-sip" drop`
)

func TestWhereMetersStand(t *testing.T) {
	for name, row := range map[string]struct {
		model *exposure.Model
		want  []string
	}{
		"everyone is metered": {limitedSIP("", "any"), []string{meter4, meter6, acceptSIP}},
		"only the sources of an accept fill the meter": {limitedSIP("", "192.0.2.0/24"),
			[]string{"ip saddr @from-a4-1 " + meter4, "ip saddr @from-a4-1 " + acceptSIP, refuseSIP}},
		"an exempt role is accepted first": {limitedSIP("192.0.2.0/24", "any", "192.0.2.0/24"),
			[]string{"ip saddr @from-b4-1 " + acceptSIP, meter4, meter6, acceptSIP}},
		"exempt sources without a role of this service": {limitedSIP("192.0.2.0/24", "any"),
			[]string{"ip saddr != @exempt-sip4-1 " + meter4, meter6, acceptSIP}},
		"all are exempt": {limitedSIP("any", "any"), []string{acceptSIP}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, rulesOf(t, Compile(row.model, 1), "service-sip-1"))
		})
	}
}

// Administrators are accepted within their rate, and refused otherwise: a meter
// without room for them opens nothing.
func TestAdministratorsAreAcceptedWithinTheRate(t *testing.T) {
	const (
		within4 = "update @within-sip4-50/second.100 { ip saddr limit rate 50/second burst 100 packets } " + acceptSIP
		within6 = "update @within-sip6-50/second.100 { ip6 saddr & ffff:ffff:ffff:ffff:: limit rate 50/second burst 100 packets } " + acceptSIP
		rest    = "goto limited-sip-1"
	)
	for name, row := range map[string]struct {
		model *exposure.Model
		want  []string
	}{
		"from everywhere": {limitedSIP("", "any"), []string{within4, within6, rest}},
		"from a list": {limitedSIP("", "192.0.2.0/24"), []string{
			"ip saddr @from-administrators4-1 " + within4, "ip saddr @from-administrators4-1 " + rest, refuseSIP}},
		"some are exempt": {limitedSIP("192.0.2.9", "any"), []string{"ip saddr @exempt-sip4-1 " + acceptSIP, within4, within6, rest}},
		"all are exempt":  {limitedSIP("any", "any"), []string{acceptSIP}},
	} {
		t.Run(name, func(t *testing.T) {
			row.model.Exposures[0].Role = policy.Administrators
			assert.Equal(t, row.want, rulesOf(t, Compile(row.model, 1), "service-sip-1"))
		})
	}
}

// What NGCP means for administrators stays shut where the meter has no room, under
// whatever role somebody opens it; but not for the subscribers.
func TestAdministratorsServicesAreAcceptedWithinTheRate(t *testing.T) {
	for _, row := range []struct {
		service, role string
		within        bool
	}{
		{"ssh", "noc", true}, {"ossbss", "noc", true}, {"ssh", policy.Subscribers, false},
		{"sip", "noc", false}, {"sip", policy.Administrators, true},
	} {
		m := limitedSIP("", "any")
		m.Services[0].Name, m.Exposures[0].Service, m.Exposures[0].Role = row.service, row.service, row.role
		text := strings.Join(rulesOf(t, Compile(m, 1), "service-"+row.service+"-1"), "\n")
		assert.Equal(t, row.within, strings.Contains(text, "@within-"), row)
		assert.NotEqual(t, row.within, strings.Contains(text, "@limit-"), row)
	}
}

// Whom CrowdSec bans is refused where bans are, and media of theirs, too.
func TestCrowdSecsSets(t *testing.T) {
	m := provider()
	assert.NotContains(t, Compile(m, 1).Text(), "crowdsec")
	m.CrowdSec = true
	text := Compile(m, 1).Text()
	for _, want := range []string{"ip saddr @crowdsec4 ip saddr != @never-ban4-1 goto banned-1", "ip6 saddr @crowdsec6 ", "ip saddr != @banned4 ip saddr != @crowdsec4 "} {
		assert.Contains(t, text, want)
	}
}

// Who is over a limit that bans is noted for that long, and refused at once where
// bans are, unless bans do not touch it.
func TestOffendersAreBanned(t *testing.T) {
	m := limitedSIP("", "any")
	m.Services[0].Limit.BanFor, m.NeverBan = 10*time.Minute, sources("198.51.100.0/24")
	table := Compile(m, 1)
	assert.Equal(t, []string{"ip saddr != @never-ban4-1 update @offenders4 { ip saddr timeout 10m }",
		"update @offenders6 { ip6 saddr & ffff:ffff:ffff:ffff:: timeout 10m }", `counter name "limited-sip" drop`}, rulesOf(t, table, "limited-sip-1"))
	assert.Subset(t, rulesOf(t, table, "input-1"), []string{"ip saddr @offenders4 ip saddr != @never-ban4-1 goto banned-1",
		"ip6 saddr & ffff:ffff:ffff:ffff:: == @offenders6 goto banned-1"})
	assert.NotContains(t, Compile(limitedSIP("", "any"), 1).Text(), "offenders")
}

// Whom one service accepts without a limit, another one's limit does not
// refuse.
func TestTheUnlimitedServiceComesFirst(t *testing.T) {
	m := limitedSIP("", "any")
	m.Exposures = append(m.Exposures, exposure.Exposure{Service: "monitoring", Role: "noc", Ports: sipPorts, Sources: sources("192.0.2.0/24")})
	assert.Equal(t, []string{`ip saddr @from-noc4-1 counter name "accepted-monitoring" accept`, meter4, meter6, acceptSIP},
		rulesOf(t, Compile(m, 1), "service-sip.monitoring-1"))
}

// A meter keeps its name, and so its content, until the rate changes: elements
// keep the limit they were made with.
func TestMetersFollowTheRate(t *testing.T) {
	m := limitedSIP("", "any")
	l := m.Services[0].Limit
	assert.Equal(t, live(Compile(m, 1)), live(Compile(m, 2)))
	before := live(Compile(m, 1))
	l.Burst = 5
	assert.NotEqual(t, before, live(Compile(m, 1)))
	l.Burst, l.Rate.Unit = 100, time.Minute
	assert.NotEqual(t, before, live(Compile(m, 1)))
}

func live(table *ruleset.Table) (names []string) {
	for i := range table.Sets {
		if s := &table.Sets[i]; s.Live() {
			names = append(names, s.Name)
		}
	}
	return names
}

func TestLifetime(t *testing.T) {
	for _, row := range []struct {
		rate  policy.Rate
		burst uint32
		want  time.Duration
	}{
		{policy.Rate{Count: 50, Unit: time.Second}, 100, time.Minute},
		{policy.Rate{Count: 3, Unit: time.Minute}, 30, 10 * time.Minute},
		{policy.Rate{Count: 1, Unit: 24 * time.Hour}, 5, 5 * 24 * time.Hour},
		{policy.Rate{Count: 1, Unit: 24 * time.Hour}, 1<<32 - 1, 7 * 24 * time.Hour},
	} {
		assert.Equal(t, row.want, lifetime(&exposure.Limit{Rate: row.rate, Burst: row.burst}), row.rate)
	}
}

// What is logged for one reason shares one rate, however many rules log.
func TestLogsOfAReasonShareOneRate(t *testing.T) {
	m := allowlists()
	table := Compile(m, 1)
	logging := 0
	for _, c := range table.Chains {
		for _, r := range c.Rules {
			for i, s := range r.Statements {
				l, ok := s.(ruleset.Log)
				if !ok {
					continue
				}
				logging++
				assert.LessOrEqual(t, len(l.Prefix), prefixMax)
				reason, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(l.Prefix, TableName+" "), ": "), " ")
				assert.Equal(t, "log-"+reason+"-6/minute.5", r.Statements[i-1].(ruleset.Update).Set)
				assert.Len(t, r.Statements, 2, "a log is no verdict")
			}
		}
	}
	assert.Greater(t, logging, 5)
	m.Log = nil
	assert.NotContains(t, Compile(m, 1).Text(), "log")
}
