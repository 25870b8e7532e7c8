package main

import (
	"fmt"
	"regexp"
	"strings"
)

// width is how long lines of the source are; mandoc's lint wants 80 at most.
const width = 78

var (
	link = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)
	span = regexp.MustCompile("`[^`]+`|\\*\\*[^*]+\\*\\*|\\*[^* ]+\\*")
)

// filled is a paragraph's lines as running text.
func filled(lines []string) string {
	var out, line strings.Builder
	end := func() {
		if line.Len() > 0 {
			out.WriteString(guarded(line.String()) + "\n")
		}
		line.Reset()
	}
	for _, word := range strings.Fields(inline(strings.Join(lines, " "))) {
		if line.Len()+1+len(word) > width {
			end()
		}
		if line.Len() > 0 {
			line.WriteByte(' ')
		}
		line.WriteString(word)
	}
	end()
	return out.String()
}

// inline makes roff of code, emphasis and links; where a link leads is left out.
func inline(text string) string {
	text = link.ReplaceAllString(text, "$1")
	var out strings.Builder
	for {
		at := span.FindStringIndex(text)
		if at == nil {
			return out.String() + escape(text)
		}
		word := text[at[0]:at[1]]
		marks := 1
		if strings.HasPrefix(word, "**") {
			marks = 2
		}
		out.WriteString(escape(text[:at[0]]) + bold(word[marks:len(word)-marks]))
		text = text[at[1]:]
	}
}

func bold(text string) string { return `\fB` + escape(text) + `\fR` }

// escape makes the text mean itself (groff_char(7)): hyphens can be copied as such.
func escape(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\\':
			out.WriteString(`\e`)
		case r == '-':
			out.WriteString(`\-`)
		case r == '`':
			out.WriteString(`\(ga`)
		case r == '\'':
			out.WriteString(`\(aq`)
		case r == '^':
			out.WriteString(`\(ha`)
		case r == '~':
			out.WriteString(`\(ti`)
		case r > '~':
			fmt.Fprintf(&out, `\[u%04X]`, r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// guarded keeps a line of text from being taken for a request.
func guarded(line string) string {
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}
