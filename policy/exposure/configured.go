package exposure

import (
	"fmt"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
)

// configured works out what the table and config.yml say of a service.
func (r *resolver) configured(s *service, out *Service) {
	switch {
	case s.row.sockets:
		r.configuredSockets(s, out)
	case len(s.row.sections) > 0:
		r.configuredRange(s.row, out)
	default:
		r.configuredPort(s.row, out)
	}
	if r.in.Config != nil {
		r.configuredSwitches(s.row, out)
	}
}

// scalarPort is the port that an option holds; false where it is missing.
func (r *resolver) scalarPort(path string) (port uint16, pos diag.Pos, found bool) {
	value, found := r.in.Config.Scalar(path)
	if !found {
		return 0, diag.Pos{}, false
	}
	port, err := value.Port()
	if err != nil {
		r.diags = append(r.diags, value.Diagnose(err))
	}
	return port, value.Pos, true
}

// scalarBool is the switch that an option holds; false where it is missing.
func (r *resolver) scalarBool(path string) (on bool, pos diag.Pos, found bool) {
	value, found := r.in.Config.Scalar(path)
	if !found {
		return false, diag.Pos{}, false
	}
	on, err := value.Bool()
	if err != nil {
		r.diags = append(r.diags, value.Diagnose(err))
	}
	return on, value.Pos, true
}

func (r *resolver) configuredPort(row *row, out *Service) {
	from, to, used := row.from, row.to, ""
	for _, path := range row.options {
		if port, pos, found := r.scalarPort(path); found {
			from, to, used, out.PortsFrom = port, port, path, pos
			break
		}
	}
	for _, protocol := range row.protocols {
		if used == oldSIPPort && protocol == policy.TCP {
			if off, _, _ := r.scalarBool(oldDisableTCP); off {
				continue
			}
		}
		if from != 0 {
			out.Ports = append(out.Ports, policy.Ports{Protocol: protocol, From: from, To: to, Pos: out.PortsFrom})
		}
	}
}

// configuredRange takes the first section that has either end; the other end
// is then the built-in one.
func (r *resolver) configuredRange(row *row, out *Service) {
	from, to := row.from, row.to
	for _, section := range row.sections {
		low, lowPos, hasLow := r.scalarPort(section + ".minport")
		high, highPos, hasHigh := r.scalarPort(section + ".maxport")
		if hasLow {
			from, out.PortsFrom = low, lowPos
		}
		if hasHigh {
			to = high
		}
		if hasHigh && !hasLow {
			out.PortsFrom = highPos
		}
		if hasLow || hasHigh {
			if from > to && from != 0 && to != 0 {
				r.report(diag.Error, out.PortsFrom, 0, "config-value",
					fmt.Sprintf("%[1]s.minport %[2]d is over %[1]s.maxport %[3]d", section, from, to), "write the lower port first")
			}
			break
		}
	}
	for _, protocol := range row.protocols {
		out.Ports = append(out.Ports, policy.Ports{Protocol: protocol, From: from, To: to, Pos: out.PortsFrom})
	}
}

func (r *resolver) configuredSockets(s *service, out *Service) {
	sockets, diags := r.in.Config.ExtraSockets()
	r.diags = append(r.diags, diags...)
	for _, one := range sockets {
		port := policy.Ports{Protocol: policy.UDP, From: one.Port, To: one.Port, Pos: one.Pos}
		if one.Protocol == policy.TCP.String() {
			port.Protocol = policy.TCP
		}
		if len(s.sockets) == 0 {
			out.PortsFrom = one.Pos
		}
		s.sockets = append(s.sockets, socket{port, one.Addr})
		out.Ports = append(out.Ports, port)
	}
}

// configuredSwitches closes the service where one of its switches says so.
func (r *resolver) configuredSwitches(row *row, out *Service) {
	for _, o := range row.switches {
		var on, found bool
		var pos diag.Pos
		missing := o.path + " is missing, which means no"
		if o.port {
			_, pos, found = r.scalarPort(o.path)
			on, missing = true, "no "+o.path
		} else {
			on, pos, found = r.scalarBool(o.path)
		}
		if found {
			out.EnabledFrom = pos
		} else {
			on = o.absent
		}
		switch {
		case on:
		case found:
			out.Enabled, out.Closed = false, fmt.Sprintf("%s is no, %s", o.path, pos.LineOrigin())
			return
		default:
			out.Enabled, out.Closed, out.EnabledFrom = false, missing, diag.Pos{}
			return
		}
	}
}
