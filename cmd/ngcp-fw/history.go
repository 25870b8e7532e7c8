package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall/store"
)

func setupHistory(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
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
