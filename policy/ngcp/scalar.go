package ngcp

import (
	"fmt"
	"strconv"
	"strings"
)

// maxShown is how much of a value that makes no sense is shown, in characters.
const maxShown = 40

// switches are the words for on and off: YAML 1.1's, and the numbers that Perl
// programs use.
var switches = map[string]bool{
	"yes": true, "true": true, "on": true, "1": true,
	"no": false, "false": false, "off": false, "0": false,
}

// Port is the value as a port number from 1 to 65535.
func (s Scalar) Port() (uint16, error) {
	if s.wrong != nil {
		return 0, s.wrong
	}
	port, wrong := parsePort(s.Path, s.Text)
	if wrong != nil {
		return 0, wrong
	}
	return port, nil
}

// Bool is the value as a switch: yes or no, true or false, on or off, 1 or 0,
// in any case.
func (s Scalar) Bool() (bool, error) {
	if s.wrong != nil {
		return false, s.wrong
	}
	on, known := switches[strings.ToLower(strings.TrimSpace(s.Text))]
	if !known {
		return false, &fault{codeConfigValue, fmt.Sprintf("%s is %s, not a switch", s.Path, shown(s.Text)), "write yes or no"}
	}
	return on, nil
}

// parsePort reads a port of TCP or UDP: 16 bits, of which 0 can't be listened
// on (RFC 6335, section 6).
func parsePort(what, text string) (uint16, *fault) {
	digits := strings.TrimSpace(text)
	port, err := strconv.ParseUint(digits, 10, 16)
	switch {
	case err != nil || port == 0:
		return 0, &fault{codeConfigValue, fmt.Sprintf("%s is %s, not a port", what, shown(text)), "write a number from 1 to 65535"}
	case digits[0] == '0':
		octal := fmt.Sprintf("%s is %s, which some programs read as octal", what, shown(text))
		return 0, &fault{codeConfigValue, octal, fmt.Sprintf("write %d", port)}
	}
	return uint16(port), nil
}

// shown is a value in quotes, on one line and not too long.
func shown(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return "empty"
	}
	if chars := []rune(text); len(chars) > maxShown {
		text = string(chars[:maxShown]) + "…"
	}
	return strconv.Quote(text)
}
