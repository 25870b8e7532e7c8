package ngcp

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
)

const extraSockets = "kamailio.lb.extra_sockets"

// transports are the words for a socket's transport; TLS is heard over TCP.
// Without a word it is UDP, as for a SIP URI (RFC 3261, section 19.1.2).
var transports = map[string]string{"": "udp", "udp": "udp", "tcp": "tcp", "tls": "tcp"}

const socketHint = "write ip:port, udp:ip:port or tcp:ip:port, with IPv6 addresses in brackets"

// ExtraSockets are the sockets of kamailio.lb.extra_sockets in the order of
// the file. A name stands for one socket or several: a text that holds them
// with blanks or commas between, a mapping {transport, ip, port}, or a list of
// those.
func (c *Config) ExtraSockets() ([]Socket, diag.List) {
	r := socketReader{}
	v, wrong := c.lookup(extraSockets)
	switch {
	case wrong != nil:
		r.report(v.last, wrong)
	case v.kind == yaml.MappingNode:
		for _, name := range v.keys() {
			r.read(name, v.child(name))
		}
	default:
		r.read("", v)
	}
	return r.sockets, r.list
}

type socketReader struct {
	sockets []Socket
	list    diag.List
}

func (r *socketReader) report(at node, wrong *fault) {
	r.list = append(r.list, wrong.at(at.pos(), at.width()))
}

func (r *socketReader) read(name string, v value) {
	switch v.kind {
	case yaml.SequenceNode:
		for _, item := range v.parts {
			r.read(name, merge([]node{item}))
		}
	case yaml.MappingNode:
		r.readMapping(name, v)
	case yaml.ScalarNode:
		r.readText(name, v.last)
	}
}

func (r *socketReader) readText(name string, n node) {
	separator := func(c rune) bool { return c == ',' || unicode.IsSpace(c) }
	for _, text := range strings.FieldsFunc(n.yaml.Value, separator) {
		transport, rest := cutTransport(text)
		host, port := rest, ""
		if at := strings.LastIndexByte(rest, ':'); at > strings.LastIndexByte(rest, ']') {
			host, port = rest[:at], rest[at+1:]
		}
		s, wrong := parseSocket(socketPath(name), transport, host, port)
		r.add(name, n, s, wrong)
	}
}

// cutTransport takes a transport, known or not, off the front of a socket.
func cutTransport(text string) (transport, rest string) {
	before, after, found := strings.Cut(text, ":")
	notLetter := func(c rune) bool { return !unicode.IsLetter(c) }
	if !found || before == "" || strings.ContainsFunc(before, notLetter) {
		return "", text
	}
	return before, after
}

func (r *socketReader) readMapping(name string, v value) {
	var words [3]string
	for i, key := range []string{"transport", "ip", "port"} {
		word := v.child(key)
		if word.kind != 0 && word.kind != yaml.ScalarNode {
			what := fmt.Sprintf("%s.%s is %s, not a single value", socketPath(name), key, kindName(word.kind))
			r.report(word.last, &fault{codeConfigShape, what, ""})
			return
		}
		if word.kind != 0 {
			words[i] = strings.TrimSpace(word.last.yaml.Value)
		}
	}
	if strings.Contains(words[1], ":") && words[1][0] != '[' {
		words[1] = "[" + words[1] + "]"
	}
	s, wrong := parseSocket(socketPath(name), words[0], words[1], words[2])
	r.add(name, v.last, s, wrong)
}

func (r *socketReader) add(name string, at node, s Socket, wrong *fault) {
	if wrong != nil {
		r.report(at, wrong)
		return
	}
	s.Name, s.Pos = name, at.pos()
	r.sockets = append(r.sockets, s)
}

func socketPath(name string) string {
	if name == "" {
		return extraSockets
	}
	return extraSockets + "." + name
}

func parseSocket(path, transport, host, port string) (s Socket, wrong *fault) {
	protocol, known := transports[strings.ToLower(transport)]
	if !known {
		return s, &fault{codeConfigValue, fmt.Sprintf("%s: transport %s is not known", path, shown(transport)), "write udp, tcp or tls"}
	}
	s.Protocol = protocol
	if s.Addr, wrong = parseSocketAddr(path, host); wrong != nil {
		return s, wrong
	}
	s.Port, wrong = parsePort(path+": port", port)
	return s, wrong
}

// parseSocketAddr reads 192.0.2.1 or [2001:db8::1]; unspecified addresses
// stand for every address.
func parseSocketAddr(path, host string) (netip.Addr, *fault) {
	inner, left := strings.CutPrefix(host, "[")
	inner, right := strings.CutSuffix(inner, "]")
	not := func(what, hint string) (netip.Addr, *fault) {
		return netip.Addr{}, &fault{codeConfigValue, fmt.Sprintf("%s: %s is %s", path, shown(host), what), hint}
	}
	a, err := netip.ParseAddr(inner)
	switch {
	case err != nil || a.Zone() != "" || a.Is6() != left || a.Is6() != right:
		return not("not an address", socketHint)
	case a.Is4In6():
		return not("an IPv4-mapped address", "write "+a.Unmap().String())
	case a.IsUnspecified():
		return netip.Addr{}, nil
	}
	return a, nil
}
