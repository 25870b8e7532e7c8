package bans_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const withCrowdSec = policy + "crowdsec: true\n"

// decision is what CrowdSec's local API says of a source (docs.crowdsec.net, LAPI,
// GET /decisions/stream).
type decision struct {
	ID       int    `json:"id"`
	Origin   string `json:"origin"`
	Type     string `json:"type"`
	Scope    string `json:"scope"`
	Value    string `json:"value"`
	Duration string `json:"duration"`
	Scenario string `json:"scenario"`
}

func ban(source string) decision {
	return decision{1, "cscli", "ban", "Ip", source, "1h0m0s", "crowdsecurity/ssh-bf"}
}

// news is what a bouncer is told: at its start all that holds, then what has changed.
type news struct {
	New     []decision `json:"new"`
	Deleted []decision `json:"deleted"`
}

// lapi is a local API that bouncers ask.
type lapi struct {
	mu    sync.Mutex
	holds map[string]bool
	next  news
}

func (l *lapi) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.URL.Path != "/v1/decisions/stream" || r.Header.Get("X-Api-Key") != "key" {
		http.Error(w, `{"message":"access forbidden"}`, http.StatusForbidden)
		return
	}
	told := l.next
	if r.URL.Query().Get("startup") == "true" {
		told = news{}
		for source := range l.holds {
			told.New = append(told.New, ban(source))
		}
	}
	l.next = news{}
	_ = json.NewEncoder(w).Encode(told)
}

func (l *lapi) decide(sources ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, source := range sources {
		l.holds[source] = true
		l.next.New = append(l.next.New, ban(source))
	}
}

func (l *lapi) take(back string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.holds, back)
	l.next.Deleted = append(l.next.Deleted, ban(back))
}

// bouncer is Debian's, with what we ship.
type bouncer struct {
	*site
	*lapi
	program, config string
	end             func(syscall.Signal)
}

// newBouncer starts one on a host with the policy.
func newBouncer(t *testing.T, policy string) *bouncer {
	t.Helper()
	program, theirs := unpacked(t, "usr/bin/crowdsec-firewall-bouncer"), unpacked(t, "etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml")
	b := &bouncer{site: newSite(t, policy), lapi: &lapi{holds: map[string]bool{}}, program: program}
	l, err := b.Listen("tcp", netip.MustParseAddrPort("127.0.0.1:8080"))
	require.NoError(t, err)
	server := &http.Server{Handler: b.lapi}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	text, err := os.ReadFile(theirs)
	require.NoError(t, err)
	ours, err := os.ReadFile(filepath.Join(shipped, "crowdsec/crowdsec-firewall-bouncer.yaml.local"))
	require.NoError(t, err)
	b.config = b.path("bouncer.yaml")
	b.write("bouncer.yaml", string(text))
	b.write("bouncer.yaml.local", string(ours)+"api_key: key\nupdate_frequency: 1s\nlog_mode: stdout\npid_dir: "+b.dir+"/\nlog_dir: "+b.dir+"/\n")
	require.Zero(t, b.Run(program, "-c", b.config, "-t").Code)
	b.begin()
	return b
}

func (b *bouncer) begin() { b.t.Helper(); b.end = b.start(b.program, "-c", b.config) }

func TestCrowdSecFillsItsSets(t *testing.T) {
	b := newBouncer(t, withCrowdSec)
	const scanner, scanner6, carrier, neighbour, byHand = "203.0.113.7", "2001:db8:99::7", "198.51.100.7", "203.0.113.8", "203.0.113.20"
	require.Zero(t, b.fw("ban", byHand).Code)
	b.decide(scanner, scanner6, carrier)
	b.waitRefused(scanner, true)
	b.waitRefused(scanner6, true)
	for _, from := range []string{carrier, neighbour, "255.255.255.1", "2001:db8:99::8"} {
		assert.False(t, b.refused(from), from)
	}
	b.take(scanner)
	b.waitRefused(scanner, false)
	assert.True(t, b.refused(scanner6))
	b.decide(scanner, neighbour)
	b.waitRefused(neighbour, true)
	require.Zero(t, b.fw("unban", neighbour).Code)
	assert.False(t, b.refused(neighbour), "unban ends CrowdSec's bans, too")
	assert.Contains(t, b.fw("metrics").Stdout, `ngcp_fw_bans{kind="crowdsec"} 3`)

	b.end(syscall.SIGTERM)
	assert.False(t, b.refused(scanner), "the bouncer empties its sets when it stops")
	assert.True(t, b.refused(byHand), "and no others")
	b.begin()
	b.waitRefused(scanner, true)
	assert.NotContains(t, b.log("output.log"), "level=error")
}

func TestCrowdSecOverApplies(t *testing.T) {
	b := newBouncer(t, withCrowdSec)
	b.decide("203.0.113.7")
	b.waitRefused("203.0.113.7", true)
	latest := ""
	b.applyMany(withCrowdSec, func(round int) {
		assert.True(t, b.refused("203.0.113.7"))
		latest = netip.AddrFrom4([4]byte{203, 0, 113, byte(100 + round)}).String()
		b.decide(latest)
	})
	b.waitRefused(latest, true)
	b.waitRefused("203.0.113.100", true)
	assert.Zero(t, b.fw("verify").Code)
	assert.NotContains(t, b.log("output.log"), "level=error")
}

// The reason for sets of its own, which the example's text and the docs give: should
// another version of the bouncer need them no more, this tells.
func TestCrowdSecCannotFillSetsOfRanges(t *testing.T) {
	b := newBouncer(t, withCrowdSec)
	b.end(syscall.SIGTERM)
	var config map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(b.log("bouncer.yaml.local")), &config))
	config["blacklists_ipv4"], config["blacklists_ipv6"] = "banned4", "banned6"
	text, err := yaml.Marshal(config)
	require.NoError(t, err)
	b.write("bouncer.yaml.local", string(text))
	require.Zero(t, b.fw("ban", "192.0.2.77").Code)
	b.begin()
	b.decide("203.0.113.7")
	b.waitRefused("203.0.113.7", true)
	assert.True(t, b.refused("223.0.0.1"), "whoever has a higher address is refused")
	b.end(syscall.SIGTERM)
	assert.False(t, b.refused("192.0.2.77"), "the bans of others are gone")
}
