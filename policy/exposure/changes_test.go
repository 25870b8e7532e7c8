package exposure

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inWords is the deltas, one a line.
func inWords(sign string, deltas []Delta) (lines []string) {
	for i, f := range DeltaFacts(deltas) {
		line := fmt.Sprintf("%s %s %s from %s", sign, f.Service, strings.Join(f.Ports, ","), strings.Join(f.Sources, ","))
		if len(f.Interfaces) > 0 {
			line += " on " + strings.Join(f.Interfaces, ",")
		}
		if len(f.Addresses) > 0 {
			line += " at " + strings.Join(f.Addresses, ",")
		}
		if deltas[i].Admin {
			line += " (admin)"
		}
		lines = append(lines, strings.ReplaceAll(line, "0.0.0.0/0,::/0", "any"))
	}
	return lines
}

func TestChangesInWords(t *testing.T) {
	const peers = "roles: {peers: {allow: [192.0.2.0/24]}}\nservices: {sip: {roles: [peers]}}\n"
	for name, c := range map[string]struct {
		before, after string
		want          []string
	}{
		"nothing":                  {peers, peers, nil},
		"carrier added":            {peers, "roles: {peers: {allow: [192.0.2.0/24, '2001:db8::/32', 192.0.2.7]}}\nservices: {sip: {roles: [peers]}}", []string{"+ sip 5060/tcp,5060/udp from 2001:db8::/32"}},
		"carrier split":            {peers, "roles: {peers: {allow: [192.0.2.0/25]}, other: {allow: [192.0.2.128/25]}}\nservices: {sip: {roles: [peers, other]}}", nil},
		"exception":                {peers, "roles: {peers: {allow: [192.0.2.0/24], except: [192.0.2.9]}}\nservices: {sip: {roles: [peers]}}", []string{"- sip 5060/tcp,5060/udp from 192.0.2.9"}},
		"expired":                  {peers, "roles: {peers: {allow: [{source: 192.0.2.0/24, expires: 2026-06-14}]}}\nservices: {sip: {roles: [peers]}}", []string{"- sip 5060/tcp,5060/udp from 192.0.2.0/24"}},
		"port moved":               {"services: {sip: {ports: [5060/udp]}}", "services: {sip: {ports: [5070/udp]}}", []string{"+ sip 5070/udp from any", "- sip 5060/udp from any"}},
		"range grown":              {"services: {rtp: {ports: [30000-40000/udp]}}", "services: {rtp: {ports: [20000-45000/udp]}}", []string{"+ rtp 20000-29999/udp,40001-45000/udp from any"}},
		"role renamed":             {peers, strings.ReplaceAll(peers, "peers", "carriers"), nil},
		"moved to another service": {"services: {x: {ports: [7/udp], roles: [subscribers]}}", "services: {y: {ports: [7/udp], roles: [subscribers]}}", nil},
		"shadowed":                 {"services: {x: {ports: [7000-8000/udp], roles: [subscribers]}}", "services: {x: {ports: [7000-8000/udp], roles: [subscribers]}, y: {ports: [7500/udp, 8001/udp], roles: [subscribers]}}", []string{"+ y 8001/udp from any"}},
		"interface bound":          {"services: {rtp: {}}", "services: {rtp: {interfaces: [eth2]}}", []string{"- rtp 30000-40000/udp from any on !eth2"}},
		"interface freed":          {"services: {rtp: {interfaces: [eth2, eth3]}}", "services: {rtp: {}}", []string{"+ rtp 30000-40000/udp from any on !eth2,!eth3"}},
		"interface moved":          {"services: {rtp: {interfaces: [eth2, eth3]}}", "services: {rtp: {interfaces: [eth3, eth4]}}", []string{"+ rtp 30000-40000/udp from any on eth4", "- rtp 30000-40000/udp from any on eth2"}},
		"address bound":            {"services: {rtp: {}}", "services: {rtp: {addresses: [192.0.2.1, '2001:db8::1']}}", []string{"- rtp 30000-40000/udp from any at !192.0.2.1,!2001:db8::1"}},
		"address added":            {"services: {rtp: {addresses: [192.0.2.1]}}", "services: {rtp: {addresses: [192.0.2.1, 192.0.2.2]}}", []string{"+ rtp 30000-40000/udp from 0.0.0.0/0 at 192.0.2.2"}},
		"address of one family":    {"services: {x: {ports: [7/udp], roles: [four]}}\nroles: {four: {allow: [any4]}}", "services: {x: {ports: [7/udp], roles: [subscribers], addresses: [192.0.2.1]}}", []string{"- x 7/udp from 0.0.0.0/0 at !192.0.2.1"}},
		"address of the other":     {"", "services: {x: {ports: [7/udp], roles: [six]}, y: {ports: [8/udp], roles: [subscribers], addresses: ['2001:db8::1']}}\nroles: {six: {allow: [any6]}}", []string{"+ x 7/udp from ::/0", "+ y 8/udp from ::/0 at 2001:db8::1"}},
		"limit is no reach":        {"services: {rtp: {}}", "services: {rtp: {limit: {rate: 5/second}}}", nil},
		"worst first": {"services: {rtp: {enabled: false}, xcap: {roles: [administrators]}}", "roles: {administrators: {allow: [198.51.100.0/24]}}", []string{
			"+ ssh 22/tcp from 198.51.100.0/24 (admin)", "+ www-admin 1443/tcp from 198.51.100.0/24 (admin)", "+ ossbss 2443/tcp from 198.51.100.0/24 (admin)",
			"+ rtp 30000-40000/udp from any", "+ xcap 1080/tcp from any"}},
		"own for administrators":       {"roles: {administrators: {allow: [192.0.2.7]}}\nservices: {x: {ports: [7/udp], roles: [administrators]}}", "roles: {administrators: {allow: [192.0.2.7]}, b: {allow: [192.0.2.8]}}\nservices: {x: {ports: [7/udp], roles: [b, administrators]}}", []string{"+ x 7/udp from 192.0.2.8 (admin)"}},
		"own for administrators, none": {"services: {x: {ports: [7/udp], roles: [administrators]}}", "services: {x: {ports: [7/udp], roles: [subscribers]}}", []string{"+ x 7/udp from any (admin)"}},
		"wider is worse":               {"services: {sip: {roles: []}}", "roles: {b: {allow: [192.0.2.0/24]}, a: {allow: [198.51.100.7]}, c: {allow: [10.0.0.0/8]}}\nservices: {sip: {roles: []}, a: {ports: [1/udp], roles: [a]}, b: {ports: [2/udp], roles: [b]}, c: {ports: [3/udp], roles: [c]}}", []string{"+ c 3/udp from 10.0.0.0/8", "+ b 2/udp from 192.0.2.0/24", "+ a 1/udp from 198.51.100.7"}},
		"any of a family":              {"", "roles: {a: {allow: ['2001:db8::/32', 10.0.0.0/8]}}\nservices: {a: {ports: [1/udp], roles: [a]}, b: {ports: [2/udp], roles: [subscribers], addresses: ['2001:db8::1']}}", []string{"+ b 2/udp from ::/0 at 2001:db8::1", "+ a 1/udp from 10.0.0.0/8,2001:db8::/32"}},
		"closed and widened":           {"roles: {a: {allow: [192.0.2.0/24]}}\nservices: {x: {ports: [7/udp], roles: [a]}}", "services: {x: {ports: [7/udp], roles: [subscribers]}}", []string{"+ x 7/udp from 0.0.0.0/1,128.0.0.0/2,192.0.0.0/23,192.0.3.0/24,192.0.4.0/22,192.0.8.0/21,192.0.16.0/20,192.0.32.0/19,192.0.64.0/18,192.0.128.0/17,192.1.0.0/16,192.2.0.0/15,192.4.0.0/14,192.8.0.0/13,192.16.0.0/12,192.32.0.0/11,192.64.0.0/10,192.128.0.0/9,193.0.0.0/8,194.0.0.0/7,196.0.0.0/6,200.0.0.0/5,208.0.0.0/4,224.0.0.0/3,::/0"}},
	} {
		t.Run(name, func(t *testing.T) {
			change := Compare(files{policy: c.before}.resolve(t), files{policy: c.after}.resolve(t))
			require.Equal(t, c.want, append(inWords("+", change.Gained), inWords("-", change.Lost)...))
			require.Equal(t, len(c.want) == 0, change.IsEmpty())
		})
	}
}

func TestChangesWithTheCluster(t *testing.T) {
	before := files{network: pair, host: "sp1", policy: "services: {cluster: {enabled: false}}"}.resolve(t)
	after := files{network: pair, host: "sp1"}.resolve(t)
	require.Equal(t, []string{"+ cluster any from 10.0.0.2/31 on eth1"}, inWords("+", Compare(before, after).Gained))
	wide := files{network: pair, host: "sp1", policy: "services: {cluster: {enabled: false}, sip: {interfaces: [eth0, eth1]}}"}.resolve(t)
	require.Equal(t, []string{
		"+ cluster 1-5059/tcp,5061-65535/tcp,1-5059/udp,5061-65535/udp,1-65535/sctp,other protocols from 10.0.0.2/31 on eth1",
	}, inWords("+", Compare(wide, after).Gained))
}

func TestDenyIsLostEverywhere(t *testing.T) {
	change := Compare(files{}.resolve(t), files{policy: "deny: [192.0.2.0/25]"}.resolve(t))
	require.Empty(t, change.Gained)
	require.Len(t, change.Lost, 7)
	require.Equal(t, "- www-csc 443/tcp from 192.0.2.0/25", inWords("-", change.Lost)[0])
}
