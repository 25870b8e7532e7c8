package exposure

import (
	"net/netip"
	"slices"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
)

// Decision is what the model says of a flow.
type Decision struct {
	Accept   bool
	Exposure *Exposure  // that accepts it; nil if the host's own rules do, or nobody
	Host     string     // the host's own rule that decides: loopback, dhcp, spoofed
	Denied   bool       // deny refuses the source
	DeniedBy diag.Pos   // the first entry of deny that has it
	Nearest  []Exposure // of a dropped flow: those that open its port
}

// Allows decides on a new flow. Where the flow names no interface, it is
// accepted if some interface accepts it; where it names no local address, if
// some address does.
func (m *Model) Allows(f policy.Flow) Decision {
	switch {
	case f.In == loopback:
		return Decision{Accept: true, Host: "loopback"}
	case m.Deny.Contains(f.From):
		return Decision{Denied: true, DeniedBy: m.denial(f.From)}
	case f.From.IsLoopback() || f.To.IsLoopback():
		return Decision{Host: "spoofed"}
	}
	var d Decision
	for i := range m.Exposures {
		e := &m.Exposures[i]
		switch {
		case !e.opens(f):
		case e.accepts(f):
			return Decision{Accept: true, Exposure: e}
		default:
			d.Nearest = append(d.Nearest, *e)
		}
	}
	if dhcpReply(f) {
		return Decision{Accept: true, Host: "dhcp"}
	}
	return d
}

func (m *Model) denial(source netip.Addr) diag.Pos {
	for _, e := range m.Denials {
		if e.Sources.Contains(source) {
			return e.Pos
		}
	}
	return diag.Pos{}
}

// At is the flow with a local address that the accepting exposure is open at,
// where the flow names none.
func (d Decision) At(f policy.Flow) policy.Flow {
	if d.Exposure == nil || f.To.IsValid() {
		return f
	}
	for _, a := range d.Exposure.Addresses {
		if a.Is4() == f.From.Is4() {
			f.To = a
			break
		}
	}
	return f
}

func (e *Exposure) opens(f policy.Flow) bool { return e.Opens(f.Protocol, f.ToPort) }

// Opens reports whether the port is one of the exposure's.
func (e *Exposure) Opens(protocol policy.Protocol, port uint16) bool {
	return e.Ports == nil || slices.ContainsFunc(e.Ports, func(p policy.Ports) bool {
		return p.Protocol == protocol && p.From <= port && port <= p.To
	})
}

func (e *Exposure) accepts(f policy.Flow) bool {
	onLink := e.Interfaces == nil || f.In == "" && len(e.Interfaces) > 0 || slices.Contains(e.Interfaces, f.In)
	return onLink && e.hasAddress(f) && e.Sources.Contains(f.From)
}

func (e *Exposure) hasAddress(f policy.Flow) bool {
	if e.Addresses == nil || f.To.IsValid() {
		return e.Addresses == nil || slices.Contains(e.Addresses, f.To)
	}
	return slices.ContainsFunc(e.Addresses, func(a netip.Addr) bool { return a.Is4() == f.From.Is4() })
}

// Ports of DHCP: RFC 2131 section 4.1, RFC 8415 section 7.2.
const (
	dhcpServer, dhcpClient     = 67, 68
	dhcpv6Server, dhcpv6Client = 547, 546
)

// dhcpReply reports whether the flow is a server's answer to the host's DHCP
// client.
func dhcpReply(f policy.Flow) bool {
	if f.Protocol != policy.UDP {
		return false
	}
	v4 := f.From.Is4() && f.FromPort == dhcpServer && f.ToPort == dhcpClient
	return v4 || f.From.IsLinkLocalUnicast() && f.From.Is6() && f.FromPort == dhcpv6Server && f.ToPort == dhcpv6Client
}
