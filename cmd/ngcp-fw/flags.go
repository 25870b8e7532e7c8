package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

const defaultPolicy = "/etc/ngcp-fw/policy.yml"

// globalFlags hold for every command, before or after its name.
type globalFlags struct {
	policy   string
	config   []string
	network  string
	host     string
	stateDir string
	runDir   string
	color    string
}

func (g *globalFlags) register(flags *pflag.FlagSet) {
	keep := func(current, builtin string) string {
		if current != "" {
			return current
		}
		return builtin
	}
	flags.StringVarP(&g.policy, "policy", "f", keep(g.policy, ""), "the policy `FILE`; - is stdin (default "+defaultPolicy+")")
	flags.StringArrayVar(&g.config, "config", g.config, "NGCP's config.yml `FILE`, over the policy's; once more for one that overrides it")
	flags.StringVar(&g.network, "network", g.network, "NGCP's network.yml `FILE`, over the policy's")
	flags.StringVar(&g.host, "host", g.host, "this host's `NAME` in network.yml, over the policy's")
	flags.StringVar(&g.stateDir, "state-dir", keep(g.stateDir, "/var/lib/ngcp-fw"), "`DIR` of the applied generations")
	flags.StringVar(&g.runDir, "run-dir", keep(g.runDir, "/run/ngcp-fw"), "`DIR` of the lock")
	flags.StringVar(&g.color, "color", keep(g.color, "auto"), "`WHEN` to colour: auto, always or never")
}

// emptyValue refuses a flag whose value is missing, as where a variable of a
// script is not set: no default stands in for it unasked.
func emptyValue(flags *pflag.FlagSet, help string) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.String() == "" {
			err = usagef("--%s wants a value\nhint: %s", f.Name, help)
		}
	})
	return err
}

func (g *globalFlags) validate() error {
	if !slices.Contains([]string{"auto", "always", "never"}, g.color) {
		return usagef("--color is auto, always or never, not %q", g.color)
	}
	return nil
}

// flagError says in our words what is wrong with the flags.
func flagError(err error, help string) error {
	text := err.Error()
	if e := (*pflag.InvalidValueError)(nil); errors.As(err, &e) {
		text = fmt.Sprintf("--%s cannot be %q: %s", e.GetFlag().Name, e.GetValue(), e.Unwrap())
	} else if e := (*pflag.ValueRequiredError)(nil); errors.As(err, &e) {
		text = fmt.Sprintf("--%s wants a value", e.GetFlag().Name)
	} else if e := (*pflag.NotExistError)(nil); errors.As(err, &e) {
		dashes := "--"
		if e.GetSpecifiedShortnames() != "" {
			dashes = "-"
		}
		text = fmt.Sprintf("there is no flag %s%s", dashes, e.GetSpecifiedName())
	}
	return usagef("%s\nhint: %s", text, help)
}

// colored tells whether to colour what goes to f.
func (g *globalFlags) colored(f any) bool {
	switch {
	case g.color != "auto":
		return g.color == "always"
	case os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb":
		return false
	}
	if data, ok := f.(*dataWriter); ok {
		f = data.to
	}
	file, ok := f.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// format is a command's -o flag.
type format struct {
	value   string
	allowed []string
}

func outputFlag(flags *pflag.FlagSet, allowed ...string) *format {
	f := &format{value: allowed[0], allowed: allowed}
	flags.VarP(f, "output", "o", "output `FORMAT`: "+strings.Join(allowed, ", "))
	return f
}

func (f *format) String() string { return f.value }
func (f *format) Type() string   { return "format" }

func (f *format) Set(s string) error {
	if !slices.Contains(f.allowed, s) {
		return fmt.Errorf("it is %s", strings.Join(f.allowed, " or "))
	}
	f.value = s
	return nil
}

func (f *format) json() bool { return f.value == "json" }
