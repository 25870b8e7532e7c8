package main

import (
	"fmt"

	"github.com/spf13/pflag"
)

func setupRemove(*pflag.FlagSet) action {
	return func(a *app, _ []string) error {
		removed, err := a.firewall().Remove()
		switch {
		case err != nil:
			return systemFailure(err)
		case removed:
			fmt.Fprintln(a.out, "Removed. Nothing of ngcp-fw is in force: the host is as open as its services and\nother tables make it.")
		default:
			fmt.Fprintln(a.out, "Nothing of ngcp-fw was in force.")
		}
		return nil
	}
}
