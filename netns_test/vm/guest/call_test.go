package guest

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// end is one phone of a call: its socket, rtpengine's port for it, and what came.
type end struct {
	socket  net.PacketConn
	relay   net.Addr
	sent    atomic.Uint32
	heard   atomic.Uint32 // packets of the other phone
	strange atomic.Uint32 // what else came: the same once more, or nobody's
}

// call is a call of two phones through rtpengine.
type call struct {
	id   string
	ends [2]*end
}

var (
	mediaPort   = regexp.MustCompile(`(?m)^m=audio (\d+) `)
	mediaSource = regexp.MustCompile(`(?m)^c=IN IP[46] (\S+)\r?$`)
)

// dial sets a call up, with the first phone at the first address and the second
// at the second; it ends with the test.
func dial(t *testing.T, from, to string) *call {
	t.Helper()
	c := &call{id: fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano())}
	addrs := [2]netip.Addr{netip.MustParseAddr(from), netip.MustParseAddr(to)}
	for i, addr := range addrs {
		c.ends[i] = &end{socket: phones[i].listen(t, addr)}
	}
	offer := c.command("offer", c.sdp(0))
	offer["address family"] = family(addrs[1])
	offer["direction"] = []string{"l", "r"}
	c.ends[1].relay = relayOf(t, ask(t, "ok", offer))
	answer := c.command("answer", c.sdp(1))
	answer["to-tag"] = "b"
	answer["address family"] = family(addrs[0])
	c.ends[0].relay = relayOf(t, ask(t, "ok", answer))
	for i, e := range c.ends {
		go e.listen(uint32(1 - i))
	}
	return c
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IP4"
	}
	return "IP6"
}

func (c *call) command(name, sdp string) dictionary {
	return dictionary{"command": name, "call-id": c.id, "from-tag": "a", "ICE": "remove", "sdp": sdp}
}

// sdp is a phone's offer of G.711 (RFC 8866, RFC 3551).
func (c *call) sdp(i int) string {
	at := c.ends[i].socket.LocalAddr().(*net.UDPAddr).AddrPort()
	f, addr := family(at.Addr()), at.Addr()
	return fmt.Sprintf("v=0\r\no=- 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=sendrecv\r\n",
		f, addr, f, addr, at.Port())
}

func relayOf(t *testing.T, answer dictionary) net.Addr {
	sdp := fmt.Sprint(answer["sdp"])
	port, source := mediaPort.FindStringSubmatch(sdp), mediaSource.FindStringSubmatch(sdp)
	require.NotNil(t, port, sdp)
	require.NotNil(t, source, sdp)
	addr, err := net.ResolveUDPAddr("udp", net.JoinHostPort(source[1], port[1]))
	require.NoError(t, err)
	return addr
}

// hangUp ends the call, and its streams in the kernel.
func (c *call) hangUp(t *testing.T) {
	t.Helper()
	ask(t, "ok", dictionary{"command": "delete", "call-id": c.id, "from-tag": "a", "delete-delay": "0"})
}

// packet is an RTP packet of 20 ms of G.711 (RFC 3550, RFC 3551): 12 bytes of
// header, 160 of sound.
func packet(number, source uint32) []byte {
	p := make([]byte, 12+160)
	p[0], p[1] = 2<<6, 8 // version 2; PCMA
	binary.BigEndian.PutUint16(p[2:], uint16(number))
	binary.BigEndian.PutUint32(p[4:], number*160)
	binary.BigEndian.PutUint32(p[8:], source)
	return p
}

// send sends the next packet.
func (e *end) send(source uint32) error {
	_, err := e.socket.WriteTo(packet(e.sent.Load(), source), e.relay)
	e.sent.Add(1)
	return err
}

// listen counts what the other phone sent, until the socket is closed. A packet
// in the kernel may overtake one in user space.
func (e *end) listen(source uint32) {
	buffer := make([]byte, 2048)
	seen := map[uint32]bool{}
	for {
		n, _, err := e.socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		number := binary.BigEndian.Uint32(buffer[4:]) / 160
		if n != 172 || binary.BigEndian.Uint32(buffer[8:]) != source || seen[number] {
			e.strange.Add(1)
			continue
		}
		seen[number] = true
		e.heard.Add(1)
	}
}

