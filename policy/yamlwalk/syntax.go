package yamlwalk

import (
	"bytes"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits of the search for a syntax error's place: the size of a text that is
// parsed some forty times, and the bytes that are parsed in all where one line
// is looked at character by character.
const (
	maxSearch = 1 << 20
	maxScan   = 2 << 20
)

const (
	strayColon   = "a colon where no key can be"
	missingValue = "a value is missing here"
	tabProblem   = "violates indentation"
	openQuote    = "found unexpected end of stream"
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
	{openQuote, "a quoted text that is not closed", "close it with the same quote"},
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
	at := search{text: text, ends: lineEnds(text)}
	var line, column int
	at.problem, line = problemOf(err)
	message, hint := explain(at.problem)
	if message == missingValue && !at.failsAt(len(text)) {
		message, hint = "the file ends inside a list or a mapping", "close it with ] or }"
		line, column = at.end()
	} else {
		line, column = at.place(line)
	}
	this := at.line(line)
	if indent := this[:len(this)-len(strings.TrimLeft(this, " \t"))]; strings.Contains(indent, "\t") {
		column = 1 + strings.IndexByte(indent, '\t')
		message, hint = explain(tabProblem)
	}
	if name, ok := strings.CutPrefix(at.problem, "unknown anchor '"); ok {
		column -= utf8.RuneCountInString(strings.TrimSuffix(name, "' referenced"))
	}
	if strings.Contains(this, "::") && colonProblems[message] {
		hint = `put IPv6 addresses in quotes, as in "2001:db8::"`
	}
	if message == tooDeep() {
		r.report(line, column, 1, "yaml-depth", message, hint)
		return
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

// problemOf is the parser's message and the line it names, 1 if none. That is
// where the surrounding list or mapping begins, and sometimes the line before.
func problemOf(err error) (problem string, line int) {
	problem = strings.TrimPrefix(err.Error(), "yaml: ")
	line = 1
	if m := lineOfError.FindStringSubmatch(problem); m != nil {
		problem = problem[len(m[0]):]
		line, _ = strconv.Atoi(m[1])
	}
	return problem, line
}

// search finds the place of a syntax error: the end of the shortest beginning
// of the text that the parser refuses for the same reason. A shorter one
// parses, or lacks something else; a longer one has the same problem.
type search struct {
	text    []byte
	ends    []int // where each line ends
	problem string
}

// aValue is one that fits into any list or mapping that is open, being indented
// more than any of them.
var aValue = "\n" + strings.Repeat(" ", 256) + "x"

// failsAt reports whether the first n bytes have the problem. A value that is
// missing because the text was cut there is not the one that is looked for.
func (s search) failsAt(n int) bool {
	text := s.text[:n:n]
	if message, _ := explain(s.problem); message == missingValue {
		text = append(text, aValue...)
	}
	err := parseAll(text)
	if err == nil {
		return false
	}
	problem, _ := problemOf(err)
	return problem == s.problem
}

// place gives line and column of the problem, which is not before the line.
func (s search) place(line int) (int, int) {
	if len(s.text) > maxSearch {
		return 1, 0
	}
	first := min(max(line-1, 0), len(s.ends)-1)
	if s.problem == openQuote && s.failsAt(s.ends[0]) {
		first = 0
	}
	first += sort.Search(len(s.ends)-1-first, func(i int) bool { return s.failsAt(s.ends[first+i]) })
	return first + 1, s.column(first)
}

// column looks at the line from its end, since what opens more than once in a
// line and is closed but the last time would fail at each of its beginnings.
func (s search) column(line int) int {
	start, end := 0, s.ends[line]
	if line > 0 {
		start = s.ends[line-1]
	}
	width := end - start
	if width*end <= maxScan {
		for width > 0 && s.failsAt(start+width-1) {
			width--
		}
	} else {
		width = sort.Search(width, func(n int) bool { return s.failsAt(start + n) })
	}
	return max(1, utf8.RuneCount(s.text[start:start+width]))
}

// end is the place of the last character that is not blank.
func (s search) end() (line, column int) {
	text := bytes.TrimRight(s.text, " \t\r\n")
	line = 1 + bytes.Count(text, []byte("\n"))
	return line, max(1, utf8.RuneCount(text[bytes.LastIndexByte(text, '\n')+1:]))
}

func (s search) line(line int) string {
	ends := append([]int{0}, s.ends...)
	return string(s.text[ends[line-1]:ends[line]])
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
