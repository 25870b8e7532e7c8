package netns_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// The service table of the seed chapter, as packets.
const (
	subscriberPorts    = "443/tcp 5060/udp 5060/tcp 5061/tcp 30000/udp 35001/udp 40000/udp 1080/tcp 5222/tcp 5269/tcp"
	administratorPorts = "22/tcp 1443/tcp 2443/tcp"
	// beside the open ones, of the other protocol, or of nobody
	closedPorts = "442/tcp 444/tcp 443/udp 5059/udp 5061/udp 5062/tcp 29999/udp 40001/udp 30000/tcp 40000/tcp " +
		"1079/tcp 1081/tcp 1080/udp 5221/tcp 5223/tcp 5222/udp 5268/tcp 5270/tcp 21/tcp 23/tcp 22/udp 1442/tcp " +
		"1444/tcp 2442/tcp 2444/tcp 1/tcp 1/udp 65535/tcp 65535/udp 3306/tcp 5060/sctp 22/sctp gre esp vrrp"
)

const everybody = `version: 1
roles:
  administrators: {allow: [198.18.0.0/24, "2001:db8:10::/48"], except: [198.18.0.66, "2001:db8:10::66"]}
`

// the ends of the administrators' networks, and who is just beside them
const (
	admins    = "198.18.0.0 198.18.0.255 198.18.0.65 198.18.0.67 2001:db8:10:: 2001:db8:10:ffff:ffff:ffff:ffff:ffff 2001:db8:10::65"
	strangers = "198.17.255.255 198.18.1.0 198.18.0.66 203.0.113.9 2001:db8:f:ffff:ffff:ffff:ffff:ffff 2001:db8:11:: 2001:db8:10::66 2001:db8:99::9"
)

func TestServiceTable(t *testing.T) {
	s := enforce(t, everybody)
	s.check(
		row{admins, subscriberPorts, "", accepted},
		row{strangers, subscriberPorts, "", accepted},
		row{admins, administratorPorts, "", accepted},
		row{strangers, administratorPorts, "", dropped},
		row{admins, closedPorts, "", dropped},
		row{strangers, closedPorts, "", dropped},
	)
}

func TestServiceTableForSomeSubscribers(t *testing.T) {
	s := enforce(t, everybody+`
  subscribers: {allow: [100.64.0.0/10, "2001:db8:20::1-2001:db8:20::9"]}
`)
	const subscribers = "100.64.0.0 100.127.255.255 2001:db8:20::1 2001:db8:20::9"
	const others = "100.63.255.255 100.128.0.0 2001:db8:20:: 2001:db8:20::a 198.18.0.1 2001:db8:10::1"
	s.check(
		row{subscribers, subscriberPorts, "", accepted},
		row{others, subscriberPorts, "", dropped},
		row{subscribers, administratorPorts + " " + closedPorts, "", dropped},
		row{"198.18.0.1 2001:db8:10::1", administratorPorts, "", accepted},
	)
}

// Not one port more is open than the table says, and not one less.
func TestEveryPort(t *testing.T) {
	s := enforce(t, everybody)
	open := map[string]bool{"udp 5060": true, "tcp 443": true, "tcp 5060": true, "tcp 5061": true, "tcp 1080": true, "tcp 5222": true, "tcp 5269": true}
	for port := 30000; port <= 40000; port++ {
		open[fmt.Sprint("udp ", port)] = true
	}
	for _, from := range []string{world4, world6} {
		for _, name := range []string{"tcp", "udp"} {
			flows := make([]lab.Flow, 0, 1<<16)
			for port := range 1 << 16 {
				flows = append(flows, lab.Flow{From: addr(from), ToPort: uint16(port), Proto: protocols[name]})
			}
			outcomes, err := s.ProbeAll(flows)
			require.NoError(t, err)
			for port, got := range outcomes[1:] {
				if want := lab.Outcome(open[fmt.Sprint(name, " ", port+1)]); got != want {
					assert.Equal(t, want.String(), got.String(), "%s %d/%s", from, port+1, name)
				}
			}
		}
	}
}

