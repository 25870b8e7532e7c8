package main

import (
	"fmt"

	"github.com/spf13/pflag"
)

type removeJSON struct {
	Removed bool `json:"removed"`
}

func setupRemove(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
		removed, err := a.firewall().Remove()
		switch {
		case err != nil:
			return systemFailure(err)
		case out.json():
			return writeJSON(a.out, removeJSON{removed})
		case removed:
			fmt.Fprintln(a.out, "Removed. Nothing of ngcp-fw is in force: the host is as open as its services and\nother tables make it.")
		default:
			fmt.Fprintln(a.out, "Nothing of ngcp-fw was in force.")
		}
		return nil
	}
}
