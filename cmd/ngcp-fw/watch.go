package main

import (
	"errors"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
)

// watchCommand is how the program starts itself to go back when a trial is over.
const watchCommand = "watch"

func setupWatch(*pflag.FlagSet) action {
	return func(a *app, args []string) error {
		generation, err := generationArgument(args)
		if err != nil || generation == 0 {
			return errors.Join(err, usagef("%s is what apply --confirm starts", watchCommand))
		}
		signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE) // whoever started us may be gone
		return a.firewall().Watch(generation, func() { ready(os.Stdout) }, a.tellBack)
	}
}

// ready tells who started us that we watch.
func ready(w *os.File) {
	_, _ = io.WriteString(w, readyWord)
	_ = w.Close()
}

const readyWord = "watching\n"

// settle goes back where a trial is over and whoever watched it is gone.
func (a *app) settle() error {
	r, err := a.firewall().Settle()
	if r != nil || err != nil {
		a.tellBack(r, err)
	}
	if err != nil {
		return systemFailure(err)
	}
	return nil
}

// tellBack is loud: to who looks here, to the system's log and to everybody who
// is logged in.
func (a *app) tellBack(r *firewall.Restored, err error) {
	text := backWords(r, err)
	a.remark("%s", text)
	if log, err := syslog.New(syslog.LOG_WARNING|syslog.LOG_DAEMON, "ngcp-fw"); err == nil {
		_ = log.Warning(strings.ReplaceAll(text, "\n", "; "))
		_ = log.Close()
	}
	wall(text)
}

func backWords(r *firewall.Restored, err error) string {
	if err != nil {
		return fmt.Sprintf("a generation that nobody confirmed in time is still in force: going back failed: %v", err)
	}
	text := fmt.Sprintf("nobody confirmed generation %d in time. %s", r.Expired.Generation, restoredWords(r))
	if err := fallback(r); err != nil {
		text += "\n" + err.Error()
	}
	return text
}

// wallPatience is how long a terminal that takes no words holds us up.
const wallPatience = 5 * time.Second

func wall(text string) {
	cmd := exec.Command("wall", "ngcp-fw: "+text)
	if cmd.Start() != nil {
		return // not every machine has it
	}
	late := time.AfterFunc(wallPatience, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	late.Stop()
}
