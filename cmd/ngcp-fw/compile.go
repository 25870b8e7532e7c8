package main

import (
	"github.com/spf13/pflag"

	"ngcp-fw/firewall/compile"
)

func setupCompile(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "nft", "json")
	return func(a *app, _ []string) error {
		in, err := a.load(true)
		if err != nil {
			return err
		}
		table := compile.Compile(in.model, 1)
		if out.json() {
			return writeJSON(a.out, tableDocument(table))
		}
		return table.WriteText(a.out)
	}
}
