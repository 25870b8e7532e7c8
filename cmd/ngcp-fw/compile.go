package main

import (
	"io"
	"strings"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/mediaproxy"
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
		if err := table.WriteText(a.out); err != nil {
			return err
		}
		_, err = io.WriteString(a.out, strings.Join(mediaproxy.Comment(mediaproxy.Stated(in.model.Mediaproxy)), "\n")+"\n")
		return err
	}
}
