package ngcp

import (
	"errors"
	"strings"
	"unicode"

	"ngcp-fw/policy/diag"
)

// The codes of what can be wrong in NGCP's files, besides those of YAML itself.
const (
	codeConfigShape    = "config-shape"    // a list where a single value belongs, and the like
	codeConfigValue    = "config-value"    // a port that is none
	codeNetworkShape   = "network-shape"   // the same in network.yml
	codeNetworkAddress = "network-address" // an address that no link can have
	codeNetworkName    = "network-name"    // a link that the kernel can't have
)

// fault is what is wrong with one value, and what to write instead.
type fault struct{ code, message, hint string }

func (f *fault) Error() string {
	if f.hint == "" {
		return f.message
	}
	return f.message + ": " + f.hint
}

// at is the fault as a remark about a place.
func (f *fault) at(pos diag.Pos, width int) diag.Diagnostic {
	return diag.Diagnostic{
		Pos: pos, Width: width, Severity: diag.Error,
		Code: f.code, Message: printable(f.message), Hint: f.hint,
	}
}

// printable keeps names that a file makes up from writing to the terminal
// anything but text on one line.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, text)
}

// Diagnose turns an error of Port or Bool into a remark about the option's
// place.
func (s Scalar) Diagnose(err error) diag.Diagnostic {
	var f *fault
	if !errors.As(err, &f) {
		f = &fault{code: codeConfigValue, message: err.Error()}
	}
	return f.at(s.Pos, s.Width)
}
