package exposure

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
)

// Fact is an Exposure as programs read it.
type Fact struct {
	Service    string   `json:"service"`
	Ports      []string `json:"ports"` // "5060/udp"; ["any"] for cluster
	Role       string   `json:"role"`
	Sources    []string `json:"sources"`
	Interfaces []string `json:"interfaces"` // empty: every one
	Addresses  []string `json:"addresses"`  // empty: every local one
	Origin     string   `json:"origin"`
}

// anyPort is how every protocol and port together is written.
const anyPort = "any"

// otherProtocols is how all protocols but policy.Protocols are written.
const otherProtocols = "other protocols"

// PortNames lists the ports as text; none means every one of every protocol.
func PortNames(ports []policy.Ports) []string {
	if ports == nil {
		return []string{anyPort}
	}
	names := make([]string, len(ports))
	for i, p := range ports {
		if names[i] = p.String(); p.Protocol == 0 {
			names[i] = otherProtocols
		}
	}
	return names
}

// Facts gives the exposures in the form programs read.
func Facts(exposures []Exposure) []Fact {
	facts := make([]Fact, len(exposures))
	for i, e := range exposures {
		facts[i] = Fact{e.Service, PortNames(e.Ports), e.Role, e.Sources.Strings(),
			append([]string{}, e.Interfaces...), addressNames(e.Addresses), e.Origin.Origin()}
	}
	return facts
}

func addressNames(addrs []netip.Addr) []string {
	names := make([]string, len(addrs))
	for i, a := range addrs {
		names[i] = a.String()
	}
	return names
}

// exposure is the inverse of Facts but for the sources; what is left of an
// origin is its text.
func (f Fact) exposure() (e Exposure, err error) {
	e = Exposure{Service: f.Service, Role: f.Role, Origin: diag.Pos{File: f.Origin}}
	if len(f.Interfaces) > 0 {
		e.Interfaces = f.Interfaces
	}
	for _, text := range f.Addresses {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return e, err
		}
		e.Addresses = append(e.Addresses, a)
	}
	e.Ports, err = parsePorts(f.Ports)
	return e, err
}

func parsePorts(texts []string) ([]policy.Ports, error) {
	if len(texts) == 1 && texts[0] == anyPort {
		return nil, nil
	}
	ports := make([]policy.Ports, len(texts))
	for i, text := range texts {
		p, err := parsePort(text)
		if err != nil {
			return nil, err
		}
		ports[i] = p
	}
	return ports, nil
}

func parsePort(text string) (p policy.Ports, err error) {
	numbers, name, _ := strings.Cut(text, "/")
	from, to, ranged := strings.Cut(numbers, "-")
	if !ranged {
		to = from
	}
	for _, row := range policy.Protocols {
		if row.Name == name {
			p.Protocol = row.Protocol
		}
	}
	low, err1 := strconv.ParseUint(from, 10, 16)
	high, err2 := strconv.ParseUint(to, 10, 16)
	if err1 != nil || err2 != nil || low == 0 || low > high || p.Protocol == 0 {
		return p, fmt.Errorf("%q is no port", text)
	}
	p.From, p.To = uint16(low), uint16(high)
	return p, nil
}
