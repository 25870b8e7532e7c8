package main

import (
	"bufio"
	"bytes"
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

// writeJSONList writes a list as writeJSON does, one document at a time.
func writeJSONList[T, D any](w io.Writer, list []T, document func(T) D) error {
	if len(list) == 0 {
		return writeJSON(w, []D{})
	}
	out, one := bufio.NewWriterSize(w, 64<<10), &bytes.Buffer{}
	enc := json.NewEncoder(one)
	enc.SetIndent("  ", "  ")
	enc.SetEscapeHTML(false)
	before := "[\n  "
	for _, t := range list {
		one.Reset()
		if err := enc.Encode(document(t)); err != nil {
			return err
		}
		out.WriteString(before)
		out.Write(bytes.TrimSuffix(one.Bytes(), []byte("\n")))
		before = ",\n  "
	}
	out.WriteString("\n]\n")
	return out.Flush()
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
