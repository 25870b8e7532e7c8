package lab

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Outcome is what became of a probe.
type Outcome bool

// Accepted: the packet got to the sockets of the host. Dropped: it did not.
const (
	Accepted Outcome = true
	Dropped  Outcome = false
)

func (o Outcome) String() string {
	if o {
		return "accepted"
	}
	return "dropped"
}

// Probe sends one packet and tells what became of it.
func (h *Host) Probe(f Flow) (Outcome, error) {
	outcomes, err := h.ProbeAll([]Flow{f})
	if err != nil {
		return Dropped, err
	}
	return outcomes[0], nil
}

// ProbeAll sends a packet for each flow, in their order, and tells what became of
// each. Flows that differ in nothing share their fate. A flood of other packets at
// the same time can hide probes, which are seen through sockets' buffers.
func (h *Host) ProbeAll(flows []Flow) ([]Outcome, error) {
	return h.probe(flows, h.ns)
}

// ProbeThrough sends packets that are not for the host and tells which of them
// arrived outside of the link, forwarded by it.
func (h *Host) ProbeThrough(link string, flows []Flow) ([]Outcome, error) {
	w, err := h.link(link)
	if err != nil {
		return nil, err
	}
	return h.probe(flows, w.ns)
}

// room is how much may be under way at once: what arrives has to wait in a socket's
// buffer of 212992 bytes (net.core.rmem_default), where a packet takes its length
// rounded up, at worst to twice as much, and its description.
const (
	room        = 200_000
	description = 1024
)

// chunk is how many of the flows can be under way at once; at least one.
func chunk(flows []Flow) int {
	space := room
	for i, f := range flows {
		if space -= 2*len(f.Payload) + description; space < 0 && i > 0 {
			return i
		}
	}
	return len(flows)
}

func (h *Host) probe(flows []Flow, at namespace) (outcomes []Outcome, err error) {
	h.probing.Lock()
	defer h.probing.Unlock()
	err = at.do(func() error {
		if err := pin(); err != nil {
			return err
		}
		for len(flows) > 0 {
			n := chunk(flows)
			result, err := h.probeBatch(flows[:n])
			if err != nil {
				return err
			}
			outcomes, flows = append(outcomes, result...), flows[n:]
		}
		return nil
	})
	return outcomes, err
}

const maxCPUs = 1024 // sched.h, CPU_SETSIZE

// pin keeps the thread on one CPU. A packet sent into a veth pair waits in the
// queue of the sender's CPU: from one CPU, packets arrive in the order they were
// sent.
func pin() error {
	var allowed, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return err
	}
	for cpu := range maxCPUs {
		if allowed.IsSet(cpu) {
			one.Set(cpu)
			return unix.SchedSetaffinity(0, &one)
		}
	}
	return fmt.Errorf("lab: no CPU to send from")
}

// probeBatch runs on a thread in the namespace where the probes should arrive.
func (h *Host) probeBatch(flows []Flow) ([]Outcome, error) {
	keys := make([]key, len(flows))
	seen := observer{arrived: map[key]bool{}}
	defer seen.close()
	var used []*wire
	for i, f := range flows {
		w, err := h.link(f.Link)
		if err != nil {
			return nil, err
		}
		h.sent++
		number := h.sent
		if f, err = f.complete(w, number); err != nil {
			return nil, err
		}
		if err := seen.watch(f); err != nil {
			return nil, err
		}
		segment := f.segment(number)
		keys[i] = keyOf(f.From, f.To, f.Proto, segment)
		if !slices.Contains(used, w) {
			used = append(used, w)
		}
		for _, packet := range ipPackets(f.From, f.To, f.Proto, segment, number) {
			if err := w.send(f.To, packet); err != nil {
				return nil, fmt.Errorf("lab: cannot send %s: %w", f, err)
			}
		}
	}
	for _, w := range used {
		h.sent++
		if err := w.sync(h.anyIPv4, h.sent); err != nil {
			return nil, err
		}
	}
	if err := seen.collect(); err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(keys))
	for i, k := range keys {
		outcomes[i] = Outcome(seen.arrived[k])
	}
	return outcomes, nil
}
