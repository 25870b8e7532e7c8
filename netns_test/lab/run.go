package lab

import (
	"errors"
	"os/exec"
	"strings"
)

// Result is what a command has said and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int // -1: it could not be started, or a signal ended it; Stderr says which
}

// Run runs a command in the host's namespace.
func (h *Host) Run(name string, args ...string) Result {
	return h.RunInput("", name, args...)
}

// RunInput runs a command in the host's namespace that reads the input.
func (h *Host) RunInput(input, name string, args ...string) Result {
	cmd := exec.Command(name, args...)
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	err := h.Do(cmd.Run)
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || !exit.Exited()) {
		stderr.WriteString(err.Error())
		return Result{stdout.String(), stderr.String(), -1}
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}
