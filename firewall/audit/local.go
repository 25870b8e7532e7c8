package audit

import (
	"ngcp-fw/policy"
)

// bound is a service that NGCP binds to less than every address.
type bound struct {
	protocol policy.Protocol
	port     uint16
	what     string
	where    string // that it should listen at
}

// Where NGCP binds what is nobody's business outside.
const (
	loopback = "loopback"
	pair     = "loopback and the link to the other node of the pair (ha_int)"
)

// bounds is what Sipwise's own tests of a node's ports expect on loopback, and the
// ports that its handbook has on ha_int. Programs that NGCP itself binds to every
// address (heartbeat, NTP, SNMP) are not among them.
var bounds = []bound{
	{policy.TCP, 25, "mail", loopback},
	{policy.TCP, 1442, "the administrator interface behind its proxy", loopback},
	{policy.TCP, 2812, "monit", loopback},
	{policy.UDP, 2223, "rtpengine's control port (ng)", loopback},
	{policy.TCP, 3306, "MySQL", pair},
	{policy.TCP, 6379, "Redis", pair},
}

// programs is which program serves a service, by the names that processes have had
// over NGCP's releases. Web services share theirs, and tell by their ports only.
var programs = map[string][]string{
	"ssh":         {"sshd"},
	"sip":         {"kamailio"},
	"sips":        {"kamailio"},
	"sip-extra":   {"kamailio"},
	"rtp":         {"rtpengine", "mediaproxy-ng", "rtpproxy"},
	"xmpp-client": {"prosody"},
	"xmpp-server": {"prosody"},
	"www-admin":   {"nginx", "apache2"},
	"www-csc":     {"nginx", "apache2"},
	"ossbss":      {"nginx", "apache2"},
	"xcap":        {"nginx"},
}

// media is the service of the ports that rtpengine opens while there are calls.
const media = "rtp"
