package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ngcp-fw/firewall/mediaproxy"
)

func TestMediaWords(t *testing.T) {
	report := mediaproxy.Report{
		Choice:  mediaproxy.Choice{Mode: mediaproxy.ModeXtables, Target: "RTPENGINE", Table: 3, Why: "rtpengine 10.5 leaves its rule to others"},
		InForce: true, After: true,
		Rules: []mediaproxy.Handler{{Packets: 40}, {Packets: 2}},
		Host:  mediaproxy.Facts{Loaded: []string{"xt_RTPENGINE"}, Tables: []mediaproxy.Streams{{Table: 3, Streams: 212}}},
	}
	assert.Equal(t, "The mediaproxy rule is in force (xtables, table 3): rtpengine 10.5 leaves its rule to others. "+
		"It comes after our verdict, and has met 42 packets. Module xt_RTPENGINE is loaded. "+
		"Table 3 is in use, with 212 streams in the kernel.", mediaWords(report))
	off := mediaproxy.Report{Choice: mediaproxy.Choice{Mode: mediaproxy.ModeOff, Why: "there is no rtpengine on this host"}}
	assert.Equal(t, "No mediaproxy rule: there is no rtpengine on this host.", mediaWords(off))
	report.InForce = false
	assert.Equal(t, "The mediaproxy rule is missing (xtables, table 3): rtpengine 10.5 leaves its rule to others.", mediaWords(report))
}
