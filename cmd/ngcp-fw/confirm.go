package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/store"
)

type confirmJSON struct {
	Generation uint64 `json:"generation"`
	Confirmed  bool   `json:"confirmed"`
	Stale      bool   `json:"stale"` // no connection by ssh is newer than what was confirmed
}

// pendingJSON is what waits to be confirmed.
type pendingJSON struct {
	Generation uint64 `json:"generation"`
	Back       uint64 `json:"back"` // 0: nothing was in force
	Deadline   string `json:"deadline"`
}

func pendingDocument(p *store.Pending) *pendingJSON {
	if p == nil {
		return nil
	}
	return &pendingJSON{p.Generation, p.Back, p.Deadline.UTC().Format(time.RFC3339)}
}

func setupConfirm(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
		_ = a.settle() // where nothing can come back, what is in force may stay
		c, err := a.firewall().Confirm(author())
		if nothing := (*firewall.NothingPendingError)(nil); errors.As(err, &nothing) {
			return &failure{exitNo, err}
		} else if err != nil {
			return systemFailure(err)
		}
		if out.json() {
			return writeJSON(a.out, confirmJSON{c.Generation, true, c.Stale})
		}
		fmt.Fprintf(a.out, "Generation %d is confirmed: it stays, and a boot restores it.\n", c.Generation)
		if c.Stale {
			writeNote(a.err, "note", "all who are logged in by ssh were so before it came into force; that a new connection comes through, nobody has shown")
		}
		return nil
	}
}
