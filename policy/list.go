package policy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/yamlwalk"
)

// Limits of list files.
const (
	maxListLine   = 4096      // bytes: a source is at most 79 characters, the rest is comment
	maxListSize   = 256 << 20 // bytes: more than ten million lines; devices never end
	maxListErrors = 20        // told one by one; the rest is counted
)

// listFile is what a list file holds, read once however often it is named.
type listFile struct {
	set   addr.Set
	lines int // that hold a source
	err   error
}

func parseEntryFile(p *parser, n *yaml.Node, into *entry) {
	into.forms++
	word, ok := p.path(n, "file")
	if !ok {
		return
	}
	path := p.resolve(word.Text)
	list := p.readList(path)
	into.Text, into.List, into.Sources = word.Text, word.Text, list.set
	switch {
	case list.err != nil:
		hint := ""
		if errors.Is(list.err, fs.ErrNotExist) && !filepath.IsAbs(word.Text) {
			hint = "relative paths start at the policy's folder; this is " + show(path)
		}
		p.fail(n, "file-unreadable", hint, "%s: %s", show(word.Text), diag.FileProblem(list.err))
	case list.lines == 0:
		p.report(diag.Warning, p.pos(n), yamlwalk.Width(n), problem("empty-list-file", "", "%s lists no source", show(word.Text)))
	}
}

// resolve gives the path to open: relative ones start at the policy's folder.
func (p *parser) resolve(path string) string {
	if filepath.IsAbs(path) || p.policy.File == stdin {
		return path
	}
	return filepath.Join(filepath.Dir(p.policy.File), path)
}

func (p *parser) readList(path string) listFile {
	if list, known := p.lists[path]; known {
		return list
	}
	var list listFile
	if file, err := p.open(path); err != nil {
		list.err = err
	} else {
		var diags diag.List
		list, diags = parseList(path, file)
		file.Close()
		p.list = append(p.list, diags...)
	}
	p.lists[path] = list
	return list
}

// listParser reads a list file line by line.
type listParser struct {
	file   string
	line   int
	lines  int
	errors int
	list   diag.List
	set    addr.Builder
}

// parseList reads one source a line; # begins a comment.
func parseList(file string, r io.Reader) (listFile, diag.List) {
	p := listParser{file: file}
	err := p.read(bufio.NewReaderSize(&sizeLimit{r, maxListSize}, maxListLine))
	p.summary()
	return listFile{p.set.Set(), p.lines, err}, p.list
}

func (p *listParser) read(r *bufio.Reader) error {
	for {
		text, err := r.ReadSlice('\n')
		if len(text) > 0 {
			p.line++
			p.parse(text, err == bufio.ErrBufferFull)
		}
		for err == bufio.ErrBufferFull {
			_, err = r.ReadSlice('\n')
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

var errTooLarge = errors.New("larger than 256 MiB")

// sizeLimit fails where a file turns out to be too large.
type sizeLimit struct {
	io.Reader
	left int
}

func (l *sizeLimit) Read(buffer []byte) (int, error) {
	n, err := l.Reader.Read(buffer)
	if l.left -= n; l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

var byteOrderMark = []byte("\uFEFF")

// parse reads one line; cut says that more of it did not fit.
func (p *listParser) parse(line []byte, cut bool) {
	if p.line == 1 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	text := line
	if i := bytes.IndexByte(line, '#'); i >= 0 {
		text, cut = line[:i], false
	}
	source := bytes.TrimSpace(text)
	switch {
	case cut:
		p.fail(1, 0, problem("bad-list-line", "", "the line has more than %d bytes", maxListLine))
	case len(source) > 0:
		p.lines++
		if err := addSource(&p.set, string(source)); err != nil {
			column := 1 + utf8.RuneCount(text[:bytes.Index(text, source)])
			p.fail(column, utf8.RuneCount(source), err)
		}
	}
}

func (p *listParser) fail(column, width int, err error) {
	p.errors++
	if p.errors > maxListErrors+1 {
		return
	}
	what := asProblem(err)
	p.list = append(p.list, diag.Diagnostic{
		Pos: diag.Pos{File: p.file, Line: p.line, Column: column}, Width: width,
		Severity: diag.Error, Code: what.Code, Message: what.Message, Hint: what.Hint,
	})
}

// summary puts a count in the place of the first error that is one too many.
func (p *listParser) summary() {
	if p.errors <= maxListErrors+1 {
		return
	}
	last := &p.list[maxListErrors]
	*last = moreErrors(last.Pos, p.errors-maxListErrors)
}
