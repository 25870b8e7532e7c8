package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/pflag"
)

func setupVersion(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
		if out.json() {
			return writeJSON(a.out, struct {
				Version string `json:"version"`
				Go      string `json:"go"`
			}{version, runtime.Version()})
		}
		fmt.Fprintf(a.out, "ngcp-fw %s\n", version)
		return nil
	}
}
