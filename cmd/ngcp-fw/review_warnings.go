package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"ngcp-fw/policy/exposure"
)

// How a delta is marked that needs a second look.
const (
	alarm   = "!!" // an administrators' service opens to everyone
	caution = "!"  // an administrators' service opens to more
)

// What observe means to who reads a change.
var (
	observeOn   = warning{alarm, "observe would be on: nothing would be dropped any more, only counted and logged"}
	observeOff  = warning{alarm, "observe would be off: what no service lets in would be dropped from then on"}
	observeBoth = warning{caution, "observe is on and stays on: nothing is dropped, so no service opens or shuts anything yet"}
)

// observeWarnings is for a change between two sides that drop, or do not.
func observeWarnings(before, after bool) []warning {
	switch {
	case after && before:
		return []warning{observeBoth}
	case after:
		return []warning{observeOn}
	case before:
		return []warning{observeOff}
	}
	return nil
}

func deltaSign(d exposure.Delta, sign string) string {
	switch {
	case sign != "+":
	case byObserve(d) || d.Admin && everyone(d):
		return alarm
	case d.Admin:
		return caution
	}
	return sign
}

// byObserve tells what observe lets in from a service of that name, which has
// roles.
func byObserve(d exposure.Delta) bool { return d.Service == exposure.Observe && d.Role == "" }

func everyone(d exposure.Delta) bool {
	v4, v6 := d.Everyone()
	return v4 || v6
}

// warning is what the reader must not miss, and how much it matters.
type warning struct{ sign, text string }

// warnings is the warnings of a review, worst first.
func (r *review) warnings() []warning {
	list := slices.Clone(r.notices)
	alarms := marked(r.exposure.Gained, alarm, nil)
	if len(alarms) > 0 {
		list = append(list, warning{alarm, forAdministrators(alarms) + " would be open to everyone"})
	}
	// Where the old side is not known, all that is open counts as more.
	if more := marked(r.exposure.Gained, caution, alarms); len(more) > 0 && r.remark == "" {
		list = append(list, warning{caution, forAdministrators(more) + " would be open to more"})
	}
	return list
}

// marked is the services gained with that sign, but for those told before.
func marked(gained []exposure.Delta, sign string, told []string) (services []string) {
	for _, d := range gained {
		if deltaSign(d, "+") == sign && !byObserve(d) && !slices.Contains(append(told, services...), d.Meant) {
			services = append(services, d.Meant)
		}
	}
	return services
}

func forAdministrators(services []string) string {
	last := len(services) - 1
	if last == 0 {
		return services[0] + " is for administrators and"
	}
	return strings.Join(services[:last], ", ") + " and " + services[last] + " are for administrators and"
}

// outsiders are addresses set aside for documentation, of which one stands for
// everyone (RFC 5737, RFC 3849).
var outsiders = []netip.Addr{
	netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("2001:db8::9"),
}

// seeWorst is the command that explains the first alarm; "" where there is none.
func seeWorst(gained []exposure.Delta, flags globalFlags) string {
	i := slices.IndexFunc(gained, func(d exposure.Delta) bool { return deltaSign(d, "+") == alarm && !byObserve(d) })
	if i < 0 || len(gained[i].Ports) == 0 {
		return ""
	}
	d := gained[i]
	words := append([]string{"ngcp-fw"}, flags.inputWords()...)
	words = append(words, "explain", "--from", outsider(d).String(), "--to", destination(d))
	if len(d.Interfaces) > 0 && !strings.HasPrefix(d.Interfaces[0], "!") {
		words = append(words, "--in", shellWord(d.Interfaces[0]))
	}
	return strings.Join(words, " ")
}

// outsider is one of everyone.
func outsider(d exposure.Delta) netip.Addr {
	for _, a := range outsiders {
		if d.Sources.Contains(a) {
			return a
		}
	}
	for r := range d.Sources.Ranges() {
		return r.From
	}
	return outsiders[0]
}

// destination is the delta's first port, at a local address where it is open
// only there.
func destination(d exposure.Delta) string {
	port := d.Ports[0]
	port.To = port.From
	for _, text := range d.Addresses {
		if a, err := netip.ParseAddr(text); err == nil && a.Is4() == outsider(d).Is4() {
			return strings.TrimSuffix(netip.AddrPortFrom(a, 0).String(), "0") + port.String()
		}
	}
	return port.String()
}

// inputWords is the flags that say what is read, as words of a command.
func (g *globalFlags) inputWords() (words []string) {
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, shellWord(value))
		}
	}
	add("-f", g.policy)
	for _, path := range g.config {
		add("--config", path)
	}
	add("--network", g.network)
	add("--host", g.host)
	return words
}

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	s = strings.Map(printable, s)
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/:@%+=,-", r)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return fmt.Sprintf("'%s'", strings.ReplaceAll(s, "'", `'\''`))
}
