// Package yamlwalk reads YAML into nodes that know their places, and turns
// whatever is wrong with the text into remarks with a place.
package yamlwalk

import (
	"bytes"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
)

// Limits that keep a hostile or damaged file from costing more than an error
// message. The largest config.yml known has 2,000 lines and 47 kB.
const (
	MaxSize  = 32 << 20 // bytes of one file
	MaxDepth = 64       // mappings and lists inside each other
	MaxNodes = 1 << 20  // values of one file once its aliases are followed

	// MaxAliased is how many values the aliases of a file in our own language
	// may add to those that it writes out.
	MaxAliased = 1 << 16
)

// Read gives the root value of the file's only document.
//
// Strict is for files in our own language: besides what is wrong in any YAML
// it refuses badly encoded bytes, control characters, tags and empty files, and
// it puts what they stand for in the place of aliases and merge keys, so that
// none are left: nodes may then have several parents, and keep the place where
// they are written. Otherwise badly encoded bytes and control
// characters other than NUL become U+FFFD, aliases stay where they are (see
// Deref and Get) as long as what they stand for is within MaxNodes, and the
// root of an empty file is nil without a remark.
//
// The root is nil if the text can't be parsed at all.
func Read(file string, data []byte, strict bool) (*yaml.Node, diag.List) {
	r := reader{file: file, strict: strict}
	if len(data) > MaxSize {
		r.report(1, 0, 0, "yaml-size", fmt.Sprintf("the file is larger than %d MiB", MaxSize>>20), "")
		return nil, r.list
	}
	if isUTF16(data) {
		r.report(1, 0, 0, "yaml-encoding", "the file is UTF-16, not UTF-8", "save the file as UTF-8 text")
		return nil, r.list
	}
	text := r.clean(data)
	root := r.parse(text)
	if root != nil {
		r.inspect(root)
	}
	r.list.Sort()
	if r.tooMuch {
		return nil, r.list
	}
	return root, r.list
}

type reader struct {
	file    string
	strict  bool
	list    diag.List
	nodes   int  // that are written out, if strict
	tooMuch bool // walking the tree would not be safe
}

func (r *reader) report(line, column, width int, code, message, hint string) {
	r.list = append(r.list, diag.Diagnostic{
		Pos: diag.Pos{File: r.file, Line: line, Column: column}, Width: width,
		Severity: diag.Error, Code: code, Message: message, Hint: hint,
	})
}

func (r *reader) reportNode(n *yaml.Node, code, message, hint string) {
	r.report(n.Line, n.Column, Width(n), code, message, hint)
}

func (r *reader) parse(text []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	first, err := decode(decoder)
	if err == io.EOF {
		return r.empty()
	}
	if err != nil {
		r.syntax(text, err)
		return nil
	}
	second, err := decode(decoder)
	switch {
	case err == nil:
		r.report(second.Line, second.Column, 0, "yaml-documents", "a second document starts here",
			"keep one document in the file and remove the line ---")
	case err != io.EOF:
		r.syntax(text, err)
	}
	root := first.Content[0]
	if IsNull(root) {
		return r.empty()
	}
	return root
}

func (r *reader) empty() *yaml.Node {
	if r.strict {
		r.report(1, 0, 0, "yaml-empty", "the file has no content", "")
	}
	return nil
}

// decode gives the next document. The parser is known to panic on some
// malformed texts.
func decode(d *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: cannot be parsed")
		}
	}()
	var n yaml.Node
	if err := d.Decode(&n); err != nil {
		return nil, err
	}
	if len(n.Content) != 1 {
		return nil, io.EOF
	}
	return &n, nil
}
