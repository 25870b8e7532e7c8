package exposure

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCluster(t *testing.T) {
	const network = `
hosts:
  a:
    interfaces: [lo, eth0, "eth0:1", eth1, eth2]
    role: [proxy]
    lo: {ip: 127.0.0.1, type: [ha_int]}
    eth0: {ip: 10.0.0.1, type: [ha_int]}
    eth0:1: {ip: 10.1.0.1, shared_ip: 10.1.0.9, type: [sip_int, ssh_ext]}
    eth1: {ip: 192.0.2.1, type: [rtp_ext, ssh_ext]}
    eth2: {ip: 10.2.0.1, type: [_int, web_interface]}
    eth3: {ip: 10.3.0.1, type: [ha_int]}
  b:
    interfaces: [lo, eth5, eth6]
    role: [proxy]
    lo: {ip: 127.0.0.1, type: [sip_int]}
    eth5: {ip: 10.0.0.2, v6ip: '2001:db8::2', type: [ha_int]}
    eth6: {ip: 10.1.0.2, shared_ip: [10.1.0.9], type: [sip_int]}
    eth7: {ip: 10.9.0.2, type: [ha_int]}
`
	for name, c := range map[string]struct {
		policy, service string
		want            []string
	}{
		"cluster":   {"", "cluster", []string{"cluster any cluster from 10.0.0.2,10.1.0.2,10.1.0.9,2001:db8::2 on eth0"}},
		"denied":    {"deny: [10.1.0.0/16]", "cluster", []string{"cluster any cluster from 10.0.0.2,2001:db8::2 on eth0"}},
		"off":       {"services: {cluster: {enabled: false}}", "cluster", nil},
		"elsewhere": {"services: {cluster: {interfaces: [eth1]}}", "cluster", nil},
		"there":     {"services: {cluster: {interfaces: [eth1, eth0]}}", "cluster", []string{"cluster any cluster from 10.0.0.2,10.1.0.2,10.1.0.9,2001:db8::2 on eth0"}},
		"one's own": {"services: {x: {ports: [9100/tcp], roles: [subscribers, cluster]}}", "x", []string{
			"x 9100/tcp subscribers from any", "x 9100/tcp cluster from 10.0.0.2,10.1.0.2,10.1.0.9,2001:db8::2 on eth0"}},
		"one's own elsewhere": {"services: {x: {ports: [9100/tcp], roles: [cluster], interfaces: [eth1]}}", "x", []string{"x 9100/tcp cluster from  on eth1"}},
		"a built-in one":      {"services: {ssh: {roles: [cluster]}}", "ssh", []string{"ssh 22/tcp cluster from 10.0.0.2,10.1.0.2,10.1.0.9,2001:db8::2 on eth0"}},
		"alias, old rtp":      {"services: {ssh: {roles: [subscribers]}}", "ssh", []string{"ssh 22/tcp subscribers from any on eth0,eth1"}},
		"no function rtp":     {"", "rtp", []string{"rtp 30000-40000/udp subscribers from any on eth1"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := files{policy: c.policy, network: network, host: "a"}.resolve(t)
			require.Equal(t, c.want, of(c.service, m.listing()))
		})
	}
	m := files{policy: "services: {cluster: {interfaces: [eth1]}}", network: network, host: "a"}.resolve(t)
	require.Equal(t, "no other host on these interfaces", m.service(t, "cluster").Closed)
	f := files{policy: "roles: {administrators: {allow: [any6, 192.0.2.1]}}\nservices: {ssh: {roles: [cluster], interfaces: [eth1]}}", network: network, host: "a"}
	require.Contains(t, f.remarks(t), "policy.yml: warning: the cluster has no other host there: ssh can be reached by nobody [role-empty]")
}

func TestRoleClusterWithoutNetwork(t *testing.T) {
	f := files{policy: admins + "services: {x: {ports: [9100/tcp], roles: [cluster]}}"}
	require.Equal(t, []string{"x 9100/tcp cluster from "}, of("x", f.resolve(t).listing()))
	require.Equal(t, []string{"policy.yml: warning: the cluster has no other host there: x can be reached by nobody [role-empty]"}, f.remarks(t))
}

func TestRTPWhereAnotherHostHasTheFunction(t *testing.T) {
	const network = `
hosts:
  a: {interfaces: [eth1], role: [proxy], eth1: {ip: 192.0.2.1, type: [rtp_ext, ssh_ext]}}
  b: {interfaces: [eth1], role: [rtp], eth1: {ip: 192.0.2.2, type: [rtp_ext, ssh_ext]}}
`
	m := files{network: network, host: "a"}.resolve(t)
	require.Equal(t, "a does not have the role rtp in network.yml", m.service(t, "rtp").Closed)
	m = files{network: network, host: "b"}.resolve(t)
	require.Equal(t, []string{"eth1"}, m.service(t, "rtp").Interfaces)
}
