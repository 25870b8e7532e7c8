package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/store"
)

func setupHistory(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, args []string) error {
		n, err := generationArgument(args)
		if err != nil {
			return err
		}
		if n > 0 {
			return a.describe(n, out.json())
		}
		events, err := a.firewall().History()
		if err != nil {
			return systemFailure(err)
		}
		if out.json() {
			return writeJSON(a.out, append([]store.Event{}, events...))
		}
		if len(events) == 0 {
			fmt.Fprintln(a.out, "Nothing has been applied here yet.")
		}
		for _, e := range events {
			line := fmt.Sprintf("%s  %4s  ", e.Time.Local().Format("2006-01-02 15:04:05"), generationColumn(e))
			fmt.Fprintln(a.out, line+wrap(eventWords(e), len(line), len(line)))
		}
		return nil
	}
}

// generationJSON is what is kept of a generation.
type generationJSON struct {
	Generation uint64        `json:"generation"`
	Of         uint64        `json:"of,omitempty"`
	Time       time.Time     `json:"time"`
	Who        string        `json:"who"`
	Reason     string        `json:"reason,omitempty"`
	Confirmed  bool          `json:"confirmed"`
	Policy     string        `json:"policy"`
	Digest     string        `json:"digest"`
	Inputs     []store.Input `json:"inputs"`
}

// describe tells what a generation was made of.
func (a *app) describe(n uint64, asJSON bool) error {
	m, err := a.firewall().Generation(n)
	if unknown := (*firewall.UnknownGenerationError)(nil); errors.As(err, &unknown) {
		return usagef("%w", err)
	} else if err != nil {
		return systemFailure(err)
	}
	if asJSON {
		return writeJSON(a.out, generationJSON{m.Number, m.Of, m.Time, m.Who, m.Reason, m.Confirmed, m.Policy, m.Digest, append([]store.Input{}, m.Inputs...)})
	}
	words := fmt.Sprintf("Generation %d, applied %s by %s (%s).", m.Number, m.Time.Local().Format(time.DateTime), m.Who, policyName(m.Policy, m.Digest))
	if m.Of > 0 {
		words += fmt.Sprintf(" It is generation %d again.", m.Of)
	}
	if !m.Confirmed {
		words += " Nobody has confirmed it."
	}
	if m.Reason != "" {
		words += " Reason: " + m.Reason
	}
	fmt.Fprintln(a.out, wrap(words, 0, 0))
	for _, i := range m.Inputs {
		fmt.Fprintf(a.out, "  %.8s…  %8d bytes  %s\n", i.Digest, i.Size, i.File)
	}
	for _, i := range m.Inputs {
		if i.Text != "" {
			fmt.Fprintf(a.out, "\n%s\n", strings.TrimSuffix(i.Text, "\n"))
		}
	}
	return nil
}

// generationColumn is what was in force since.
func generationColumn(e store.Event) string {
	if e.Generation == 0 {
		return "-"
	}
	return fmt.Sprint(e.Generation)
}

// eventWords says what happened, who did it and why.
func eventWords(e store.Event) string {
	words := e.What
	switch {
	case e.What == store.Expired:
		words = fmt.Sprintf("generation %d taken back, as nobody confirmed it in time", e.From)
	case e.What == store.RolledBack && e.From > 0:
		words = fmt.Sprintf("rolled back from generation %d", e.From)
	}
	if e.Who != "" {
		words += " by " + e.Who
	}
	switch {
	case e.Generation == 0 && e.What == store.Restored:
		words += ": ssh alone is open"
	case e.Generation == 0:
		words += ": nothing is in force"
	case e.Of > 0:
		words += fmt.Sprintf(", generation %d again", e.Of)
	}
	if e.What == store.Applied {
		words += ", " + policyName(e.Policy, e.Digest)
		if e.Deadline != nil {
			words += ", to be confirmed until " + e.Deadline.Local().Format(time.TimeOnly)
		}
	}
	if e.Reason != "" {
		words += ": " + strings.Join(strings.Fields(e.Reason), " ")
	}
	return words
}
