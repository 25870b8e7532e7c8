package policy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is what is wrong with a piece of text, wherever it stands.
type Problem struct {
	Code    string // one of Codes
	Message string // one sentence without a full stop
	Hint    string // what to write instead; may be empty
}

// Error is the message.
func (p *Problem) Error() string { return p.Message }

func problem(code, hint, format string, args ...any) *Problem {
	return &Problem{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// asProblem gives an error of this package as what it is.
func asProblem(err error) *Problem {
	if p, ok := err.(*Problem); ok {
		return p
	}
	return problem("bad-value", "", "%v", err)
}

// longestShown is how much of a wrong text a message repeats.
const longestShown = 80

// show is the text as a message repeats it: shortened, and quoted where it is
// empty or holds what a terminal would not show as it is.
func show(text string) string {
	if utf8.RuneCountInString(text) > longestShown {
		text = string([]rune(text)[:longestShown]) + "…"
	}
	for _, char := range text {
		if !unicode.IsPrint(char) {
			return strconv.Quote(text)
		}
	}
	if strings.TrimSpace(text) != text || text == "" {
		return strconv.Quote(text)
	}
	return text
}
