// Package rehearse asks a kernel for verdicts, by real packets through the real
// ruleset, where neither matters to anybody: in a network namespace that has
// nothing else in it, and dies with the process.
//
// Again runs the program once more in such a namespace, and Run is what that
// one does there. Each packet comes in by a link of the name it is said to come
// by, one end of a veth pair into whose other end it is written. A table beside
// the ruleset counts, first and last at the input hook, and so tells whether the
// packet came to the rules, and whether it came through them. It ends there: no
// connection is tracked, nobody answers, and so no packet depends on an earlier
// one.
package rehearse

import (
	"errors"
	"fmt"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// Outcome is what the kernel made of a packet.
type Outcome uint8

// The outcomes.
const (
	Refused  Outcome = iota // dropped before it came to any rule, as martians are
	Dropped                 // by the ruleset
	Accepted                // by the ruleset
)

// Run puts the table into the kernel of this network namespace, which must be
// one of Again's, and sends it the packets, each as the first of its flow
// (whatever its State). It tells what became of each.
//
// The kernel's own sieve is opened as far as it goes: any source may come by any
// link, and every destination is an address of this host. What a rate meter
// noted of one packet is forgotten before the next one of that source.
func Run(table *ruleset.Table, packets []ruleset.Packet) ([]Outcome, error) {
	if err := alone(); err != nil {
		return nil, err
	}
	conn, err := kernel.Open()
	if err != nil {
		return nil, allowed(err)
	}
	defer conn.Close()
	if _, err := conn.Apply(table); err != nil {
		return nil, fmt.Errorf("cannot load the ruleset into a network namespace of its own: %w", allowed(err))
	}
	r, err := newRun(conn, packets)
	if err != nil {
		return nil, err
	}
	defer r.wires.close()
	return r.all(table, packets)
}

// allowed gives another error than that root is missing: we are root here, but
// of a namespace where that does not count.
func allowed(err error) error {
	if errors.Is(err, kernel.ErrPermission) {
		return ErrNotAllowed
	}
	return err
}

// run is a namespace that is ready for packets.
type run struct {
	conn     *kernel.Conn
	observer *observer
	wires    *wires
}

// newRun prepares the namespace for these packets.
func newRun(conn *kernel.Conn, packets []ruleset.Packet) (r *run, err error) {
	r = &run{conn: conn}
	if r.observer, err = newObserver(conn); err != nil {
		return nil, err
	}
	r.wires, err = newWires(packets)
	return r, err
}

// all sends the packets through the table, which is in force.
func (r *run) all(table *ruleset.Table, packets []ruleset.Packet) ([]Outcome, error) {
	release, err := oneCPU()
	if err != nil {
		return nil, err
	}
	defer release()
	meters := newMeters(r.conn, table)
	outcomes := make([]Outcome, len(packets))
	for i, p := range packets {
		if err := meters.forget(p.Src); err != nil {
			return nil, fmt.Errorf("cannot empty the rate meters: %w", err)
		}
		if outcomes[i], err = r.one(p); err != nil {
			return nil, fmt.Errorf("packet from %s to %s by %s: %w", p.Src, p.Dst, p.In, err)
		}
	}
	return outcomes, nil
}

// one sends a packet and, behind it, the signal, which comes when the kernel has
// done with the packet.
func (r *run) one(p ruleset.Packet) (Outcome, error) {
	if err := r.wires.send(p.In, p.Src.Is6(), packet(p)); err != nil {
		return 0, err
	}
	if err := r.wires.send(p.In, false, signal); err != nil {
		return 0, err
	}
	return r.observer.outcome()
}
