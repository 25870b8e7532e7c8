package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	bullet   = regexp.MustCompile(`^(?:-|[0-9]+\.) `)
	lineRule = regexp.MustCompile(`^\|[-|]+\|$`)
)

// blocks makes roff of Markdown's blocks, as this documentation uses them:
// paragraphs, lists, tables, code and headings of the third level.
func blocks(text string) string {
	var out strings.Builder
	lines := strings.Split(text, "\n")
	for len(lines) > 0 {
		var roff string
		roff, lines = block(lines)
		out.WriteString(roff)
	}
	return out.String()
}

// block makes roff of the first block, and gives the lines behind it.
func block(lines []string) (roff string, rest []string) {
	line := lines[0]
	switch {
	case line == "":
		return "", lines[1:]
	case strings.HasPrefix(line, "```"):
		code, rest := until(lines[1:], func(l string) bool { return l == "```" })
		return example(strings.Join(code, "\n")), rest[min(1, len(rest)):]
	case strings.HasPrefix(line, "    "):
		code, rest := until(lines, func(l string) bool { return !strings.HasPrefix(l, "    ") })
		return example(strings.ReplaceAll("\n"+strings.Join(code, "\n"), "\n    ", "\n")), rest
	case strings.HasPrefix(line, "### "):
		return ".SS " + inline(line[4:]) + "\n", lines[1:]
	case strings.HasPrefix(line, "|"):
		rows, rest := until(lines, func(l string) bool { return !strings.HasPrefix(l, "|") })
		return table(rows), rest
	case bullet.MatchString(line):
		item, rest := until(lines[1:], func(l string) bool { return !strings.HasPrefix(l, "  ") })
		return listItem(line, item), rest
	}
	paragraph, rest := until(lines[1:], func(l string) bool {
		return l == "" || strings.HasPrefix(l, "```") || bullet.MatchString(l)
	})
	return ".PP\n" + filled(append([]string{line}, paragraph...)), rest
}

func until(lines []string, end func(string) bool) (some, rest []string) {
	for i, l := range lines {
		if end(l) {
			return lines[:i], lines[i:]
		}
	}
	return lines, nil
}

func listItem(first string, more []string) string {
	mark := strings.TrimSpace(bullet.FindString(first))
	text := first[len(mark)+1:]
	if mark == "-" {
		mark = `\(bu`
	}
	return fmt.Sprintf(".IP %s 4\n%s", mark, filled(append([]string{text}, more...)))
}

// table makes an entry of each row: of two columns the second under the first; of
// more, each under the first with its heading.
func table(rows []string) string {
	var out strings.Builder
	head := cells(rows[0])
	for _, row := range rows[1:] {
		if lineRule.MatchString(strings.ReplaceAll(row, " ", "")) {
			continue
		}
		words := cells(row)
		text := words[1:]
		if len(words) > 2 {
			text = nil
			for i, word := range words[1:] {
				if word != "" {
					text = append(text, head[i+1]+": "+word)
				}
			}
		}
		fmt.Fprintf(&out, ".TP\n%s\n%s", bold(strings.ReplaceAll(words[0], "`", "")), filled([]string{strings.Join(text, "; ")}))
	}
	return out.String()
}

func cells(row string) []string {
	words := strings.Split(strings.Trim(row, "|"), "|")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	return words
}

// example is text that stays as it is.
func example(text string) string {
	text = strings.Trim(text, "\n")
	if text == "" {
		return ""
	}
	var out strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		out.WriteString(guarded(escape(line)) + "\n")
	}
	return ".PP\n.RS 4\n.nf\n" + out.String() + ".fi\n.RE\n"
}
