package main

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// Ports of the streams.
const (
	rtpPort = 30000
	sipPort = 5060
)

// callers is how many sources send RTP at a time.
const callers = 1024

// allowlist is so many IPv4 prefixes, spread over 10.0.0.0/8 with as much room
// between them, so that none melts with the next.
type allowlist uint32

// stride is how far one prefix begins after the other.
func (n allowlist) stride() uint32 { return 1 << (bits.Len32(1<<24/uint32(n)) - 1) }

// prefixes is the list's members.
func (n allowlist) prefixes() []string {
	list := make([]string, n)
	for i := range list {
		a := firstSource + uint32(i)*n.stride()
		list[i] = fmt.Sprintf("%d.%d.%d.%d/%d", a>>24, a>>16&255, a>>8&255, a&255, 33-bits.TrailingZeros32(n.stride()))
	}
	return list
}

// yaml and nft write lists in the same way.
func (n allowlist) String() string { return strings.Join(n.prefixes(), ", ") }

// stream is packets from sources on the list, in turn.
func (n allowlist) stream(port uint16, sources uint32) stream {
	return stream{port: port, sources: sources, prefixes: uint32(n), stride: n.stride()}
}

// host is a host to be measured.
type host struct {
	name    string
	stream  stream
	load    func() error // puts its ruleset there
	packets int          // of one sample
}

// perPacket measures the hosts in turn: the median processor time of one packet,
// by name.
func perPacket(rounds int, hosts []host) (costs map[string]time.Duration, err error) {
	var runs []func() (sample, error)
	for _, h := range hosts {
		p, err := newPacketHost(h.stream, h.load)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.name, err)
		}
		defer p.close()
		runs = append(runs, func() (sample, error) {
			took, err := p.cost(h.packets)
			return sample{wall: took}, err
		})
	}
	medians, err := interleaved(rounds, runs...)
	if err != nil {
		return nil, err
	}
	costs = map[string]time.Duration{}
	for i, h := range hosts {
		costs[h.name] = medians[i].wall
	}
	return costs, nil
}

// packetRow compares two hosts by what one packet costs; without a limit it is
// for information.
func packetRow(costs map[string]time.Duration, what, ours, theirs string, limit float64) row {
	ns := func(name string) string { return fmt.Sprintf("%d ns", costs[name].Nanoseconds()) }
	r := ratioRow(what, float64(costs[ours])/float64(costs[theirs]), ns(ours), theirs+": "+ns(theirs), limit)
	if limit == 0 {
		r.Goal = ""
	}
	return r
}
