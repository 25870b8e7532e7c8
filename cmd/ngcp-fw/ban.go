package main

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/bans"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
)

type banJSON struct {
	Source  string  `json:"source"`
	Expires *string `json:"expires"` // null: never
	Reason  string  `json:"reason"`
	Since   string  `json:"since"`
	By      string  `json:"by"`
}

func banDocument(b bans.Ban) banJSON {
	doc := banJSON{Source: banSource(b), Reason: b.Reason, Since: b.Since.UTC().Format(time.RFC3339), By: b.Who}
	if !b.Until.IsZero() {
		expires := b.Until.UTC().Format(time.RFC3339)
		doc.Expires = &expires
	}
	return doc
}

// banSource is the range as people write it, and as unban reads it.
func banSource(b bans.Ban) string {
	if b.From == b.To {
		return b.From.String()
	}
	var set addr.Builder
	set.AddRange(b.From, b.To)
	if texts := set.Set().Strings(); len(texts) == 1 {
		return texts[0]
	}
	return b.From.String() + "-" + b.To.String()
}

type bannedJSON struct {
	banJSON
	InForce bool `json:"in_force"`
	Cut     int  `json:"cut_flows"`
}

func setupBan(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	length := &banLength{}
	flags.Var(length, "for", "how long: a `DURATION` as 90s, 10m, 2h, 7d or 2w; without it, for ever")
	reason := flags.String("reason", "", "why, in your own words")
	allowLockout := flags.Bool("allow-lockout", false, "ban even who is logged in by ssh now")
	return func(a *app, args []string) error {
		b, err := banArgument(args)
		if err != nil {
			return err
		}
		b.Since, b.Who, b.Reason = time.Now().UTC().Truncate(time.Second), author(), *reason
		if length.d > 0 {
			b.Until = time.Now().Add(length.d).Round(time.Second).UTC()
		}
		done, err := a.firewall().Ban(b, *allowLockout)
		if lockout := (*firewall.BanLockoutError)(nil); errors.As(err, &lockout) {
			return &failure{exitLockout, err}
		} else if err != nil {
			return systemFailure(err)
		}
		if out.json() {
			return writeJSON(a.out, bannedJSON{banDocument(b), done.InForce, done.Cut})
		}
		a.tellBanned(b, done)
		return nil
	}
}

func (a *app) tellBanned(b bans.Ban, done *firewall.Banned) {
	words := "Banned " + banSource(b) + " " + until(b)
	if done.Cut > 0 {
		words += fmt.Sprintf("; %s cut", plural(done.Cut, "flow"))
	}
	fmt.Fprintln(a.out, wrap(words+".", 0, 0))
	if !done.InForce {
		writeNote(a.err, "note", "nothing of ngcp-fw is in force; the ban counts from the next apply on")
	}
	if done.Never {
		writeNote(a.err, "note", "the policy's never-ban has it, or a part of it: that is not refused")
	}
	if done.Doubt != "" {
		a.remark("%s", done.Doubt)
	}
}

func until(b bans.Ban) string {
	if b.Until.IsZero() {
		return "for ever"
	}
	return "until " + b.Until.Local().Format(time.DateTime)
}

func setupUnban(flags *pflag.FlagSet) action {
	reason := flags.String("reason", "", "end only the bans that were given this very `TEXT`")
	return func(a *app, args []string) error {
		whom, err := addr.Any(), error(nil)
		if len(args) > 0 || *reason == "" {
			whom, err = sourceArgument("unban", args)
		}
		if err != nil {
			return err
		}
		changed := false
		for r := range whom.Ranges() {
			done, err := a.firewall().Unban(r.From, r.To, *reason)
			if err != nil {
				return systemFailure(err)
			}
			changed = changed || done.Changed
		}
		return a.tellUnbanned(whom, *reason, changed)
	}
}

func (a *app) tellUnbanned(whom addr.Set, reason string, changed bool) error {
	of := ""
	if reason != "" {
		of = fmt.Sprintf(" with the reason %q", reason)
	}
	who, nobody := "", whom.IsAny()
	for r := range whom.Ranges() {
		who = banSource(bans.Ban{From: r.From, To: r.To}) + " is not"
	}
	switch {
	case nobody && !changed:
		return &failure{exitNo, errors.New("nobody is banned" + of)}
	case !changed:
		return &failure{exitNo, errors.New(who + " banned" + of)}
	case nobody:
		who = "Nobody is"
	}
	fmt.Fprintf(a.out, "%s banned%s any more.\n", who, of)
	return nil
}

func setupBans(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
		debug.SetMemoryLimit(math.MaxInt64) // all bans are needed at a time: of a million, the collector would do nothing but look at them
		list, damaged, err := a.firewall().Bans()
		if err != nil {
			return systemFailure(err)
		}
		if damaged > 0 {
			a.remark("%s of the record cannot be read and count as none", plural(damaged, "line"))
		}
		if out.json() {
			return writeJSONList(a.out, list, banDocument)
		}
		if len(list) == 0 {
			fmt.Fprintln(a.out, "Nobody is banned by ngcp-fw ban.")
		}
		w := bufio.NewWriterSize(a.out, 64<<10)
		for _, b := range list {
			line := fmt.Sprintf("%-18s %s, by %s", banSource(b), until(b), oneLine(b.Who))
			if b.Reason != "" {
				line += ": " + oneLine(b.Reason)
			}
			fmt.Fprintln(w, wrap(line, 0, 4))
		}
		return w.Flush()
	}
}

// banArgument is the one range that a ban is about.
func banArgument(args []string) (b bans.Ban, err error) {
	set, err := sourceArgument("ban", args)
	if err == nil && (set.IsAny() || set.IsAny4() || set.IsAny6()) {
		err = usagef("%s is everybody: a ban is of somebody\nhint: a service is closed with services: {NAME: {enabled: false}}", args[0])
	}
	for r := range set.Ranges() {
		b.From, b.To = r.From, r.To
	}
	return b, err
}

// sourceArgument is the source that a command is about.
func sourceArgument(command string, args []string) (addr.Set, error) {
	if len(args) == 0 {
		return addr.Set{}, usagef("%s wants an address or a network\nhint: ngcp-fw %s 203.0.113.9", command, command)
	}
	set, err := policy.ParseSource(args[0])
	if err != nil {
		return set, flowError(err)
	}
	return set, nil
}

// banLength is a duration that knows days and weeks.
type banLength struct {
	text string
	d    time.Duration
}

func (l *banLength) String() string { return l.text }
func (l *banLength) Type() string   { return "duration" }

// longestBan is more than anybody means, and less than a number of the kernel's
// milliseconds can hold.
const longestBan = 10 * 365 * 24 * time.Hour

func (l *banLength) Set(text string) error {
	d, err := time.ParseDuration(text)
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			var n int
			if _, err = fmt.Sscanf(number+"\n", "%d\n", &n); err == nil && n < int(longestBan/length) {
				d = time.Duration(n) * length
			}
		}
	}
	if err != nil || d < time.Second || d > longestBan {
		return errors.New("it is a duration from 1s to 520w, as 10m, 2h, 7d or 2w")
	}
	l.text, l.d = text, d
	return nil
}
