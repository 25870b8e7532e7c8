package main

import (
	"github.com/spf13/pflag"

	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

type serviceJSON struct {
	Service string   `json:"service"`
	Ports   []string `json:"ports"`
	Enabled bool     `json:"enabled"`
	Closed  string   `json:"closed,omitempty"`
	From    fromJSON `json:"from"`
}

type fromJSON struct {
	Ports   string `json:"ports"`
	Enabled string `json:"enabled"`
}

func setupServices(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
		in, err := a.load(false)
		if err != nil {
			return err
		}
		rows := []serviceJSON{}
		for _, s := range in.model.Services {
			rows = append(rows, serviceJSON{s.Name, portNames(s), s.Enabled, s.Closed,
				fromJSON{s.PortsFrom.LineOrigin(), s.EnabledFrom.LineOrigin()}})
		}
		if out.json() {
			return writeJSON(a.out, rows)
		}
		writeTable(a.out, serviceTable(rows))
		return nil
	}
}

func serviceTable(rows []serviceJSON) [][]cell {
	table := [][]cell{heading("SERVICE", "PORTS", "FROM", "ENABLED", "FROM")}
	for _, r := range rows {
		enabled := "yes"
		if !r.Enabled {
			enabled = "no"
		}
		ports := cell(r.Ports)
		if len(ports) == 0 {
			ports = text("-")
		}
		table = append(table, []cell{text(r.Service), ports, text(r.From.Ports), text(enabled), text(r.From.Enabled)})
	}
	return table
}

// portNames lists a service's ports; cluster's are "any".
func portNames(s exposure.Service) []string {
	if s.Name == exposure.Cluster {
		return []string{"any"}
	}
	return exposure.PortNames(append([]policy.Ports{}, s.Ports...))
}
