package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
)

func setupApply(flags *pflag.FlagSet) action {
	dryRun := flags.Bool("dry-run", false, "show what would change, as diff does, and change nothing")
	allowLockout := flags.Bool("allow-lockout", false, "apply even if it refuses who is logged in by ssh now")
	skipTests := flags.Bool("skip-tests", false, "apply even if tests of the policy fail")
	out := outputFlag(flags, "text", "json", "markdown")
	return func(a *app, _ []string) error {
		in, err := a.load(true)
		if err != nil {
			return err
		}
		if *dryRun {
			return a.diffKernel(in, view{format: out.value})
		}
		if done := runTests(in.model); done.Failed > 0 && !*skipTests {
			writeTests(a.err, done)
			return &failure{exitNo, errors.New("nothing was changed: the policy fails its own tests\nhint: --skip-tests insists")}
		}
		return a.apply(in, *allowLockout, out.json())
	}
}

type applyJSON struct {
	Changed    bool   `json:"changed"`
	Generation uint64 `json:"generation"`
	Changes    int    `json:"changes"`

	Mediaproxy mediaJSON `json:"mediaproxy"`
}

func (a *app) apply(in *input, allowLockout, asJSON bool) error {
	author := firewall.Author{Who: author(), Policy: in.policy.File, Digest: in.digest}
	plan, err := a.firewall().Apply(in.model, author, allowLockout)
	if lockout := (*firewall.LockoutError)(nil); errors.As(err, &lockout) {
		return &failure{exitLockout, err}
	} else if err != nil {
		return systemFailure(err)
	}
	if asJSON {
		err = writeJSON(a.out, applyJSON{plan.Changed(), plan.Generation, len(plan.Changes), mediaDocument(plan.Media)})
	} else {
		a.tellApplied(plan)
	}
	return errors.Join(err, a.tellMedia(plan.Media, asJSON))
}

// tellApplied says what came into force.
func (a *app) tellApplied(plan *firewall.Plan) {
	if !plan.Changed() {
		fmt.Fprintf(a.out, "Generation %d is in force already; nothing was sent.\n", plan.Generation)
		return
	}
	if plan.Replaced && plan.Current != nil {
		a.remark("the whole table had to be replaced: its counters and bans began anew")
	}
	for _, text := range plan.Remarks {
		a.remark("%s", text)
	}
	words := fmt.Sprintf("Generation %d in force (%s; verified against the kernel).", plan.Generation, changeCounts(plan.Changes))
	if plan.Cut > 0 {
		words += fmt.Sprintf(" %s of sources that are refused now were cut.", plural(plan.Cut, "flow"))
	}
	fmt.Fprintln(a.out, wrap(words, 0, 0))
}

func (a *app) firewall() firewall.Firewall {
	return firewall.Firewall{StateDir: a.flags.stateDir, RunDir: a.flags.runDir}
}

// author is who runs this: the user behind sudo, or the user.
func author() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}
