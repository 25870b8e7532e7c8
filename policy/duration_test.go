package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1s": time.Second, "90s": 90 * time.Second, "10m": 10 * time.Minute, "2h": 2 * time.Hour, "7d": 7 * 24 * time.Hour, "520w": longestBan,
		"": 0, "10": 0, "m": 0, "0s": 0, "-1s": 0, "+1s": 0, "1.5h": 0, "1h30m": 0, "521w": 0, "10 m": 0, "10M": 0, "99999999999999999999s": 0, "4294967295w": 0,
	} {
		got, err := parseDuration(text)
		assert.Equal(t, want, got, text)
		assert.Equal(t, want == 0, err != nil, text)
	}
}

// A limit may ban whoever is over it, for a time.
func TestBanFor(t *testing.T) {
	p, diags := Parse("p.yml", []byte("version: 1\nservices: {sip: {limit: {rate: 50/second, ban-for: 10m}}, ssh: {limit: {rate: 1/second}}}\n"), nil)
	assert.Zero(t, diags.Errors())
	assert.Equal(t, 10*time.Minute, p.Services[0].Limit.BanFor)
	assert.Zero(t, p.Services[1].Limit.BanFor)
	_, diags = Parse("p.yml", []byte("version: 1\nservices: {sip: {limit: {rate: 50/second, ban-for: soon}}}\n"), nil)
	if assert.Len(t, diags, 1) {
		assert.Equal(t, "bad-value", diags[0].Code)
		assert.Equal(t, "soon is not a duration from 1s to 520w", diags[0].Message)
	}
}
