package rehearse

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/host"
)

// ErrNotAllowed says that no network namespace can be made.
var ErrNotAllowed = errors.New("this system allows no network namespace of our own\n" +
	"hint: run it as root, or allow user namespaces: see the sysctls user.max_user_namespaces, user.max_net_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns; a container may need CAP_SYS_ADMIN")

// outside is, in the environment of a program that Again runs, the network
// namespace that it comes from and must not touch.
const outside = "NGCP_FW_REHEARSAL_OUTSIDE"

// Inside reports whether this is the program that Again runs.
func Inside() bool { return os.Getenv(outside) != "" }

// Again runs this program once more, with these arguments, in an empty network
// namespace; without root, as root of a user namespace. The namespaces have no
// names, and the program dies with this one: nothing is left behind, however it
// ends. It gives the code that the program ended with.
func Again(args []string, in io.Reader, out, errOut io.Writer) (code int, err error) {
	here, err := namespace()
	if err != nil {
		return 0, err
	}
	runtime.LockOSThread() // Pdeathsig means the death of this thread
	defer runtime.UnlockOSThread()
	for _, attributes := range []*syscall.SysProcAttr{asRoot(), asUser()} {
		cmd := exec.Command("/proc/self/exe", args...)
		cmd.Args[0] = "ngcp-fw"
		cmd.Env = append(os.Environ(), outside+"="+here)
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = in, out, errOut, attributes
		if cmd.Start() == nil {
			return ended(cmd)
		}
	}
	return 0, ErrNotAllowed
}

func asRoot() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
}

func asUser() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   unix.SIGKILL,
	}
}

func ended(cmd *exec.Cmd) (code int, err error) {
	err = cmd.Wait()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0 {
		return 0, fmt.Errorf("the program in the network namespace did not come to its end: %w", err)
	}
	return cmd.ProcessState.ExitCode(), nil
}

// namespace names the network namespace that this thread is in.
func namespace() (string, error) {
	inode, err := host.NetNS()
	return strconv.FormatUint(inode, 10), err
}

// alone makes sure that this is an empty network namespace of Again's, where
// whatever happens happens to nobody.
func alone() error {
	here, err := namespace()
	if err != nil {
		return err
	}
	links, err := linkNames()
	if err != nil {
		return err
	}
	if was := os.Getenv(outside); was == "" || was == here || len(links) != 1 {
		return fmt.Errorf("this is no empty network namespace (its links: %s), so nothing was touched\nhint: unset %s",
			strings.Join(links, ", "), outside)
	}
	return nil
}
