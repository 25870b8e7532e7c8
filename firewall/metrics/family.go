// Package metrics is a host's counters and state as Prometheus wants them: what is
// known at one moment in, text out. It knows nothing of kernels and files.
package metrics

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a family measures, in the words of a TYPE line.
type Kind string

// The kinds: what only grows, and what goes up and down.
const (
	Counter Kind = "counter"
	Gauge   Kind = "gauge"
)

// Family is the samples of one name.
type Family struct {
	Name    string   `json:"name"`
	Kind    Kind     `json:"type"`
	Help    string   `json:"help"`
	Samples []Sample `json:"samples"`
}

// Sample is one value. Of those with the same labels, the first counts: two of them
// would spoil the whole text for who reads it.
type Sample struct {
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

// Text is the families in the text format of Prometheus, version 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats), in their order, each with
// its samples sorted by their labels.
func Text(families []Family) []byte {
	var b strings.Builder
	for _, f := range families {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", f.Name, helpEscapes.Replace(f.Help), f.Name, f.Kind)
		for _, s := range sorted(f.Samples) {
			b.WriteString(f.Name + labels(s.Labels) + " " + strconv.FormatFloat(s.Value, 'f', -1, 64) + "\n")
		}
	}
	return []byte(b.String())
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func sorted(samples []Sample) []Sample {
	all := slices.SortedStableFunc(slices.Values(samples), func(a, b Sample) int {
		return cmp.Compare(labels(a.Labels), labels(b.Labels))
	})
	return slices.CompactFunc(all, func(a, b Sample) bool { return labels(a.Labels) == labels(b.Labels) })
}

// labels is nothing where there are none. Values are UTF-8.
func labels(of map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		value := strings.ToValidUTF8(of[name], "\uFFFD")
		parts = append(parts, name+`="`+labelEscapes.Replace(value)+`"`)
	}
	if parts == nil {
		return ""
	}
	return "{" + strings.Join(parts, ",") + "}"
}
