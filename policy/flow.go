package policy

import (
	"net/netip"
	"regexp"
	"strings"
)

// ParseFlow reads a question about a flow: from is ADDR, ADDR:PORT or
// [V6]:PORT; to is PORT/PROTO, ADDR:PORT/PROTO or [V6]:PORT/PROTO; in is the
// name of an interface or empty. The error is a *Problem.
func ParseFlow(from, to, in string) (Flow, error) {
	var f Flow
	if err := f.parseFrom(from); err != nil {
		return f, err
	}
	if err := f.parseTo(to); err != nil {
		return f, err
	}
	if in != "" {
		if err := f.parseIn(in); err != nil {
			return f, err
		}
	}
	return f, f.checkFamilies()
}

// withPort splits what has a port after its address; brackets are for IPv6.
// inBrackets is an address in brackets without a port.
var (
	inBrackets = regexp.MustCompile(`^\[([^\[\]]*)\]$`)
	withPort   = regexp.MustCompile(`^(?:\[([^\]]*)\]|([^:\[\]]*)):([^:]*)$`)
)

func (f *Flow) parseFrom(text string) (err error) {
	if m := withPort.FindStringSubmatch(text); m != nil {
		if f.FromPort, err = parsePort(m[3]); err != nil {
			return err
		}
		text = m[1] + m[2]
	}
	text = inBrackets.ReplaceAllString(text, "$1")
	f.From, err = parseHost(text)
	return err
}

func (f *Flow) parseTo(text string) error {
	where, protocol, slash := strings.Cut(text, "/")
	if !slash {
		return noProtocol(text)
	}
	port := where
	if m := withPort.FindStringSubmatch(where); m != nil {
		var err error
		if f.To, err = parseHost(m[1] + m[2]); err != nil {
			return err
		}
		port = m[3]
	} else if i := strings.LastIndexByte(where, ':'); i >= 0 {
		return problem("bad-flow", "put an IPv6 address in brackets: ["+where[:i]+"]:"+where[i+1:]+"/"+protocol,
			"%s does not tell address and port apart", show(text))
	}
	ports, err := parsePorts(port + "/" + protocol)
	if err == nil && ports.From != ports.To {
		err = problem("bad-flow", "write one port of the range", "%s is not one port", show(text))
	}
	f.ToPort, f.Protocol = ports.From, ports.Protocol
	return err
}

func noProtocol(text string) error {
	if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return problem("bad-flow", "write "+text+":PORT/PROTOCOL, or PORT/PROTOCOL for any address of this host", "%s has no port", text)
	}
	return problem("no-protocol", "write PORT/PROTOCOL, as in 5060/udp", "%s has no protocol", show(text))
}

func (f *Flow) parseIn(text string) error {
	f.In = text
	return checkInterface(text)
}

func (f *Flow) checkFamilies() error {
	if f.To.IsValid() && f.To.Is4() != f.From.Is4() {
		return problem("mixed-families", "", "the flow goes from %s to %s, which are of different address families", f.From, f.To)
	}
	return nil
}
