package netns_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/nftables/binaryutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/netns_test/lab"
)

// Of linux/netfilter/nfnetlink_log.h.
const (
	nflogConfig    = 1 // NFULNL_MSG_CONFIG
	nflogCommand   = 1 // NFULA_CFG_CMD, with NFULNL_CFG_CMD_BIND
	nflogBind      = 1
	nflogThreshold = 5  // NFULA_CFG_QTHRESH
	nflogPrefix    = 10 // NFULA_PREFIX
)

// listener hears what the host's kernel logs to an NFLOG group.
type listener struct {
	t  *testing.T
	fd int
}

func listen(t *testing.T, h *lab.Host, group uint16) (l listener) {
	t.Helper()
	l.t = t
	require.NoError(t, h.Do(func() (err error) {
		l.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		return err
	}))
	t.Cleanup(func() { assert.NoError(t, unix.Close(l.fd)) })
	require.NoError(t, unix.Bind(l.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	require.NoError(t, unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20))
	l.ask(group, attribute(nflogCommand, []byte{nflogBind}))
	l.ask(group, attribute(nflogThreshold, binary.BigEndian.AppendUint32(nil, 1))) // nothing waits in the kernel
	return l
}

// ask sends a request about a group, and waits until it is acknowledged.
func (l listener) ask(group uint16, attributes []byte) {
	l.t.Helper()
	order := binaryutil.NativeEndian
	body := append(binary.BigEndian.AppendUint16([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0}, group), attributes...)
	kind := uint16(unix.NFNL_SUBSYS_ULOG<<8 | nflogConfig)
	head := append(order.PutUint32(uint32(unix.NLMSG_HDRLEN+len(body))), order.PutUint16(kind)...)
	head = append(append(head, order.PutUint16(unix.NLM_F_REQUEST|unix.NLM_F_ACK)...), make([]byte, 8)...)
	require.NoError(l.t, unix.Sendto(l.fd, append(head, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	answer := make([]byte, 4096)
	_, _, err := unix.Recvfrom(l.fd, answer, 0)
	require.NoError(l.t, err)
	require.Zero(l.t, order.Uint32(answer[unix.NLMSG_HDRLEN:]), "refused by the kernel")
}

func attribute(kind uint16, data []byte) []byte {
	a := append(binaryutil.NativeEndian.PutUint16(uint16(4+len(data))), binaryutil.NativeEndian.PutUint16(kind)...)
	a = append(a, data...)
	return append(a, make([]byte, -len(a)&3)...)
}

// heard is how many packets were logged with each prefix until it is quiet.
func (l listener) heard() map[string]int {
	l.t.Helper()
	wait := unix.NsecToTimeval(int64(quiet))
	require.NoError(l.t, unix.SetsockoptTimeval(l.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait))
	prefixes, buffer := map[string]int{}, make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(l.fd, buffer, 0)
		if err == unix.EAGAIN {
			return prefixes
		}
		require.NoError(l.t, err)
		for rest := buffer[:n]; len(rest) >= unix.NLMSG_HDRLEN; {
			length := int(binaryutil.NativeEndian.Uint32(rest))
			prefixes[prefixOf(rest[unix.NLMSG_HDRLEN+4:length])]++
			rest = rest[min((length+3)&^3, len(rest)):]
		}
	}
}

func prefixOf(attributes []byte) string {
	for len(attributes) >= 4 {
		length, kind := int(binaryutil.NativeEndian.Uint16(attributes)), binaryutil.NativeEndian.Uint16(attributes[2:])
		if kind == nflogPrefix {
			return strings.TrimRight(string(attributes[4:length]), "\x00")
		}
		attributes = attributes[min((length+3)&^3, len(attributes)):]
	}
	return ""
}

const logging = `version: 1
roles:
  administrators: {allow: [192.0.2.0/24, "2001:db8:10::/48"]}
services:
  sip: {limit: {rate: 1/hour, burst: 2}}
  snmp: {ports: [161/udp], roles: [administrators]}
  ntp: {ports: [161/udp], roles: [administrators]}
  syslog: {ports: [514/udp], roles: [administrators]}
deny: [198.51.100.66]
`

// manyRefusals is packets for each reason, by the words in the log.
func manyRefusals(t *testing.T) map[string][]lab.Flow {
	return map[string][]lab.Flow{
		"refused snmp ntp": repeat(t, "203.0.113.9", "161/udp", 20),
		"refused syslog":   repeat(t, "203.0.113.9", "514/udp", 20),
		"refused":          repeat(t, "203.0.113.9", "9999/udp", 20),
		"denied":           repeat(t, "198.51.100.66", "30000/udp", 20),
		"limited sip":      repeat(t, "203.0.113.9", "5060/udp", 22)[2:],
	}
}

// Each packet that is refused is logged, with the reason and the service; while
// the policy only observes, the same.
func TestLogNamesReasonAndService(t *testing.T) {
	for _, observe := range []string{"", "observe: true\n"} {
		s := enforce(t, logging+"log: {rate: 1000000/second, group: 5}\n"+observe)
		l := listen(t, s.Host, 5)
		want := map[string]int{}
		checkFlows(t, s.Host, accepted, repeat(t, "203.0.113.9", "5060/udp", 2)...)
		for words, flows := range manyRefusals(t) {
			want["ngcp-fw "+words+": "] = len(flows)
			for part := flows; len(part) > 0; part = part[min(5, len(part)):] { // no more at once than the burst
				checkFlows(t, s.Host, observe != "", part[:min(5, len(part))]...)
			}
		}
		assert.Equal(t, want, l.heard(), observe)
	}
}

// The log has the rate for each reason and family, however many services refuse;
// what is over it is refused and counted all the same.
func TestLogIsHeldToItsRate(t *testing.T) {
	s := enforce(t, logging+"log: {rate: 1/hour, group: 7}\n")
	l, other := listen(t, s.Host, 7), listen(t, s.Host, 8)
	checkFlows(t, s.Host, accepted, repeat(t, "203.0.113.9", "5060/udp", 2)...)
	before := s.scrape()
	for _, flows := range manyRefusals(t) {
		checkFlows(t, s.Host, dropped, flows...)
	}
	byReason := map[string]int{}
	for prefix, times := range l.heard() {
		reason, _, _ := strings.Cut(strings.Trim(strings.TrimPrefix(prefix, "ngcp-fw "), ": "), " ")
		byReason[reason] += times
	}
	assert.Equal(t, map[string]int{"refused": 5, "denied": 5, "limited": 5}, byReason, "the burst")
	checkFlows(t, s.Host, dropped, repeat(t, "2001:db8:99::9", "9999/udp", 20)...)
	assert.Equal(t, map[string]int{"ngcp-fw refused: ": 5}, l.heard())
	assert.Empty(t, other.heard())
	delta := grown(before, s.scrape())
	assert.EqualValues(t, 20, delta["dropped_packets_total{reason=denied}"])
	assert.EqualValues(t, 40, delta["dropped_packets_total{reason=refused}"])
	assert.EqualValues(t, 20, delta["dropped_packets_total{reason=limited,service=sip}"])
}
