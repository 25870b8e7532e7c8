package yamlwalk

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// maxTold is how many badly encoded places are reported:
// a file in another encoding has thousands.
const maxTold = 10

var byteOrderMark = []byte("\uFEFF")

// isUTF16 reports whether the text begins as UTF-16 does: with its byte-order
// mark, or with an ASCII character that has a zero byte at its side (YAML 1.2.2,
// section 5.2).
func isUTF16(data []byte) bool {
	if len(data) < 2 {
		return false
	}
	switch a, b := data[0], data[1]; {
	case a == 0:
		return isText(b)
	case b == 0:
		return isText(a)
	default:
		return a == 0xfe && b == 0xff || a == 0xff && b == 0xfe
	}
}

func isText(b byte) bool { return b >= ' ' && b <= '~' || b == '\n' || b == '\r' || b == '\t' }

// clean gives the text without byte-order mark, with everything that YAML
// can't hold replaced by U+FFFD, and with no line break but LF and CR LF, so
// that lines are those of the operator's editor.
func (r *reader) clean(data []byte) []byte {
	data = bytes.TrimPrefix(data, byteOrderMark)
	var out []byte
	var bad, start, lineStart int
	line := 1
	for i := 0; i < len(data); {
		char, size := utf8.DecodeRune(data[i:])
		if char == '\n' {
			line, lineStart = line+1, i+1
		}
		if message := unfit(data[i:], char, size); message != "" {
			out = utf8.AppendRune(append(out, data[start:i]...), utf8.RuneError)
			start = i + size
			if r.strict || char == 0 {
				if bad++; bad <= maxTold {
					r.report(line, 1+utf8.RuneCount(data[lineStart:i]), 1, "yaml-encoding", message, "save the file as UTF-8 text")
				}
			}
		}
		i += size
	}
	if start == 0 {
		return data
	}
	return append(out, data[start:]...)
}

// unfit says why the character at the start of text can't stay: YAML 1.2.2,
// section 5.1 lists those that may; section 5.4 explains why NEL, LS and PS
// are line breaks to some readers and not to others.
func unfit(text []byte, char rune, size int) string {
	switch {
	case char == utf8.RuneError && size == 1:
		return fmt.Sprintf("byte 0x%02x is not UTF-8", text[0])
	case char == '\t', char == '\n', char >= 0x20 && char <= 0x7e:
		return ""
	case char == '\r' && len(text) > 1 && text[1] == '\n':
		return ""
	case char < 0xa0, char == '\u2028', char == '\u2029', char == 0xfffe, char == 0xffff:
		return fmt.Sprintf("control character U+%04X", char)
	}
	return ""
}
