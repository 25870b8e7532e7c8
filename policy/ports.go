package policy

import (
	"strings"
	"unicode"
)

// parsePorts reads 5060/udp or 30000-40000/udp.
func parsePorts(text string) (Ports, error) {
	numbers, name, slash := strings.Cut(text, "/")
	first, last, ranged := strings.Cut(numbers, "-")
	if !ranged {
		last = first
	}
	from, err1 := parsePort(first)
	to, err2 := parsePort(last)
	protocol, unknown := parseProtocol(name)
	numeric := err1 == nil && err2 == nil
	switch {
	case isProtocol(numbers) && slash:
		return Ports{}, problem("bad-port", "write "+show(name)+"/"+numbers, "%s: the port comes first", show(text))
	case !numeric:
		return Ports{}, badPort(numbers)
	case !slash:
		return Ports{}, problem("no-protocol", "write "+text+"/tcp or "+text+"/udp", "port %s has no protocol", text)
	case unknown != nil:
		return Ports{}, unknown
	case from > to:
		return Ports{}, problem("reversed-range", "write "+last+"-"+first+"/"+name, "%s runs backwards", text)
	}
	return Ports{Protocol: protocol, From: from, To: to}, nil
}

// parsePort reads a port's number: 1 to 65535 (RFC 6335, section 6, reserves 0).
func parsePort(text string) (uint16, error) {
	number, err := parseNumber(text)
	if err != nil || number < 1 || number > 65535 {
		return 0, badPort(text)
	}
	return uint16(number), nil
}

func badPort(text string) *Problem {
	hint := ""
	if strings.ContainsAny(text, ":-") {
		hint = "write a range as 30000-40000/udp"
	} else if strings.ContainsFunc(text, unicode.IsLetter) {
		hint = "write the number"
	}
	return problem("bad-port", hint, "%s is not a port from 1 to 65535", show(text))
}

func isProtocol(name string) bool {
	_, err := parseProtocol(strings.ToLower(name))
	return err == nil
}

func parseProtocol(name string) (Protocol, error) {
	names := make([]string, len(Protocols))
	for i, row := range Protocols {
		if row.Name == name {
			return row.Protocol, nil
		}
		names[i] = row.Name
	}
	return 0, problem("unknown-protocol", DidYouMean(name, names), "%s is not a transport protocol of ports", show(name))
}
