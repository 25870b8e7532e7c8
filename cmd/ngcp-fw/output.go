package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// screenWidth is the columns that text output is made for.
const screenWidth = 80

// writeJSON writes one indented JSON document.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// dataWriter is standard output that remembers the first write that failed, so
// that no command need look at each line it writes.
type dataWriter struct {
	to     io.Writer
	failed error
}

func (w *dataWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if w.failed == nil {
		w.failed = err
	}
	return n, err
}

// outcome is a command's error, or the output's where the command knows of none
// of its own but an answer that did not arrive.
func (w *dataWriter) outcome(err error) error {
	if w.failed != nil && (err == nil || err == errNo) {
		return w.failed
	}
	return err
}

// plural is "1 error", "2 errors", "2 prefixes".
func plural(n int, noun string) string {
	ending := "s"
	switch {
	case n == 1:
		ending = ""
	case strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "s"):
		ending = "es"
	}
	return fmt.Sprintf("%d %s%s", n, noun, ending)
}

// wrap breaks text at blanks; the first line begins at column used, the others
// are indented.
func wrap(text string, used, indent int) string {
	var b strings.Builder
	for i, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case i > 0 && used+1+length > screenWidth:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		case i > 0:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += length
	}
	return b.String()
}
