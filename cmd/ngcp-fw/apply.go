package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/store"
)

func setupApply(flags *pflag.FlagSet) action {
	dryRun := flags.Bool("dry-run", false, "show what would change, as diff does, and change nothing")
	allowLockout := flags.Bool("allow-lockout", false, "apply even if it refuses who is logged in by ssh now")
	skipTests := flags.Bool("skip-tests", false, "apply even if tests of the policy fail")
	keepFlows := flags.Bool("keep-flows", false, "leave the open flows of sources that are refused now")
	trial := flags.Duration("confirm", 0, "go back after this `DURATION` (2m, 90s), unless confirm comes")
	reason := flags.String("reason", "", "why, in your own words, for the history")
	out := outputFlag(flags, "text", "json", "markdown")
	return func(a *app, _ []string) error {
		how, err := applyOptions(flags, *trial, a)
		if err != nil {
			return err
		}
		how.Lockout, how.KeepFlows = *allowLockout, *keepFlows
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
		err = a.apply(in, *reason, how, out.json())
		writeRivals(a.err, rivals())
		return err
	}
}

type applyJSON struct {
	Changed    bool   `json:"changed"`
	Generation uint64 `json:"generation"`
	Changes    int    `json:"changes"`

	Pending    *pendingJSON `json:"pending"`
	Mediaproxy mediaJSON    `json:"mediaproxy"`
}

// longestTrial is how long a trial may last. After a day, nobody knows any more
// what would come back.
const longestTrial = 24 * time.Hour

func applyOptions(flags *pflag.FlagSet, trial time.Duration, a *app) (how firewall.Options, err error) {
	if !flags.Changed("confirm") {
		return how, nil
	}
	if trial <= 0 || trial > longestTrial {
		return how, usagef("--confirm cannot be %v: it is more than 0 and at most %v\nhint: --confirm 2m", trial, longestTrial)
	}
	how.Trial = &firewall.Trial{For: trial, Guard: a.guard}
	return how, nil
}

func (a *app) apply(in *input, reason string, how firewall.Options, asJSON bool) error {
	if err := a.settle(); err != nil {
		return err
	}
	by := firewall.Author{Who: author(), Policy: in.policy.File, Digest: in.digest, Reason: reason, Inputs: in.madeOf()}
	plan, err := a.firewall().Apply(in.model, by, how)
	if err != nil {
		return refused(err)
	}
	if asJSON {
		err = writeJSON(a.out, applyJSON{plan.Changed(), plan.Generation, len(plan.Changes), pendingDocument(plan.Pending), mediaDocument(plan.Media)})
	} else {
		a.tellApplied(plan)
	}
	return errors.Join(err, a.tellMedia(plan.Media, asJSON))
}

// refused is why something was not put into force, with its exit code.
func refused(err error) error {
	if lockout := (*firewall.LockoutError)(nil); errors.As(err, &lockout) {
		return &failure{exitLockout, err}
	}
	return systemFailure(err)
}

// tellApplied says what came into force.
func (a *app) tellApplied(plan *firewall.Plan) {
	if !plan.Changed() {
		fmt.Fprintf(a.out, "Generation %d is in force already; nothing was sent.\n", plan.Generation)
		a.tellPending(plan.Pending)
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
	a.tellPending(plan.Pending)
}

// tellPending says until when something has to be confirmed.
func (a *app) tellPending(p *store.Pending) {
	if p == nil {
		return
	}
	fmt.Fprintf(a.out, "You have until %s to say, from a NEW connection:  ngcp-fw confirm\n", p.Deadline.Local().Format(time.TimeOnly))
	fmt.Fprintf(a.out, "Otherwise %s, also if this session dies.\n", comesBack(p))
}

func comesBack(p *store.Pending) string {
	if p.Back == 0 {
		return "nothing is in force again, as before"
	}
	return fmt.Sprintf("generation %d comes back by itself", p.Back)
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
