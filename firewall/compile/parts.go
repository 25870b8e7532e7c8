package compile

import (
	"regexp"
	"slices"
	"strings"
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
