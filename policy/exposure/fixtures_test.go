package exposure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shared is a file that lies beside the repository; without it the test is
// skipped.
func shared(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "fixtures", path))
	if err != nil {
		t.Skipf("SKIPPED, no fixtures beside the repository: %v", err)
	}
	return string(text)
}

func TestFixtureHosts(t *testing.T) {
	const admins = "roles: {administrators: {allow: [198.51.100.0/24]}}"
	everywhere := []string{
		"www-csc 443/tcp subscribers from any on neth0",
		"sip 5060/tcp,5060/udp subscribers from any on neth0",
		"sips 5061/tcp subscribers from any on neth0",
		"rtp 30000-40000/udp subscribers from any on neth0",
		"xcap 1080/tcp subscribers from any on neth0",
		"xmpp-client 5222/tcp subscribers from any on neth0",
		"xmpp-server 5269/tcp subscribers from any on neth0",
		"ssh 22/tcp administrators from 198.51.100.0/24 on neth0",
		"www-admin 1443/tcp administrators from 198.51.100.0/24 on neth0",
		"ossbss 2443/tcp administrators from 198.51.100.0/24 on neth0",
	}
	for _, c := range []struct {
		network, host string
		want          []string
	}{
		{"ce", "self", everywhere},
		{"pro", "sp1", []string{
			"www-csc 443/tcp subscribers from any on eth0,eth2",
			"sip 5060/tcp,5060/udp subscribers from any on eth2",
			"sips 5061/tcp subscribers from any on eth2",
			"rtp 30000-40000/udp subscribers from any on eth2",
			"xcap 1080/tcp subscribers from any on eth0,eth2",
			"xmpp-client 5222/tcp subscribers from any on eth2",
			"xmpp-server 5269/tcp subscribers from any on eth2",
			"ssh 22/tcp administrators from 198.51.100.0/24 on eth0,eth1,eth2",
			"www-admin 1443/tcp administrators from 198.51.100.0/24 on eth0,eth2",
			"ossbss 2443/tcp administrators from 198.51.100.0/24 on eth0,eth2",
			"cluster any cluster from 192.168.22.203 on eth0",
			"cluster any cluster from 192.168.255.250,192.168.255.252 on eth1",
			"cluster any cluster from 192.168.22.203 on eth2",
		}},
		{"pro", "sp2", []string{
			"www-csc 443/tcp subscribers from any on eth0",
			"sip 5060/tcp,5060/udp subscribers from any on eth0",
			"sips 5061/tcp subscribers from any on eth0",
			"rtp 30000-40000/udp subscribers from any on eth0",
			"xcap 1080/tcp subscribers from any on eth0",
			"xmpp-client 5222/tcp subscribers from any on eth0",
			"xmpp-server 5269/tcp subscribers from any on eth0",
			"ssh 22/tcp administrators from 198.51.100.0/24 on eth0,eth1",
			"www-admin 1443/tcp administrators from 198.51.100.0/24 on eth0",
			"ossbss 2443/tcp administrators from 198.51.100.0/24 on eth0",
			"cluster any cluster from 10.0.2.15,192.168.1.43 on eth0",
			"cluster any cluster from 192.168.255.250/31 on eth1",
		}},
		{"carrier", "lb01a", []string{
			"sip 5060/tcp,5060/udp subscribers from any on vlan1719",
			"sips 5061/tcp subscribers from any on vlan1719",
			"xmpp-client 5222/tcp subscribers from any on vlan1719",
			"xmpp-server 5269/tcp subscribers from any on vlan1719",
			"ssh 22/tcp administrators from 198.51.100.0/24 on vlan1721,vlan300",
			"cluster any cluster from 172.30.52.132/30,172.30.52.137,172.30.52.138/31,172.30.52.140/30 on vlan1720",
			"cluster any cluster from 172.30.52.144/31,172.30.52.146,172.30.52.167,172.30.52.168/30,172.30.52.172/31,172.30.52.175,172.30.52.179,172.30.52.180/31 on vlan1721",
		}},
		{"carrier", "prx01a", []string{
			"rtp 30000-40000/udp subscribers from any on vlan1722",
			"ssh 22/tcp administrators from 198.51.100.0/24 on vlan1721,vlan300",
			"cluster any cluster from 172.30.52.132,172.30.52.134/31,172.30.52.136/29 on vlan1720",
			"cluster any cluster from 172.30.52.144/31,172.30.52.146,172.30.52.167,172.30.52.168/31,172.30.52.170,172.30.52.172/30,172.30.52.179,172.30.52.180/31 on vlan1721",
		}},
		{"carrier", "db01a", []string{
			"ssh 22/tcp administrators from 198.51.100.0/24 on vlan1721,vlan300",
			"cluster any cluster from 172.30.52.144/31,172.30.52.146,172.30.52.167,172.30.52.168/29,172.30.52.179,172.30.52.181 on vlan1721",
		}},
		{"carrier", "web01a", []string{
			"www-csc 443/tcp subscribers from any on eth0,vlan1718",
			"xcap 1080/tcp subscribers from any on eth0,vlan1718",
			"ssh 22/tcp administrators from 198.51.100.0/24 on vlan1721,vlan300",
			"www-admin 1443/tcp administrators from 198.51.100.0/24 on eth0,vlan1721",
			"ossbss 2443/tcp administrators from 198.51.100.0/24 on eth0,vlan1721",
			"cluster any cluster from 172.30.52.132/30,172.30.52.136/30,172.30.52.140/31,172.30.52.143 on vlan1720",
			"cluster any cluster from 172.30.52.144/31,172.30.52.146,172.30.52.167,172.30.52.169,172.30.52.170/31,172.30.52.172/30,172.30.52.179,172.30.52.180/31 on vlan1721",
			"cluster any cluster from 172.30.52.167,172.30.52.169 on eth0",
			"cluster any cluster from 192.168.1.1,192.168.1.3 on bond0",
		}},
	} {
		t.Run(c.network+" "+c.host, func(t *testing.T) {
			f := files{policy: admins, network: shared(t, c.network+"/network.yml"), host: c.host}
			require.Equal(t, c.want, f.resolve(t).listing())
			require.Empty(t, f.remarks(t))
		})
	}
}

func TestFixtureConfig(t *testing.T) {
	m := files{config: shared(t, "mr2/config.yml")}.resolve(t)
	from := map[string]string{}
	for _, s := range m.Services {
		text := strings.Join(PortNames(s.Ports), " ") + " " + s.PortsFrom.LineOrigin()
		if s.Closed != "" {
			text = "closed: " + s.Closed
		}
		from[s.Name] = text
	}
	require.Equal(t, map[string]string{
		"www-csc":     "443/tcp config.yml:154",
		"sip":         "5060/udp config.yml:15",
		"sip-extra":   "closed: no kamailio.lb.extra_sockets",
		"sips":        "closed: kamailio.lb.tls.enable is missing, which means no",
		"rtp":         "30000-40000/udp config.yml:203",
		"xcap":        "closed: no nginx.xcap_port",
		"xmpp-client": "5222/tcp built in",
		"xmpp-server": "5269/tcp built in",
		"ssh":         "22/tcp built in",
		"www-admin":   "1443/tcp config.yml:90",
		"ossbss":      "2443/tcp config.yml:54",
		"cluster":     "closed: no network.yml",
	}, from)
}
