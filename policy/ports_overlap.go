package policy

import (
	"cmp"
	"slices"

	"ngcp-fw/policy/diag"
)

// overlaps warns of ports that share a number with others of the same list. In
// the order of their first port, each one is held against that which reaches
// farthest so far.
func (p *parser) overlaps(service string, ports []Ports) {
	sorted := slices.Clone(ports)
	slices.SortStableFunc(sorted, func(a, b Ports) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To))
	})
	var widest Ports
	for _, port := range sorted {
		if port.Protocol == widest.Protocol && port.From <= widest.To {
			p.overlap(service, port, widest)
		}
		if port.Protocol != widest.Protocol || port.To > widest.To {
			widest = port
		}
	}
}

func (p *parser) overlap(service string, port, other Ports) {
	what := problem("port-overlap", "remove "+port.String(), "%s is part of %s", port, other)
	switch {
	case port.From == other.From && port.To == other.To:
		what = problem("port-overlap", "keep one of them", "%s is already listed", port)
	case port.To > other.To:
		joined := Ports{Protocol: port.Protocol, From: other.From, To: port.To}
		what = problem("port-overlap", "write "+joined.String(), "%s overlaps %s", port, other)
	}
	p.list = append(p.list, diag.Diagnostic{
		Pos: port.Pos, Width: len(port.String()), Severity: diag.Warning, Code: what.Code,
		Message: what.Message, Hint: what.Hint, About: diag.About{Services: [2]string{service}},
	})
}
