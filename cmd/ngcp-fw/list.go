package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"ngcp-fw/policy/exposure"
)

func setupList(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
		in, err := a.load(false)
		if err != nil {
			return err
		}
		if out.json() {
			return writeJSON(a.out, exposure.Facts(in.model.Exposures))
		}
		writeExposures(a.out, in.model)
		return nil
	}
}

// writeExposures writes who may reach what, and what is closed and why.
func writeExposures(w io.Writer, m *exposure.Model) {
	rows := [][]cell{heading("SERVICE", "PORTS", "WHO", "FROM", "ON", "WRITTEN IN")}
	service, ports := "", cell{}
	for _, e := range m.Exposures {
		row := []cell{text(e.Service), portItems(e.Ports), text(e.Role), sourceItems(e.Sources), where(e), text(e.Origin.LineOrigin())}
		if e.Service == service {
			row[0] = nil
			if slices.Equal(row[1], ports) {
				row[1] = nil
			}
		}
		service, ports = e.Service, portItems(e.Ports)
		rows = append(rows, row)
	}
	writeTable(w, rows)
	if !m.Deny.IsEmpty() {
		writeNote(w, "denied", strings.Join(sourceItems(m.Deny), " "))
	}
	writeClosed(w, m.Services)
	if m.Observe {
		fmt.Fprintln(w, "observe is on: what is not listed here is counted and logged, but not dropped")
	}
}

// where is the local addresses and links on which an exposure is open.
func where(e exposure.Exposure) cell {
	var items cell
	for _, a := range e.Addresses {
		items = append(items, a.String())
	}
	items = append(items, e.Interfaces...)
	if len(items) == 0 {
		return text("all")
	}
	return items
}

func writeClosed(w io.Writer, services []exposure.Service) {
	var closed []string
	for _, s := range services {
		if s.Closed != "" {
			closed = append(closed, fmt.Sprintf("%s (%s)", s.Name, s.Closed))
		}
	}
	if len(closed) > 0 {
		writeNote(w, "closed", strings.Join(closed, ", "))
	}
}

func writeNote(w io.Writer, name, note string) {
	fmt.Fprintf(w, "%s: %s\n", name, wrap(note, len(name)+2, 2))
}
