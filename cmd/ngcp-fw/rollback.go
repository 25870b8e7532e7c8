package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
)

func setupRollback(flags *pflag.FlagSet) action {
	allowLockout := flags.Bool("allow-lockout", false, "go back even if that refuses who is logged in by ssh now")
	reason := flags.String("reason", "", "why, in your own words, for the history")
	out := outputFlag(flags, "text", "json")
	return func(a *app, args []string) error {
		wanted, err := generationArgument(args)
		if err != nil {
			return err
		}
		by := firewall.Author{Who: author(), Reason: *reason}
		r, err := a.firewall().Rollback(wanted, by, firewall.Options{Lockout: *allowLockout})
		if unknown := (*firewall.UnknownGenerationError)(nil); errors.As(err, &unknown) {
			return usagef("%w", err)
		} else if err != nil {
			return refused(err)
		}
		return a.tellRestored(r, out.json())
	}
}

func generationArgument(args []string) (uint64, error) {
	if len(args) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil || n == 0 {
		return 0, usagef("a generation is a number from 1, not %q\nhint: ngcp-fw history", args[0])
	}
	return n, nil
}

// tellRestored says what came back.
func (a *app) tellRestored(r *firewall.Restored, asJSON bool) (err error) {
	for _, text := range r.Remarks {
		a.remark("%s", text)
	}
	if asJSON {
		err = writeJSON(a.out, restoredDocument(r))
	} else {
		fmt.Fprintln(a.out, wrap(restoredWords(r), 0, 0))
	}
	return errors.Join(err, a.tellMedia(r.Media, true), fallback(r))
}
