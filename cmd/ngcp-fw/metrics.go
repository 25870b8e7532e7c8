package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall/metrics"
	"ngcp-fw/firewall/store"
)

// textfileEnding is that of the files that node_exporter's textfile collector
// reads.
const textfileEnding = ".prom"

// setupMetrics is for machines that ask often: what differs, or that nothing is in
// force, is a value and no failure.
func setupMetrics(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	file := flags.String("textfile", "", "write to `FILE`, whole or not at all, for node_exporter's textfile collector")
	return func(a *app, _ []string) error {
		if out.json() && *file != "" {
			return usagef("--textfile is Prometheus' text, not JSON")
		}
		state, failed := a.firewall().Scrape(time.Now())
		state.Version = version
		families := metrics.Families(state)
		err := a.writeMetrics(families, *file, out.json())
		if failed != nil {
			err = errors.Join(failed, err)
		}
		if err != nil {
			return systemFailure(err)
		}
		return nil
	}
}

func (a *app) writeMetrics(families []metrics.Family, file string, asJSON bool) error {
	switch {
	case asJSON:
		return writeJSON(a.out, families)
	case file == "":
		_, err := a.out.Write(metrics.Text(families))
		return err
	}
	if !strings.HasSuffix(file, textfileEnding) {
		writeNote(a.err, "note", fmt.Sprintf("node_exporter reads only files that end in %s", textfileEnding))
	}
	return store.WriteTextfile(file, metrics.Text(families))
}
