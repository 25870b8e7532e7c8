package policy

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/yamlwalk"
)

// parser walks the nodes of one policy file and collects what is wrong.
type parser struct {
	policy   *Policy
	list     diag.List
	open     func(path string) (io.ReadCloser, error)
	lists    map[string]listFile // those read so far, by resolved path
	refs     []Word              // roles referred to
	services []Word              // services that accepted risks refer to
	errors   int                 // also those that are too many to tell
}

// maxErrors is how many errors of a policy are told one by one: more than one
// can mend before the next check, and little enough to print.
const maxErrors = 200

func (p *parser) pos(n *yaml.Node) diag.Pos { return yamlwalk.Pos(p.policy.File, n) }

func (p *parser) report(severity diag.Severity, pos diag.Pos, width int, what *Problem) {
	if severity == diag.Error {
		p.errors++
	}
	if p.errors > maxErrors+1 {
		return
	}
	p.list = append(p.list, diag.Diagnostic{
		Pos: pos, Width: width, Severity: severity,
		Code: what.Code, Message: what.Message, Hint: what.Hint,
	})
}

func (p *parser) fail(n *yaml.Node, code, hint, format string, args ...any) {
	p.report(diag.Error, p.pos(n), yamlwalk.Width(n), problem(code, hint, format, args...))
}

// check reports the error, a *Problem if any, and reports whether there is none.
func (p *parser) check(n *yaml.Node, err error) bool {
	if err == nil {
		return true
	}
	p.report(diag.Error, p.pos(n), yamlwalk.Width(n), asProblem(err))
	return false
}

// wrongType reports a value of a kind that does not belong there.
func (p *parser) wrongType(n *yaml.Node, what, want, hint string) {
	if yamlwalk.IsNull(n) {
		p.fail(n, "no-value", hint, "%s has no value", what)
		return
	}
	p.fail(n, "wrong-type", hint, "%s must be %s, not %s", what, want, kindOf(n))
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	}
	return "text"
}

// row is one key of a mapping: what to do with its value.
type row[T any] struct {
	key      string
	required bool
	parse    func(p *parser, value *yaml.Node, into *T)
}

// fields walks a mapping by its table of keys.
func fields[T any](p *parser, n *yaml.Node, what string, table []row[T], into *T) {
	keys := make([]string, len(table))
	for i, r := range table {
		keys[i] = r.key
	}
	seen := map[string]bool{}
	if !p.pairs(n, what, "its keys are "+strings.Join(keys, ", "), func(key, value *yaml.Node) {
		seen[key.Value] = true
		i := slices.Index(keys, key.Value)
		if i < 0 {
			p.fail(key, "unknown-key", DidYouMean(key.Value, keys), "unknown key %s in %s", show(key.Value), what)
			return
		}
		table[i].parse(p, value, into)
	}) {
		return
	}
	var missing []string
	for _, r := range table {
		if r.required && !seen[r.key] {
			missing = append(missing, r.key)
		}
	}
	if len(missing) > 0 {
		p.fail(n, "missing-key", "", "%s lacks %s", what, strings.Join(missing, ", "))
	}
}

// pairs calls each for every key of a mapping that is text and new, and
// reports whether n is a mapping at all.
func (p *parser) pairs(n *yaml.Node, what, hint string, each func(key, value *yaml.Node)) bool {
	if n.Kind != yaml.MappingNode {
		p.wrongType(n, what, "a mapping", hint)
		return false
	}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch before := first[key.Value]; {
		case yamlwalk.IsNull(key):
			p.fail(key, "wrong-type", "put it in quotes if it is meant as a name", "a key of %s must be text, not null", what)
		case key.Kind != yaml.ScalarNode:
			p.fail(key, "wrong-type", "put text with braces or brackets in quotes", "a key of %s must be text, not %s", what, kindOf(key))
		case before != nil:
			p.fail(key, "duplicate-key", "keep one of them", "%s is already given in line %d", show(key.Value), before.Line)
		default:
			first[key.Value] = key
			each(key, value)
		}
	}
	return true
}

// items calls each for every item of a list, and reports whether n is a list.
func (p *parser) items(n *yaml.Node, what string, each func(item *yaml.Node)) bool {
	if n.Kind != yaml.SequenceNode {
		hint := "begin each item with a hyphen, or write [FIRST, SECOND]"
		if yamlwalk.IsNull(n) {
			hint = "remove the key, or write [] for an empty list"
		} else if n.Kind == yaml.ScalarNode {
			hint = "write [" + show(n.Value) + "]"
		}
		p.wrongType(n, what, "a list", hint)
		return false
	}
	for _, item := range n.Content {
		each(item)
	}
	return true
}

// summary puts a count in the place of the last error where there are more
// than were kept.
func (p *parser) summary() {
	if p.errors <= maxErrors+1 {
		return
	}
	for i, d := range slices.Backward(p.list) {
		if d.Severity == diag.Error {
			p.list[i] = moreErrors(d.Pos, p.errors-maxErrors)
			return
		}
	}
}

func moreErrors(pos diag.Pos, count int) diag.Diagnostic {
	return diag.Diagnostic{
		Pos: pos, Severity: diag.Error, Code: "more-errors",
		Message: "and " + strconv.Itoa(count) + " more errors",
	}
}
