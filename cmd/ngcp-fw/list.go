package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"ngcp-fw/policy/addr"
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
	rows := [][]string{{"SERVICE", "PORTS", "WHO", "FROM", "ON", "WRITTEN IN"}}
	previous := ""
	for _, e := range m.Exposures {
		service, ports := e.Service, strings.Join(exposure.PortNames(e.Ports), " ")
		if service == previous {
			service, ports = "", ""
		}
		previous = e.Service
		rows = append(rows, []string{service, ports, e.Role, sourceSummary(e.Sources), where(e), e.Origin.LineOrigin()})
	}
	writeTable(w, rows)
	writeClosed(w, m.Services)
}

// inlineSources is how many prefixes a table's cell still shows one by one.
const inlineSources = 2

// sourceSummary is a source set in a table's cell.
func sourceSummary(s addr.Set) string {
	switch {
	case s.IsAny():
		return "any"
	case s.IsEmpty():
		return "nobody"
	case s.IsAny4():
		return "any4"
	case s.IsAny6():
		return "any6"
	}
	if s.Len4()+s.Len6() > inlineSources {
		return plural(s.Len4()+s.Len6(), "range")
	}
	if text := s.Strings(); len(text) <= inlineSources {
		return strings.Join(text, " ")
	}
	return rangeText(s)
}

func rangeText(s addr.Set) string {
	var parts []string
	for r := range s.Ranges() {
		parts = append(parts, fmt.Sprintf("%s-%s", r.From, r.To))
	}
	return strings.Join(parts, " ")
}

func where(e exposure.Exposure) string {
	var parts []string
	for _, a := range e.Addresses {
		parts = append(parts, a.String())
	}
	parts = append(parts, e.Interfaces...)
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, " ")
}

func writeClosed(w io.Writer, services []exposure.Service) {
	var closed []string
	for _, s := range services {
		if s.Closed != "" {
			closed = append(closed, fmt.Sprintf("%s (%s)", s.Name, s.Closed))
		}
	}
	if len(closed) > 0 {
		fmt.Fprintf(w, "closed: %s\n", wrap(strings.Join(closed, ", "), len("closed: ")))
	}
}

// screenWidth is the columns that text output is made for.
const screenWidth = 80

// wrap breaks text at blanks; the first line begins at column used.
func wrap(text string, used int) string {
	var b strings.Builder
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && used+1+len(word) > screenWidth:
			b.WriteString("\n  ")
			used = 2
		case i > 0:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += len(word)
	}
	return b.String()
}