func TestChangedPortsAndSwitches(t *testing.T) {
	s := enforce(t, everybody+`
  monitoring: {allow: [198.51.100.5, "2001:db8:5::/64"]}
services:
  ssh: {ports: [2222/tcp]}
  sip: {ports: [5064/udp, 5070-5079/tcp]}
  rtp: {ports: [10000-10001/udp]}
  xcap: {enabled: false}
  www-csc: {roles: [administrators]}
  node-exporter: {ports: [9100/tcp, 9200-9201/udp, 7/sctp], roles: [monitoring]}
  turn: {ports: [443/udp], roles: [subscribers], addresses: [192.0.2.11, "2001:db8:1::11"]}
`)
	const monitors = "198.51.100.5 2001:db8:5::1"
	s.check(
		row{"198.18.0.1 2001:db8:10::1", "2222/tcp 443/tcp", "", accepted},
		row{strangers, "2222/tcp 22/tcp 443/tcp 1080/tcp 5060/udp 5060/tcp 30000/udp", "", dropped},
		row{"198.18.0.1", "22/tcp 1080/tcp", "", dropped},
		row{strangers, "5064/udp 5070/tcp 5079/tcp 10000/udp 10001/udp 5061/tcp", "", accepted},
		row{strangers, "5064/tcp 5069/tcp 5080/tcp 5070/udp 9999/udp 10002/udp", "", dropped},
		row{monitors, "9100/tcp 9200/udp 9201/udp 7/sctp", "", accepted},
		row{monitors, "9099/tcp 9101/tcp 9100/udp 9199/udp 9202/udp 7/tcp 7/udp 8/sctp", "", dropped},
		row{strangers, "9100/tcp 9200/udp 7/sctp", "", dropped},
		row{world4, "192.0.2.11:443/udp", "", accepted},
		row{world6, "[2001:db8:1::11]:443/udp", "", accepted},
		row{world4, "192.0.2.10:443/udp 192.0.2.11:443/tcp", "", dropped},
		row{world6, "[2001:db8:1::10]:443/udp [2001:db8:1::11]:443/tcp", "", dropped},
	)
}

// Two services on one port, and RTP over the SIP port: the union.
func TestSharedPorts(t *testing.T) {
	s := enforce(t, everybody+`
  carriers: {allow: [100.64.0.0/16, "2001:db8:20::/48"]}
  phones: {allow: [100.65.0.0/16, "2001:db8:21::/48"]}
services:
  sip: {roles: [carriers]}
  other-sip: {ports: [5060/udp, 5055-5065/tcp], roles: [phones]}
  rtp: {ports: [5000-6000/udp], roles: [administrators]}
`)
	s.check(
		row{"100.64.0.1 2001:db8:20::1", "5060/udp 5060/tcp", "", accepted},
		row{"100.64.0.1 2001:db8:20::1", "5059/udp 5061/udp 5059/tcp 5065/tcp 5000/udp 6000/udp", "", dropped},
		row{"100.65.0.1 2001:db8:21::1", "5060/udp 5055/tcp 5060/tcp 5065/tcp", "", accepted},
		row{"100.65.0.1 2001:db8:21::1", "5059/udp 5061/udp 5054/tcp 5066/tcp", "", dropped},
		row{"198.18.0.1 2001:db8:10::1", "5000/udp 5059/udp 5060/udp 5061/udp 6000/udp", "", accepted},
		row{"198.18.0.1 2001:db8:10::1", "4999/udp 6001/udp 5060/tcp 5055/tcp", "", dropped},
		row{world4 + " " + world6, "5000/udp 5060/udp 5060/tcp 6000/udp", "", dropped},
		row{world4 + " " + world6, "5061/tcp", "", accepted}, // sips is still built in
	)
}

// Large SIP messages come in fragments; so do large pings.
func TestFragments(t *testing.T) {
	s := enforce(t, everybody)
	for _, from := range []string{world4, world6} {
		for _, size := range []int{1400, 4000, 20000} {
			f := lab.Flow{From: addr(from), ToPort: 5060, Proto: lab.UDP, Payload: make([]byte, size)}
			checkFlows(t, s.Host, accepted, f)
			f.ToPort = 35000
			checkFlows(t, s.Host, accepted, f)
			f.ToPort = 5062
			checkFlows(t, s.Host, dropped, f)
			checkFlows(t, s.Host, accepted, lab.Flow{From: addr(from), Proto: lab.ICMP, Payload: make([]byte, size)})
		}
	}
}

// A real socket hears a large message whole, and its sender the answer.
func TestFragmentsBetweenSockets(t *testing.T) {
	s := enforce(t, everybody)
	out, err := s.Outside("eth0")
	require.NoError(t, err)
	for at, from := range map[string]string{"192.0.2.10:5060": world4 + ":5060", "[2001:db8:1::10]:5060": "[" + world6 + "]:5060"} {
		serveEcho(t, s, "udp", addrPortOf(at))
		conn, err := out.Dial("udp", addrPortOf(from), addrPortOf(at))
		require.NoError(t, err)
		defer conn.Close()
		message := make([]byte, 4000)
		for i := range message {
			message[i] = byte('a' + i%26)
		}
		exchange(t, conn, string(message))
	}
}
