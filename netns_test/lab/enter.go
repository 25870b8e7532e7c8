package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// errNotAllowed says what is missing.
var errNotAllowed = errors.New("network namespaces are not allowed here\n" +
	"hint: run as root, or allow user namespaces (user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)")

// enteredEnv tells the program that it has been started again by Enter.
const enteredEnv = "NGCP_FW_LAB_ENTERED"

// Main is for TestMain: os.Exit(lab.Main(m)). It runs the tests where network
// namespaces can be made; where that is impossible, New skips each test that
// needs them.
func Main(m interface{ Run() int }) int {
	code, ran, err := Enter()
	if ran {
		return code
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPING what needs network namespaces: %v\n", err)
	}
	return m.Run()
}

// Enter makes sure that the program can make network namespaces. Where it has no
// right to, Enter runs the program once more, with the same arguments, as root of
// a new user namespace; ran is then true and code is what it ended with, so the
// caller has nothing left to do.
func Enter() (code int, ran bool, err error) {
	if allowed() {
		return 0, false, nil
	}
	if os.Getenv(enteredEnv) != "" {
		return 0, false, errNotAllowed
	}
	return again()
}

func allowed() bool {
	return onThread(func() error { return unix.Unshare(unix.CLONE_NEWNET) }) == nil
}

// again runs the program in a new user namespace; it dies with this one.
func again() (code int, ran bool, err error) {
	runtime.LockOSThread() // Pdeathsig means the death of this thread
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), enteredEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   unix.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return 0, false, errNotAllowed
	}
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); err == nil || errors.As(err, &exit) {
		return cmd.ProcessState.ExitCode(), true, nil
	}
	return 0, false, err
}
