// Command bench measures ngcp-fw against the best there is on the same machine in
// the same minute: nft -f, and the kernel alone. Only ratios and counts leave it;
// docs/performance.md says how each is measured and why.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"ngcp-fw/netns_test/lab"
)

// measures is everything there is to measure, in the table's order.
func measures() []measure {
	return []measure{
		{"hitless", measureHitless},
		{"tcp", measureTCP},
		{"load", measureLoad},
		{"onemore", measureOneMore},
		{"small", measureSmall},
		{"bans", measureBans},
		{"offline", measureOffline},
		{"rtp", measureRTP}, {"flows", measureFlows}, {"lookups", measureLookups},
	}
}

// measure is one measurement, which may give several rows of the table.
type measure struct {
	name string // for -only
	run  func(*env) ([]row, error)
}

// env is what a measurement finds.
type env struct {
	program string // ngcp-fw, freshly built
	dir     string // for files; goes away at the end
	quick   bool   // sizes so small that only the instrument itself is tried
	rounds  int    // of each interleaved series; 0: as many as the measurement thinks right
}

// size is the first number, or the second one where things have to be quick.
func (e *env) size(full, quick int) int {
	if e.quick {
		return quick
	}
	return full
}

// repeat is how many rounds a series has.
func (e *env) repeat(full int) int {
	switch {
	case e.rounds > 0:
		return e.rounds
	case e.quick:
		return 1
	}
	return full
}

// options is the command line.
type options struct {
	only, write   string
	rounds        int
	quick, strict bool
}

func main() {
	code, ran, err := lab.Enter()
	if !ran {
		if err == nil {
			code, err = run(os.Args[1:])
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		}
	}
	os.Exit(max(code, exitOf(err)))
}

func exitOf(err error) int {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return 2
	}
	return 0
}

// run measures what the arguments ask for; the code is 1 if a goal is missed and
// that is an error.
func run(args []string) (code int, err error) {
	o, err := parse(args)
	if err != nil {
		return 0, err
	}
	chosen, err := choose(measures(), o.only)
	if err != nil {
		return 0, err
	}
	e := &env{quick: o.quick, rounds: o.rounds}
	if e.dir, err = os.MkdirTemp("", "ngcp-fw-bench-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(e.dir)
	if err := e.build(); err != nil {
		return 0, err
	}
	rows, err := e.measure(chosen)
	if err != nil {
		return 0, err
	}
	fmt.Print(table(rows))
	if o.write != "" {
		err = place(o.write, table(rows))
	}
	if o.strict && missed(rows) > 0 {
		code = 1
	}
	return code, err
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.only, "only", "", "measure only these, comma-separated: "+names(measures()))
	flags.IntVar(&o.rounds, "rounds", 0, "rounds of each series (0: as many as each needs)")
	flags.BoolVar(&o.quick, "quick", false, "small sizes: tries the instrument, its ratios mean nothing")
	flags.BoolVar(&o.strict, "strict", false, "exit with 1 if a goal is missed")
	flags.StringVar(&o.write, "write", "", "put the table into this file, between its two marker comments")
	if err = flags.Parse(args); err != nil {
		return o, err
	}
	if o.write != "" && (o.only != "" || o.quick) {
		return o, errors.New("-write takes the whole table at its full size: leave out -only and -quick")
	}
	return o, nil
}

func names(list []measure) string {
	var words []string
	for _, m := range list {
		words = append(words, m.name)
	}
	return strings.Join(words, ", ")
}

// choose picks measurements by their names; empty: all.
func choose(all []measure, only string) (chosen []measure, err error) {
	if only == "" {
		return all, nil
	}
	for _, name := range strings.Split(only, ",") {
		before := len(chosen)
		for _, m := range all {
			if m.name == name {
				chosen = append(chosen, m)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("there is nothing called %q to measure\nhint: -only takes %s", name, names(all))
		}
	}
	return chosen, nil
}

// build builds the program to measure, as make build does.
func (e *env) build() error {
	e.program = filepath.Join(e.dir, "ngcp-fw")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", e.program, "ngcp-fw/cmd/ngcp-fw")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the program: %w\n%s", err, out)
	}
	return nil
}

func (e *env) measure(chosen []measure) (rows []row, err error) {
	for _, m := range chosen {
		fmt.Fprintf(os.Stderr, "measuring %s …\n", m.name)
		more, err := m.run(e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		for _, r := range more {
			fmt.Fprintln(os.Stderr, "  "+r.String())
		}
		rows = append(rows, more...)
	}
	return rows, nil
}
