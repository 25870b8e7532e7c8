package main

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
)

type restoreJSON struct {
	Generation uint64   `json:"generation"` // 0: management only, or nothing
	Of         uint64   `json:"of"`         // the generation whose ruleset that is
	Changed    bool     `json:"changed"`    // something was sent
	Management bool     `json:"management"` // ssh alone is open
	Why        []string `json:"why"`        // what was wrong with what should have come first

	Mediaproxy mediaJSON `json:"mediaproxy"`
	Error      string    `json:"error,omitempty"` // nothing was restored
}

func setupRestore(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
		r, err := a.firewall().Restore(firewall.Author{Who: author()})
		if err != nil {
			if out.json() {
				err = errors.Join(err, writeJSON(a.out, notRestored(r, err)))
			}
			return systemFailure(err)
		}
		return a.tellRestored(r, out.json())
	}
}

func restoredDocument(r *firewall.Restored) restoreJSON {
	return restoreJSON{r.Generation, r.Meta.Number, r.Changed() || r.Management || r.Nothing, r.Management, append([]string{}, r.Why...), mediaDocument(r.Media), ""}
}

// notRestored is the document where nothing could be restored, of which there may
// be less than a result.
func notRestored(r *firewall.Restored, err error) restoreJSON {
	if r == nil {
		r = &firewall.Restored{}
	}
	d := restoredDocument(r)
	d.Changed, d.Error = false, err.Error()
	return d
}

func restoredWords(r *firewall.Restored) string {
	switch {
	case r.Nothing:
		return "Nothing of ngcp-fw is in force any more, as before."
	case r.Management:
		return fmt.Sprintf("Management only: ssh is open to %s, and nothing else to anybody.", sourceText(r.Allows))
	case !r.Changed():
		return fmt.Sprintf("Generation %d is in force already; nothing was sent.", r.Generation)
	}
	again := fmt.Sprintf("Generation %d in force again", r.Generation)
	if r.Meta.Number != r.Generation {
		again = fmt.Sprintf("Generation %d in force, which is generation %d again", r.Generation, r.Meta.Number)
	}
	return fmt.Sprintf("%s (%s, %s).", again, policyName(r.Meta.Policy, r.Meta.Digest), changeCounts(r.Changes))
}

// fallback is loud where what was confirmed last could not be restored.
func fallback(r *firewall.Restored) error {
	if len(r.Why) == 0 {
		return nil
	}
	what := fmt.Sprintf("generation %d was restored in its place", r.Generation)
	if r.Management {
		what = "only ssh is open now: calls do not work"
	}
	text := "what was confirmed last could not be restored; " + what
	for _, why := range r.Why {
		text += "\n  " + why
	}
	return systemFailure(errors.New(text + "\nhint: apply the policy"))
}
