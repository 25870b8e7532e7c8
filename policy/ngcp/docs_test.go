package ngcp

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// The examples of the documentation mean what the text around them says.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/ngcp.md")
	require.NoError(t, err)
	var configs, networks []string
	for _, match := range yamlBlock.FindAllStringSubmatch(string(data), -1) {
		switch {
		case strings.HasPrefix(match[1], "kamailio:"):
			configs = append(configs, match[1])
		case strings.HasPrefix(match[1], "hosts:"):
			networks = append(networks, match[1])
		}
	}
	require.Len(t, configs, 1)
	require.Len(t, networks, 1)

	c := config(t, text("f", configs[0]))
	extra, list := c.ExtraSockets()
	assert.Empty(t, list)
	assert.Equal(t, []string{
		"carrier tcp 192.0.2.10 5070 6:16", "offices udp 2001:db8::10 5080 7:16",
		"offices tcp 2001:db8::10 5080 7:16", "trunk tcp 192.0.2.10 5071 8:14",
	}, socketLines(extra))
	assert.Equal(t, []string{"kamailio.lb.port=5060@f:3:11", "rtpproxy.maxport=44999@f:11:12", "sshd.port=22@f:13:9"},
		found(c, "kamailio.lb.port", "rtpproxy.maxport", "sshd.port"))

	assert.Equal(t, []string{
		"sp1 [proxy lb mgmt rtp db] sp2 online @2:3",
		"  lo [127.0.0.1] [sip_int rtp_int] @4:5",
		"  eth0 [10.255.0.1 10.255.0.3] [ha_int] @5:5",
		"  eth1 [192.0.2.11 2001:db8::11] [sip_ext rtp_ext] @6:5",
		"  eth1:1 [192.0.2.12] [web_ext] @7:5",
	}, outline(network(t, text("f", networks[0]))))
}
