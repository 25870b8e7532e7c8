package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"ngcp-fw/firewall/store"
)

// guard starts who goes back when the time is over. It must outlive this process,
// its terminal and its session: a unit of systemd's own, or where systemd does
// not run or is not for this network namespace, a process of a session of its own.
func (a *app) guard(p store.Pending) error {
	exe, err1 := os.Executable()
	state, err2 := filepath.Abs(a.flags.stateDir)
	run, err3 := filepath.Abs(a.flags.runDir)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("cannot start who would go back: %w", err)
	}
	args := []string{"--state-dir", state, "--run-dir", run, watchCommand, strconv.FormatUint(p.Generation, 10)}
	if systemdHere() {
		err := startUnit(p.Generation, exe, args)
		if err == nil {
			return nil
		}
		a.remark("systemd starts no unit for us (%v): a process of our own watches instead, which ends with its session's scope", err)
	}
	if err := startProcess(exe, args); err != nil {
		return fmt.Errorf("cannot start who would go back: %w", err)
	}
	return nil
}

// systemdHere reports whether systemd runs (sd_booted(3)) and starts its units in
// our namespaces.
func systemdHere() bool {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return false
	}
	return sameNamespace("net") && sameNamespace("mnt")
}

func sameNamespace(kind string) bool {
	ours, err1 := os.Readlink("/proc/self/ns/" + kind)
	first, err2 := os.Readlink("/proc/1/ns/" + kind)
	return err1 == nil && err2 == nil && ours == first
}

// startUnit has systemd start the command. Killed, it is started again.
func startUnit(generation uint64, exe string, args []string) error {
	run := []string{
		"--quiet", "--collect", fmt.Sprintf("--unit=ngcp-fw-confirm-%d-%d", generation, os.Getpid()),
		"--description=ngcp-fw goes back unless somebody confirms",
		"--property=Type=exec", "--property=Restart=on-failure", "--property=RestartSec=100ms",
		"--property=StartLimitIntervalSec=0", "--property=StandardOutput=null", exe,
	}
	out, err := exec.Command("systemd-run", append(run, args...)...).CombinedOutput()
	if err != nil && len(out) > 0 {
		return errors.New(string(out))
	}
	return err
}

// readyPatience is how long a process may take to say that it watches.
const readyPatience = 10 * time.Second

// startProcess starts the command in a session of its own, and waits until it
// watches.
func startProcess(exe string, args []string) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	cmd := exec.Command(exe, args...)
	cmd.Dir, cmd.Stdout, cmd.Env = "/", write, []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = errors.Join(cmd.Start(), write.Close())
	if err != nil {
		return err
	}
	if err := read.SetReadDeadline(time.Now().Add(readyPatience)); err != nil {
		return err
	}
	if word, err := bufio.NewReader(read).ReadString('\n'); word != readyWord {
		return errors.Join(fmt.Errorf("it does not answer: %w", err), cmd.Process.Kill(), cmd.Process.Release())
	}
	return cmd.Process.Release()
}
