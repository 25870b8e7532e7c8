package rehearse

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Kernel is the running kernel's version, as in 6.1.
func Kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "unknown"
	}
	release := unix.ByteSliceToString(name.Release[:])
	major, rest, _ := strings.Cut(release, ".")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		return release
	}
	return major + "." + rest[:end]
}

// oneCPU keeps the calling goroutine on one CPU until release: what is written
// to links there is handled in that order.
func oneCPU() (release func(), err error) {
	runtime.LockOSThread()
	var all, one unix.CPUSet
	if err = unix.SchedGetaffinity(0, &all); err == nil {
		for i := range 64 * len(all) {
			if all.IsSet(i) {
				one.Set(i)
				break
			}
		}
		err = unix.SchedSetaffinity(0, &one)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("cannot stay on one CPU: %w", words(err))
	}
	return func() {
		_ = unix.SchedSetaffinity(0, &all)
		runtime.UnlockOSThread()
	}, nil
}

func linkNames() (names []string, err error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("cannot list the network links: %w", words(err))
	}
	for _, l := range links {
		names = append(names, l.Attrs().Name)
	}
	return names, nil
}

// reasons are errors that the network's configuration gives, in words.
var reasons = map[unix.Errno]string{
	unix.EPERM:        "the system does not permit it",
	unix.EACCES:       "the system does not permit it",
	unix.EROFS:        "it can only be read",
	unix.ENOENT:       "the kernel has no such setting",
	unix.EINVAL:       "the kernel finds it invalid",
	unix.EEXIST:       "the kernel has it already",
	unix.EOPNOTSUPP:   "the kernel does not support it",
	unix.EAFNOSUPPORT: "the kernel has no such address family",
	unix.ENOBUFS:      "the kernel has no memory left for it",
	unix.ENOMEM:       "the kernel has no memory left for it",
	unix.ENETDOWN:     "the link is down",
}

// words is a system error as a sentence.
func words(err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err
	}
	text, known := reasons[errno]
	if !known {
		text = fmt.Sprintf("%s (error %d)", errno.Error(), int(errno))
	}
	return &systemError{text, errno}
}

// systemError is an error number in words.
type systemError struct {
	text string
	unix.Errno
}

func (e *systemError) Error() string { return e.text }
func (e *systemError) Unwrap() error { return e.Errno }
