package exposure

import (
	"fmt"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/ngcp"
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

// scalarPort is the port that an option holds, 0 where that is none; false
// where it is missing.
func (r *resolver) scalarPort(path string) (port uint16, value ngcp.Scalar, found bool) {
	value, found = r.in.Config.Scalar(path)
	if !found {
		return 0, value, false
	}
	port, err := value.Port()
	if err != nil {
		r.diags = append(r.diags, value.Diagnose(err))
	}
	return port, value, true
}

// scalarBool is the switch that an option holds; false where it is missing.
func (r *resolver) scalarBool(path string) (on bool, value ngcp.Scalar, found bool) {
	value, found = r.in.Config.Scalar(path)
	if !found {
		return false, value, false
	}
	on, err := value.Bool()
	if err != nil {
		r.diags = append(r.diags, value.Diagnose(err))
	}
	return on, value, true
}

func (r *resolver) configuredPort(row *row, out *Service) {
	from, to, used := row.from, row.to, ""
	for _, path := range row.options {
		if port, value, found := r.scalarPort(path); found {
			from, to, used, out.PortsFrom = port, port, path, value.Pos
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
	ports := policy.Ports{Protocol: row.protocols[0], From: row.from, To: row.to}
	for _, section := range row.sections {
		low, lowValue, hasLow := r.scalarPort(section + ".minport")
		high, highValue, hasHigh := r.scalarPort(section + ".maxport")
		if !hasLow && !hasHigh {
			continue
		}
		told := highValue
		if hasLow {
			ports.From, told = low, lowValue
		}
		if hasHigh {
			ports.To = high
		}
		ports.Pos, out.PortsFrom = told.Pos, told.Pos
		if ports.From > ports.To && ports.To != 0 {
			r.reversed(told, section, ports, hasLow, hasHigh)
		}
		break
	}
	if ports.From != 0 && ports.From <= ports.To {
		out.Ports = []policy.Ports{ports}
	}
}

// reversed reports a range that runs backwards, by both options or by one of
// them and the other's default.
func (r *resolver) reversed(told ngcp.Scalar, section string, p policy.Ports, hasLow, hasHigh bool) {
	message := fmt.Sprintf("%[1]s.minport %[2]d is over %[1]s.maxport %[3]d", section, p.From, p.To)
	hint := "write the lower port first"
	switch {
	case !hasHigh:
		message = fmt.Sprintf("%[1]s.minport %[2]d is over %[3]d, the default of %[1]s.maxport", section, p.From, p.To)
		hint = "set " + section + ".maxport too"
	case !hasLow:
		message = fmt.Sprintf("%[1]s.maxport %[3]d is under %[2]d, the default of %[1]s.minport", section, p.From, p.To)
		hint = "set " + section + ".minport too"
	}
	r.report(diag.Error, told.Pos, told.Width, "config-value", message, hint)
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

// configuredSwitches closes the service where one of its switches says so: the
// first one is told, but all are read, for what is wrong in them.
func (r *resolver) configuredSwitches(row *row, out *Service) {
	for _, o := range row.switches {
		on, pos, closed := r.configuredSwitch(o)
		if !out.Enabled {
			continue
		}
		if !on {
			out.Enabled, out.Closed = false, closed
		}
		if !on || !pos.IsZero() {
			out.EnabledFrom = pos
		}
	}
}

// configuredSwitch reads one switch: whether it leaves the service open, where
// it is written, and in words why it is closed.
func (r *resolver) configuredSwitch(o option) (on bool, pos diag.Pos, closed string) {
	if o.port {
		_, value, found := r.scalarPort(o.path)
		return found, value.Pos, "no " + o.path
	}
	on, value, found := r.scalarBool(o.path)
	if !found {
		return o.absent, diag.Pos{}, o.path + " is missing, which means no"
	}
	return on, value.Pos, fmt.Sprintf("%s is no, %s", o.path, value.Pos.LineOrigin())
}
