package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ngcp-fw/firewall/store"
	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/exposure"
	"ngcp-fw/policy/ngcp"
)

// input is everything a command knows after reading its files.
type input struct {
	policy *policy.Policy
	model  *exposure.Model
	diags  diag.List
	digest [32]byte          // of the policy's text
	texts  map[string][]byte // files that diagnostics may quote, by name
	lists  map[string]bool   // list files, quoted on demand
	heard  []store.Input     // every file, as it was read
}

// stdinName is how places in a policy from standard input read.
const stdinName = "<stdin>"

// load reads policy, config.yml and network.yml, resolves them, and reports:
// errors end the command, warnings are told on stderr if asked for.
func (a *app) load(warnings bool) (*input, error) {
	in := a.read(a.flags)
	var told diag.List
	for _, d := range in.diags {
		if warnings || d.Severity == diag.Error {
			told = append(told, d)
		}
	}
	a.report(a.err, in, told)
	if in.diags.Errors() > 0 {
		return nil, errReported
	}
	return in, nil
}

// read reads and resolves everything; what is wrong is in diags. The policy
// and the model are nil only where nothing could be made of the files.
func (a *app) read(flags globalFlags) *input {
	in := &input{texts: map[string][]byte{}, lists: map[string]bool{}}
	in.readPolicy(a, flags.policy)
	if in.policy != nil {
		in.resolve(flags)
		in.withhold()
	}
	in.diags = slices.CompactFunc(placed(in.diags), sameRemark)
	return in
}

// resolve reads what the policy or the flags name, and makes the model.
func (in *input) resolve(flags globalFlags) {
	now := time.Now()
	inputs := exposure.Inputs{Policy: in.policy, Now: now}
	inputs.Config = in.readConfig(flags.config)
	inputs.Network = in.readNetwork(flags.network)
	if inputs.Network != nil {
		inputs.Host, inputs.HostPos = in.pickHost(inputs.Network, flags.host)
		inputs.Links = in.linksHere(inputs.Network, inputs.Host, flags.host)
	}
	model, diags := exposure.Resolve(inputs)
	in.model, in.diags = model, append(in.diags, diags...)
	if in.policy.File != "" && in.policy.File != stdinName {
		in.unusedLists()
	}
	in.diags.Sort()
	in.diags = exposure.Accept(in.policy, slices.CompactFunc(in.diags, sameRemark), now)
}

// sameRemark reports whether two say the same of the same place, as the options
// below one broken mapping do.
func sameRemark(a, b diag.Diagnostic) bool {
	a.Width, a.About = b.Width, b.About
	return a == b
}

// placed gives remarks on a whole file or line the place where it begins, so
// that all of them read FILE:LINE:COL.
func placed(list diag.List) diag.List {
	for i := range list {
		if p := &list[i].Pos; p.File != "" {
			p.Line, p.Column = max(p.Line, 1), max(p.Column, 1)
		}
	}
	return list
}

func (in *input) readPolicy(a *app, path string) {
	name, data, err := a.policyText(path)
	switch {
	case err != nil && path == "" && errors.Is(err, fs.ErrNotExist):
		a.remark("no %s: the built-in policy serves", defaultPolicy)
		in.policy = policy.Builtin()
	case err != nil:
		in.fail(diag.Pos{File: name}, "file-unreadable", diag.FileProblem(err), initHint(name, err))
	default:
		in.texts[name] = data
		in.digest = digest(data)
		in.hearPolicy(name, data)
		in.policy, in.diags = policy.Parse(name, data, in.openList)
	}
}

// initHint is the hint for a policy that is not there; init leaves alone
// what is.
func initHint(name string, err error) string {
	if !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return "ngcp-fw init -f " + name + " writes a first policy"
}

func (a *app) policyText(path string) (name string, data []byte, err error) {
	switch path {
	case "":
		path = defaultPolicy
	case "-":
		data, err = readAll(a.in)
		return stdinName, data, err
	}
	data, err = readWhole(path)
	return path, data, err
}

// largestFile is one byte more than the YAML reader takes: enough for it to
// refuse the file, and an end to devices that have none.
const largestFile = 32<<20 + 1

func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, largestFile)) }

func readWhole(path string) ([]byte, error) { return readOpened(os.Open(path)) }

func readOpened(f *os.File, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

func (in *input) openList(path string) (io.ReadCloser, error) {
	in.lists[path] = true
	f, err := openNamed(path)
	if err != nil {
		return nil, err
	}
	return in.listen(path, f), nil
}

// openNamed opens a file that a policy names. What may wait for ever, or never
// end, is refused; but a caller may pass a file on, as <(…) of a shell does.
func openNamed(path string) (*os.File, error) {
	info, err := os.Stat(path)
	passed := path == os.DevNull || path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/")
	if err == nil && !passed && info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) != 0 {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is a pipe or a device, not a file")}
	}
	return os.Open(path)
}

// beside resolves a path written in the policy: relative to the policy's folder.
func (in *input) beside(path string) string {
	if filepath.IsAbs(path) || in.policy.File == "" || in.policy.File == stdinName {
		return path
	}
	return filepath.Join(filepath.Dir(in.policy.File), path)
}

// file is a file to read and the place that names it; the zero place is a flag.
type file struct {
	path string
	pos  diag.Pos
}

func (in *input) readConfig(flag []string) *ngcp.Config {
	var files []file
	for _, path := range flag {
		files = append(files, file{path: path})
	}
	if len(files) == 0 {
		for _, word := range in.policy.NGCP.Config {
			files = append(files, file{in.beside(word.Text), word.Pos})
		}
	}
	var sources []ngcp.Source
	for _, f := range files {
		if data, ok := in.readFile(f); ok {
			sources = append(sources, ngcp.Source{Name: f.path, Data: data})
		}
	}
	if len(sources) == 0 {
		return nil
	}
	config, diags := ngcp.ParseConfig(sources...)
	in.diags = append(in.diags, diags...)
	return config
}

func (in *input) readNetwork(flag string) *ngcp.Network {
	f := file{path: flag}
	if word := in.policy.NGCP.Network; flag == "" && word.Text != "" {
		f = file{in.beside(word.Text), word.Pos}
	}
	if f.path == "" {
		return nil
	}
	data, ok := in.readFile(f)
	if !ok {
		return nil
	}
	network, diags := ngcp.ParseNetwork(ngcp.Source{Name: f.path, Data: data})
	in.diags = append(in.diags, diags...)
	return network
}

func (in *input) readFile(f file) ([]byte, bool) {
	open, pos := openNamed, f.pos
	if pos.IsZero() { // a flag's
		open, pos.File = os.Open, f.path
	}
	data, err := readOpened(open(f.path))
	if err == nil {
		in.hear(f.path, data)
		return data, true
	}
	in.fail(pos, "file-unreadable", fmt.Sprintf("%s: %s", f.path, diag.FileProblem(err)), "")
	return nil, false
}

func (in *input) fail(pos diag.Pos, code, message, hint string) {
	in.diags = append(in.diags, diag.Diagnostic{Pos: pos, Severity: diag.Error, Code: code, Message: message, Hint: hint})
}
