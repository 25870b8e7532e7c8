package policy

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
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
	lines int // that hold a source, or ought to
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

// parseList reads one source a line; # begins a comment. Pieces of the list are
// parsed side by side.
func parseList(file string, r io.Reader) (listFile, diag.List) {
	pieces, read := make(chan listPiece, runtime.GOMAXPROCS(0)), make(chan error, 1)
	go func() { read <- cutList(r, pieces) }()
	parsers := make([]*listParser, runtime.GOMAXPROCS(0))
	var working sync.WaitGroup
	for i := range parsers {
		p := &listParser{file: file}
		parsers[i] = p
		working.Go(func() {
			for piece := range pieces {
				p.piece(piece)
			}
			p.sorted = p.set.Set()
		})
	}
	working.Wait()
	all := listParser{file: file}
	for _, p := range parsers {
		all.add(p)
	}
	slices.SortStableFunc(all.list, func(a, b diag.Diagnostic) int { return cmp.Compare(a.Pos.Line, b.Pos.Line) })
	all.summary()
	return listFile{all.set.Set(), all.lines, <-read}, all.list
}

// listPiece is whole lines of a list.
type listPiece struct {
	first int // the number of the first of them
	text  []byte
}

// pieceSize is about how many bytes of a list are parsed at a time.
const pieceSize = 128 << 10

// cutList reads a list. Of a line that is too long it gives the beginning, which
// is still too long.
func cutList(r io.Reader, pieces chan<- listPiece) error {
	defer close(pieces)
	lines := bufio.NewReaderSize(bufio.NewReaderSize(&sizeLimit{r, maxListSize}, pieceSize), maxListLine)
	line, piece := 0, listPiece{first: 1}
	for {
		text, err := lines.ReadSlice('\n')
		if len(text) > 0 {
			line++
			piece.text = append(piece.text, text...)
		}
		if err == bufio.ErrBufferFull {
			piece.text = append(piece.text, "…\n"...)
		}
		for err == bufio.ErrBufferFull {
			_, err = lines.ReadSlice('\n')
		}
		if len(piece.text) >= pieceSize || err != nil {
			pieces <- piece
			piece = listPiece{line + 1, make([]byte, 0, pieceSize+2*maxListLine)}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// listParser reads a list file line by line.
type listParser struct {
	file   string
	line   int
	lines  int
	errors int
	list   diag.List
	set    addr.Builder
	sorted addr.Set
}

// add adds what another one has read.
func (p *listParser) add(other *listParser) {
	p.lines += other.lines
	p.errors += other.errors
	p.list = append(p.list, other.list...)
	p.set.AddSet(other.sorted)
}

func (p *listParser) piece(piece listPiece) {
	p.line = piece.first - 1
	for text := range bytes.Lines(piece.text) {
		p.line++
		p.parse(text, len(text) > maxListLine)
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
		p.lines++
		p.fail(1, 0, problem("bad-list-line", "", "the line has more than %d bytes", maxListLine))
	case len(source) > 0:
		p.lines++
		if err := addSource(&p.set, string(source)); err != nil {
			column := 1 + utf8.RuneCount(text[:bytes.Index(text, source)])
			p.fail(column, utf8.RuneCount(source), err)
		}
	}
}

// fail keeps the first errors of each parser: those that come first of all are
// among them.
func (p *listParser) fail(column, width int, err error) {
	p.errors++
	if len(p.list) > maxListErrors {
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
	p.list = p.list[:maxListErrors+1]
	last := &p.list[maxListErrors]
	*last = moreErrors(last.Pos, p.errors-maxListErrors)
}