// interval is between two packets of a phone.
const interval = 20 * time.Millisecond

// say has the phones whose numbers are given talk until it is enough.
func (c *call) say(t *testing.T, enough func(packets int) bool, who ...int) {
	t.Helper()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := 0; !enough(n); n++ {
		for _, i := range who {
			assert.NoError(t, c.ends[i].send(uint32(i)))
		}
		<-tick.C
	}
}

// sentence is the packets that a phone sends where nothing else says how many.
const sentence = 30

func oneSentence(packets int) bool { return packets >= sentence }

// monologue has one talk, and waits for what should not come.
func (c *call) monologue(t *testing.T, who int) {
	t.Helper()
	c.say(t, oneSentence, who)
	time.Sleep(300 * time.Millisecond)
}

// otherWayOpen asserts that the first phone hears all that the second one sent,
// though it may take a busy machine a while.
func (c *call) otherWayOpen(t *testing.T) {
	t.Helper()
	assert.Eventually(t, func() bool { return c.ends[0].heard.Load() == c.ends[1].sent.Load() }, 10*time.Second, 50*time.Millisecond, "the other way is open")
}

// converse has both talk, asserts that nothing got lost, and gives the number of
// packets that the kernel forwarded.
func (c *call) converse(t *testing.T) (kernel int) {
	t.Helper()
	before := inKernel(t)
	c.say(t, oneSentence, 0, 1)
	c.complete(t)
	return inKernel(t) - before
}

// keepTalking has both talk until stop is called.
func (c *call) keepTalking(t *testing.T) (stop func()) {
	var enough atomic.Bool
	silent := make(chan struct{})
	go func() {
		defer close(silent)
		c.say(t, func(int) bool { return enough.Load() }, 0, 1)
	}()
	return func() {
		enough.Store(true)
		<-silent
	}
}

// complete asserts that each hears all that the other sent.
func (c *call) complete(t *testing.T) {
	t.Helper()
	for i, e := range c.ends {
		assert.Eventually(t, func() bool { return e.heard.Load() == c.ends[1-i].sent.Load() }, 5*time.Second, 10*time.Millisecond)
		assert.Equal(t, c.ends[1-i].sent.Load(), e.heard.Load(), "heard by phone %d", i)
		assert.Zero(t, e.strange.Load(), "phone %d", i)
	}
}

// connect dials, and has both say a first word: by it rtpengine learns where the
// phones are, and has the streams in the kernel, if it has a table there.
func connect(t *testing.T, from, to string) *call {
	t.Helper()
	c := dial(t, from, to)
	c.say(t, func(packets int) bool { return packets == firstWords }, 0, 1)
	c.complete(t)
	if _, err := os.Stat(list); err == nil {
		require.Eventually(t, func() bool { return c.streams(t) == 2 }, 5*time.Second, 20*time.Millisecond)
	}
	return c
}

// firstWords is how many packets a phone says at first.
const firstWords = 1

// streams is how many streams of the call the kernel has.
func (c *call) streams(t *testing.T) (n int) {
	t.Helper()
	text, err := os.ReadFile(list)
	require.NoError(t, err)
	ports := map[string]bool{}
	for _, e := range c.ends {
		ports[strconv.Itoa(e.relay.(*net.UDPAddr).Port)] = true
	}
	for _, m := range localPort.FindAllStringSubmatch(string(text), -1) {
		if ports[m[1]] {
			n++
		}
	}
	return n
}

// localPort is a stream's port in the module's list.
var localPort = regexp.MustCompile(`(?m)^local .*:(\d+)$`)

// everything is what the kernel forwards of a conversation.
const everything = 2 * sentence

// total is the number of a call's packets that came to rtpengine, those in
// the kernel included, which the daemon asks for every second.
func (c *call) total(t *testing.T) int64 {
	t.Helper()
	answer := ask(t, "ok", dictionary{"command": "query", "call-id": c.id})
	totals, _ := answer["totals"].(dictionary)
	rtp, _ := totals["RTP"].(dictionary)
	packets, ok := rtp["packets"].(int64)
	require.True(t, ok, answer)
	return packets
}
