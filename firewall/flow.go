package firewall

import (
	"net/netip"

	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// Stand-ins for what a flow leaves open: a port that no rule speaks of, and
// addresses set aside for documentation (RFC 5737, RFC 3849).
const anySourcePort = 61000

var (
	anyLocal4 = netip.MustParseAddr("192.0.2.1")
	anyLocal6 = netip.MustParseAddr("2001:db8::1")
)

// Packet is the first packet of the flow as it arrives by the link in.
func Packet(f policy.Flow, in string) ruleset.Packet {
	p := ruleset.Packet{
		In: in, Src: f.From, Dst: f.To, Protocol: uint8(f.Protocol),
		SrcPort: f.FromPort, DstPort: f.ToPort, State: ruleset.StateNew,
	}
	if p.SrcPort == 0 {
		p.SrcPort = anySourcePort
	}
	if !p.Dst.IsValid() {
		p.Dst = anyLocal4
		if f.From.Is6() {
			p.Dst = anyLocal6
		}
	}
	return p
}

// Flows is how many tracked flows applying would cut.
type Flows struct {
	Cut int
	Err error // why that is not known
}

// flowsToCut counts the tracked flows that applying would cut. Where nothing
// changes, none are.
func (p *Plan) flowsToCut(m *exposure.Model) (f Flows) {
	if p.Changed() && p.cuts(m) {
		f.Cut, f.Err = host.CountFlows(p.ends(m))
	}
	return f
}

// cuts reports whether the model may end flows: while it observes it ends none, and
// the first enforcement keeps what is open.
func (p *Plan) cuts(m *exposure.Model) bool { return p.Current != nil && !m.Observe }

// ends asks the model which flows it ends, for to the kernel they are established,
// so no rule for new ones would stop them: those it refuses. What was let in while
// the same was only observed is kept, but for sources that are denied.
func (p *Plan) ends(m *exposure.Model) func(host.Flow) bool {
	if p.watched {
		return denies(m)
	}
	return refuses(m)
}
