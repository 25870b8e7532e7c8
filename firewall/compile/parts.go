package compile

import (
	"regexp"
	"slices"
	"strings"

	"ngcp-fw/firewall/ruleset"
)

// Counted says what a counter of the table counts: what the service let in, where
// the reason is "", or what was refused for the reason; service is "" where none
// has to do with it.
func Counted(counter string) (reason, service string, ours bool) {
	for _, word := range []string{accepted, refused, limited} {
		if service, found := strings.CutPrefix(counter, word+"-"); found {
			if word == accepted {
				word = ""
			}
			return word, service, true
		}
	}
	return counter, "", slices.Contains([]string{banned, denied, spoofed, invalid, pingFlood, forwarded, refused}, counter)
}

// meters are the sets of limits (meterName): the service, the family's digit and
// the rate.
var meters = regexp.MustCompile(`^(?:limit|within)-(.+)([46])-[0-9]+/[a-z]+\.[0-9]+$`)

// Metered tells whose sources a set of the table remembers for a limit, and of
// which family, 4 or 6.
func Metered(set string) (service, digit string, ok bool) {
	if m := meters.FindStringSubmatch(set); m != nil {
		return m[1], m[2], true
	}
	return "", "", false
}

// Noted tells by which counter's refusal the sources of a set would be met, if the
// policy did more than observe.
func Noted(set string) (counter string, ok bool) {
	name, found := strings.CutPrefix(ruleset.BaseName(set), ruleset.LearnedPrefix)
	if len(name) < 2 || !found {
		return "", false
	}
	counter = name[:len(name)-1]
	reason, _, ours := Counted(counter)
	return counter, ours && reason != ""
}
