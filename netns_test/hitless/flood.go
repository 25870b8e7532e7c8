package hitless

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"ngcp-fw/netns_test/lab"
)

// Link is the host's link for floods and connections.
var Link = lab.Link{Name: "eth0", Addrs: []string{hostAddress + "/24"}}

const hostAddress = "192.0.2.10"

// Count is what became of a flood.
type Count struct {
	Allowed, Forbidden int           // packets that came to the host, by what all policies say of them
	Lost               int           // allowed ones that did not get through
	LetIn              int           // forbidden ones that did
	Time               time.Duration // of the flood
}

// Rate is packets a second that came to the host.
func (c Count) Rate() int {
	return int(float64(c.Allowed+c.Forbidden) / c.Time.Seconds())
}

// Source ports tell the two kinds of packets apart: 1001 to 1999 is allowed, 2001
// to 2999 forbidden.
const (
	allowedPort   = 1001
	forbiddenPort = 2001
)

// flows is the flood: what every policy of Variants accepts, and what it refuses.
var flows = []struct {
	from     string
	fromPort uint16
	port     uint16
}{
	{subscriber, allowedPort, 5060},
	{subscriber, allowedPort + 1, 35000},
	{subscriber, allowedPort + 2, 30000},
	{subscriber, forbiddenPort, 7000},
	{stranger, forbiddenPort + 1, 35000},
	{denied, forbiddenPort + 2, 7100},
}

// tally counts the flood where it comes, before everything, and behind all that
// may refuse it, in a table that has nothing to do with the one that is changed.
// The second chain's drop spares the host an answer, and keeps each packet the
// first of its flow: nothing is let through because an earlier packet was.
const tally = `table inet tally {
	counter came-allowed { }
	counter came-forbidden { }
	counter passed-allowed { }
	counter passed-forbidden { }
	chain before {
		type filter hook prerouting priority -500;
		udp sport 1001-1999 counter name came-allowed
		udp sport 2001-2999 counter name came-forbidden
	}
	chain behind {
		type filter hook input priority 500;
		udp sport 1001-1999 counter name passed-allowed drop
		udp sport 2001-2999 counter name passed-forbidden drop
	}
}
`

// settle is how long the last packets of a flood take to the counters.
const settle = 50 * time.Millisecond

// UnderFlood runs the change under a flood of so many packets a second, or of as
// many as the machine can send where rate is 0, and counts. A ruleset has to be in
// force on the host.
func UnderFlood(h *lab.Host, rate int, change func() error) (c Count, err error) {
	if r := h.RunInput(tally, "nft", "-f", "-"); r.Code != 0 {
		return c, fmt.Errorf("cannot count packets: %s", r.Stderr)
	}
	defer h.Run("nft", "delete", "table", "inet", "tally")
	begin := time.Now()
	stop, err := startFlood(h, rate)
	if err != nil {
		return c, err
	}
	err = errors.Join(change(), stop())
	c.Time = time.Since(begin)
	if err != nil {
		return c, err
	}
	time.Sleep(settle)
	return c, c.read(h)
}

// startFlood sends every flow's next packet in turn until it is stopped; stop
// gives the error that ended it earlier.
func startFlood(h *lab.Host, rate int) (stop func() error, err error) {
	outside, err := h.Outside(Link.Name)
	if err != nil {
		return nil, err
	}
	var conns []net.Conn
	for _, f := range flows {
		from := netip.AddrPortFrom(netip.MustParseAddr(f.from), f.fromPort)
		conn, err := outside.Dial("udp", from, netip.AddrPortFrom(netip.MustParseAddr(hostAddress), f.port))
		if err != nil {
			return nil, err
		}
		conns = append(conns, conn)
	}
	var stopped atomic.Bool
	ended := make(chan error, 1)
	go func() { ended <- send(conns, rate, &stopped) }()
	return func() error { stopped.Store(true); return <-ended }, nil
}

func send(conns []net.Conn, rate int, stopped *atomic.Bool) error {
	defer closeAll(conns)
	payload := make([]byte, 172) // 20 ms of G.711 in RTP (RFC 3551 section 4.5.14, RFC 3550 section 5.1)
	begin, sent := time.Now(), 0
	for !stopped.Load() {
		if ahead := due(sent, rate) - time.Since(begin); ahead > time.Millisecond {
			time.Sleep(ahead)
		}
		for _, c := range conns {
			if _, err := c.Write(payload); err != nil {
				return err
			}
			sent++
		}
	}
	return nil
}

// due is when so many packets should have been sent.
func due(sent, rate int) time.Duration {
	if rate == 0 {
		return 0
	}
	return time.Duration(float64(sent) / float64(rate) * float64(time.Second))
}

// read fills in what the counters say.
func (c *Count) read(h *lab.Host) error {
	r := h.Run("nft", "-j", "list", "counters", "table", "inet", "tally")
	var listing struct {
		Nftables []struct {
			Counter struct {
				Name    string
				Packets int
			}
		}
	}
	if err := json.Unmarshal([]byte(r.Stdout), &listing); err != nil {
		return fmt.Errorf("cannot read the counters: %s: %w", r.Stderr, err)
	}
	packets := map[string]int{}
	for _, object := range listing.Nftables {
		packets[object.Counter.Name] = object.Counter.Packets
	}
	c.Allowed, c.Forbidden = packets["came-allowed"], packets["came-forbidden"]
	c.Lost, c.LetIn = c.Allowed-packets["passed-allowed"], packets["passed-forbidden"]
	return nil
}
