package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// The exit codes: see docs/commands.md.
const (
	exitDone    = 0 // done; nothing differs; accepted; nothing found
	exitNo      = 1 // done, and the answer is no
	exitInvalid = 2 // wrong usage or invalid input; nothing was touched
	exitSystem  = 3 // the system refused; what was in force still is
	exitLockout = 4 // refused: it would lock out who is logged in now
)

// app is one run of the program: where its words come from and go to.
type app struct {
	args     []string
	in       io.Reader
	out, err io.Writer
	flags    globalFlags
	acted    bool // the command has changed the system, as it was asked to
}

// failure is an error that knows its exit code.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// errNo ends a command with exit code 1 and no further word.
var errNo = &failure{exitNo, errors.New("the answer is no")}

// errReported ends a command whose diagnostics are already on the screen.
var errReported = &failure{exitInvalid, errors.New("invalid input")}

func usagef(format string, args ...any) error {
	return &failure{exitInvalid, fmt.Errorf(format, args...)}
}

func systemFailure(err error) error { return &failure{exitSystem, err} }

// run is the whole program: words in, words out, exit code.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	data := &dataWriter{to: out}
	a := &app{args: args, in: in, out: data, err: errOut}
	err := a.dispatch(args)
	if !a.acted {
		err = data.outcome(err)
	}
	if err == nil {
		return exitDone
	}
	code := exitSystem // what is no failure of ours is the output's
	if f := (*failure)(nil); errors.As(err, &f) {
		code = f.code
	}
	if err != errNo && err != errReported && !errors.Is(err, errTold) {
		fmt.Fprintf(errOut, "ngcp-fw: %s\n", err)
	}
	return code
}

// dispatch finds the command behind the global flags and runs it.
func (a *app) dispatch(args []string) error {
	global := pflag.NewFlagSet("ngcp-fw", pflag.ContinueOnError)
	global.SetInterspersed(false)
	quiet(global)
	a.flags.register(global)
	if err := global.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return a.help(nil)
	} else if err != nil {
		return flagError(err, "ngcp-fw help")
	}
	if err := emptyValue(global, "ngcp-fw help"); err != nil {
		return err
	}
	if global.NArg() == 0 {
		a.writeOverview(a.err)
		return &failure{exitInvalid, errors.New("no command given")}
	}
	return a.runCommand(global.Arg(0), global.Args()[1:])
}

func (a *app) runCommand(name string, args []string) error {
	cmd, ok := findCommand(name)
	if !ok {
		return usagef("there is no command %q\nhint: %s", name, commandHint(name))
	}
	flags, body := a.prepare(cmd)
	if err := flags.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return a.help([]string{name})
	} else if err != nil {
		return flagError(err, "ngcp-fw help "+name)
	}
	if err := emptyValue(flags, "ngcp-fw help "+name); err != nil {
		return err
	}
	if err := a.flags.validate(); err != nil {
		return err
	}
	if n := flags.NArg(); n > cmd.maxArgs {
		return usagef("%s takes no %q\nhint: ngcp-fw help %s", name, flags.Arg(cmd.maxArgs), name)
	}
	err := body(a, flags.Args())
	a.acted = err == nil && cmd.acts()
	return err
}

// prepare makes the command's flag set: its own flags and the global ones.
func (a *app) prepare(cmd command) (*pflag.FlagSet, action) {
	flags := pflag.NewFlagSet(cmd.name, pflag.ContinueOnError)
	quiet(flags)
	body := cmd.setup(flags)
	a.flags.register(flags)
	return flags, body
}

func quiet(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.Usage = func() {}
	flags.SetOutput(io.Discard)
}

// remark is for people, beside the data.
func (a *app) remark(format string, args ...any) {
	fmt.Fprintf(a.err, "ngcp-fw: "+strings.TrimSuffix(format, "\n")+"\n", args...)
}
