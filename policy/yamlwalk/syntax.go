package yamlwalk

import (
	"bytes"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxSearch is the size of text up to which the place of a syntax error is
// searched for: about forty parses.
const maxSearch = 1 << 20

const (
	strayColon   = "a colon where no key can be"
	missingValue = "a value is missing here"
	tabProblem   = "violates indentation"
)

// colonProblems are the remarks that an IPv6 address without quotes causes.
var colonProblems = map[string]bool{strayColon: true, missingValue: true}

var lineOfError = regexp.MustCompile(`^line (\d+): `)

// remarks says in the operator's words what the parser says in its own.
var remarks = []struct{ theirs, ours, hint string }{
	{"cannot start any token", "a character that no YAML value starts with", "put the value in quotes"},
	{"mapping values are not allowed", strayColon, `put the text before it in quotes, or start a new line`},
	{"did not find expected key", "neither a key nor the end of the mapping", "check the indentation, and that keys end with a colon"},
	{"did not find expected '-' indicator", "neither a list item nor the end of the list", "check the indentation: items of one list start in one column"},
	{"did not find expected ',' or ']'", "a list that is not closed", "separate items by commas and close the list with ]"},
	{"did not find expected ',' or '}'", "a mapping that is not closed", "separate keys by commas and close the mapping with }"},
	{"did not find expected node content", missingValue, ""},
	{"found unexpected end of stream", "a quoted text that is not closed", "close it with the same quote"},
	{"could not find expected ':'", "a key without a colon", "write key: value"},
	{"found unknown escape character", "an escape that YAML does not know", `write \\ for a backslash, or use single quotes`},
	{"unknown anchor", "an alias for which there is no anchor", "put the value in quotes if it starts with *"},
	{"exceeded max depth", tooDeep(), ""},
	{"did not find expected <document start>", "text after the end of the document", "check the indentation"},
	{"block sequence entries are not allowed", "a list item where none can be", "start the list on a line of its own"},
	{tabProblem, "a tab in the indentation", "indent with spaces"},
}

// syntax reports why the text can't be parsed.
func (r *reader) syntax(text []byte, err error) {
	problem := problemOf(err)
	line, column := locate(text, problem)
	this := lineOf(text, line)
	if tab := strings.IndexByte(this[:len(this)-len(strings.TrimLeft(this, " \t"))], '\t'); tab >= 0 {
		problem, column = tabProblem, tab+1
	}
	if name, ok := strings.CutPrefix(problem, "unknown anchor '"); ok {
		column -= utf8.RuneCountInString(strings.TrimSuffix(name, "' referenced"))
	}
	message, hint := explain(problem)
	if strings.Contains(this, "::") && colonProblems[message] {
		hint = `put IPv6 addresses in quotes, as in "2001:db8::"`
	}
	r.report(line, column, 1, "yaml-syntax", message, hint)
}

func explain(problem string) (message, hint string) {
	for _, row := range remarks {
		if strings.Contains(problem, row.theirs) {
			return row.ours, row.hint
		}
	}
	return problem, ""
}

// problemOf is the parser's message without its line, which is that of the
// surrounding block, and one less for some errors.
func problemOf(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	return lineOfError.ReplaceAllString(text, "")
}

// locate finds the end of the shortest beginning of the text that the parser
// refuses for the same reason: there is the problem. A shorter beginning
// parses or lacks something else; a longer one has the same problem.
func locate(text []byte, problem string) (line, column int) {
	if len(text) > maxSearch {
		return 1, 0
	}
	same := func(n int) bool {
		err := parseAll(text[:n])
		return err != nil && problemOf(err) == problem
	}
	ends := lineEnds(text)
	line = sort.Search(len(ends)-1, func(i int) bool { return same(ends[i]) })
	start := 0
	if line > 0 {
		start = ends[line-1]
	}
	width := sort.Search(ends[line]-start, func(n int) bool { return same(start + n) })
	return line + 1, max(1, utf8.RuneCount(text[start:start+width]))
}

func lineEnds(text []byte) (ends []int) {
	for i, c := range text {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] != len(text) {
		ends = append(ends, len(text))
	}
	return ends
}

func parseAll(text []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := decode(decoder); err != nil {
			return err
		}
	}
}

// lineOf is a line of the text, the first one being 1.
func lineOf(text []byte, line int) string {
	ends := append([]int{0}, lineEnds(text)...)
	return string(text[ends[line-1]:ends[line]])
}
