package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// action is a command's body, after its flags are parsed.
type action func(a *app, args []string) error

// command is one row of the program's table of commands.
type command struct {
	name    string
	args    string // as the usage line shows them
	summary string
	maxArgs int
	setup   func(flags *pflag.FlagSet) action
}

// commands are in the order in which people meet them.
func commands() []command {
	return []command{
		{"init", "", "write a commented first policy for this host", 0, setupInit},
		{"check", "", "validate the policy: every error and warning at once", 0, setupCheck},
		{"services", "", "the service table, and where each value comes from", 0, setupServices},
		{"list", "", "the exposures: who may reach what, where", 0, setupList},
		{"compile", "", "print the ruleset, without root", 0, setupCompile},
		{"diff", "", "what apply would change, or a policy against another one", 0, setupDiff},
		{"apply", "", "put the policy into force", 0, setupApply},
		{"test", "", "run the policy's tests on the compiled ruleset", 0, setupTest},
		{"explain", "", "the verdict on a flow, and the policy line that decides it", 0, setupExplain},
		{"verify", "", "prove that the ruleset is exactly the policy, over all packets", 0, setupVerify},
		{"status", "", "what is in force, and whether the kernel still holds it", 0, setupStatus},
		{"metrics", "", "counters and state, for Prometheus' node_exporter", 0, setupMetrics},
		{"audit", "", "what listens here, who can reach it, and what is wrong with that", 0, setupAudit},
		{"confirm", "", "keep what waits to be confirmed", 0, setupConfirm},
		{"rollback", "[GENERATION]", "go back to what was in force before", 1, setupRollback},
		{"history", "[GENERATION]", "what was in force when, by whom, and made of what", 1, setupHistory},
		{"restore", "", "put the last confirmed generation into force from disk, as at boot", 0, setupRestore},
		{"ban", "ADDR|CIDR", "refuse a source at once, and over applies and boots", 1, setupBan},
		{"unban", "[ADDR|CIDR]", "end the bans of a source, or all that have a reason", 1, setupUnban},
		{"bans", "", "who is banned, until when and why", 0, setupBans},
		{"remove", "", "take away everything of ours and nothing else", 0, setupRemove},
		{"version", "", "print the version", 0, setupVersion},
		{"completion", "SHELL", "print the completion script for bash, zsh or fish", 1, setupCompletion},
		{"help", "[COMMAND]", "print help", 1, setupHelp},
	}
}

// acts reports whether the command is there to change the system, not to tell:
// then what it did counts, and not whether the words about it could be written.
func (c command) acts() bool {
	return slices.Contains([]string{"apply", "confirm", "rollback", "restore", "ban", "unban", "remove"}, c.name)
}

// hidden are the commands that the program gives to itself.
func hidden() []command {
	return []command{{watchCommand, "GENERATION", "go back when a trial is over", 1, setupWatch}}
}

func findCommand(name string) (command, bool) {
	for _, c := range slices.Concat(commands(), hidden()) {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

// commandHint names the commands that start like the one that is missing.
func commandHint(name string) string {
	var near []string
	for _, c := range commands() {
		if name != "" && strings.HasPrefix(c.name, name[:1]) {
			near = append(near, c.name)
		}
	}
	if len(near) == 0 {
		return "ngcp-fw help lists the commands"
	}
	return "did you mean " + strings.Join(near, " or ") + "? ngcp-fw help lists the commands"
}
