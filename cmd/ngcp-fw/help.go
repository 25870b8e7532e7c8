package main

import (
	"fmt"
	"io"

	"github.com/spf13/pflag"
)

func setupHelp(*pflag.FlagSet) action {
	return func(a *app, args []string) error { return a.help(args) }
}

func (a *app) help(args []string) error {
	if len(args) == 0 {
		a.writeOverview(a.out)
		return nil
	}
	cmd, ok := findCommand(args[0])
	if !ok {
		return usagef("there is no command %q\nhint: %s", args[0], commandHint(args[0]))
	}
	own := pflag.NewFlagSet(cmd.name, pflag.ContinueOnError)
	own.SortFlags = false
	cmd.setup(own)
	fmt.Fprintf(a.out, "ngcp-fw %s: %s\n\nusage: ngcp-fw [global flags] %s", cmd.name, cmd.summary, cmd.name)
	if own.HasFlags() {
		fmt.Fprint(a.out, " [flags]")
	}
	if cmd.args != "" {
		fmt.Fprint(a.out, " ", cmd.args)
	}
	fmt.Fprintln(a.out)
	if own.HasFlags() {
		fmt.Fprintf(a.out, "\nflags:\n%s", own.FlagUsagesWrapped(80))
	}
	writeGlobalFlags(a.out)
	return nil
}

func (a *app) writeOverview(w io.Writer) {
	fmt.Fprint(w, "ngcp-fw: host firewall and port-exposure manager for Sipwise NGCP\n\n"+
		"usage: ngcp-fw [global flags] COMMAND [flags]\n\ncommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s  %s\n", c.name, c.summary)
	}
	writeGlobalFlags(w)
	fmt.Fprint(w, "\nexit codes: 0 done or yes, 1 the answer is no, 2 invalid input, 3 the system\n"+
		"refused, 4 refused because it would lock out who is logged in\n")
}

func writeGlobalFlags(w io.Writer) {
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.SortFlags = false
	(&globalFlags{}).register(flags)
	fmt.Fprintf(w, "\nglobal flags:\n%s", flags.FlagUsagesWrapped(80))
}
