package policy

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/yamlwalk"
)

// scalar gives a value as it is written, whatever YAML would make of it: it
// has a syntax of its own.
func (p *parser) scalar(n *yaml.Node, what, want string) (string, bool) {
	if quoted := inQuotes(n); quoted != "" {
		p.fail(n.Content[0], "unquoted-address", "write "+quoted, "YAML takes an address that ends with a colon for a key")
		return "", false
	}
	if n.Kind != yaml.ScalarNode || yamlwalk.IsNull(n) {
		p.wrongType(n, what, want, "")
		return "", false
	}
	return n.Value, true
}

// text gives free text.
func (p *parser) text(n *yaml.Node, what string) (Word, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		hint := ""
		if n.Kind == yaml.ScalarNode && !yamlwalk.IsNull(n) {
			hint = "put it in quotes: " + strconv.Quote(n.Value)
		}
		p.wrongType(n, what, "text", hint)
		return Word{}, false
	}
	if strings.ContainsFunc(n.Value, unicode.IsControl) {
		p.fail(n, "bad-value", "", "%s has line breaks or control characters", what)
		return Word{}, false
	}
	return Word{n.Value, p.pos(n)}, true
}

// path gives the name of a file or a host: text that is not empty.
func (p *parser) path(n *yaml.Node, what string) (Word, bool) {
	word, ok := p.text(n, what)
	if ok && word.Text == "" {
		p.fail(n, "no-value", "", "%s is empty", what)
		return Word{}, false
	}
	return word, ok
}

// boolean gives true or false, also in the words of YAML 1.1 that NGCP's own
// files use.
func (p *parser) boolean(n *yaml.Node, what string) (on, ok bool) {
	value, ok := p.scalar(n, what, "true or false")
	if !ok {
		return false, false
	}
	switch strings.ToLower(value) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	p.fail(n, "wrong-type", "", "%s must be true or false, not %s", what, show(value))
	return false, false
}

// number gives a whole number in decimal digits.
func (p *parser) number(n *yaml.Node, what string, lowest, highest uint64) (uint64, bool) {
	value, ok := p.scalar(n, what, "a number")
	if !ok {
		return 0, false
	}
	number, err := parseNumber(value)
	if err != nil || number < lowest || number > highest {
		p.fail(n, "bad-number", "", "%s must be a whole number from %d to %d, not %s", what, lowest, highest, show(value))
		return 0, false
	}
	return number, true
}

// parseNumber reads decimal digits without leading zeros, which YAML and C
// take for octal.
func parseNumber(text string) (uint64, error) {
	if len(text) > 1 && text[0] == '0' || strings.HasPrefix(text, "+") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(text, 10, 64)
}

// choice gives one of a few words.
func (p *parser) choice(n *yaml.Node, what string, options ...string) (string, bool) {
	value, ok := p.scalar(n, what, "one of "+strings.Join(options, ", "))
	if !ok {
		return "", false
	}
	for _, option := range options {
		if value == option {
			return value, true
		}
	}
	p.fail(n, "bad-value", DidYouMean(value, options), "%s must be one of %s, not %s", what, strings.Join(options, ", "), show(value))
	return "", false
}

// date gives the day at 00:00 UTC.
func (p *parser) date(n *yaml.Node, what string) (time.Time, bool) {
	value, ok := p.scalar(n, what, "a date")
	if !ok {
		return time.Time{}, false
	}
	day, err := time.Parse(time.DateOnly, value)
	if err != nil {
		p.fail(n, "bad-date", "write year, month and day, as in 2027-01-31", "%s is not a date", show(value))
		return time.Time{}, false
	}
	return day, true
}
