package lab

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace is a network namespace that lives as long as this descriptor, or a
// socket or process in it.
type namespace struct{ fd netns.NsHandle }

func newNamespace() (n namespace, err error) {
	err = onThread(func() error {
		n.fd, err = netns.New()
		return err
	})
	if errors.Is(err, unix.EPERM) {
		err = errNotAllowed
	}
	return n, err
}

// do runs f on a thread in the namespace. Sockets that f opens and processes that
// it starts stay there.
func (n namespace) do(f func() error) error {
	return onThread(func() error {
		if err := netns.Set(n.fd); err != nil {
			return fmt.Errorf("cannot enter a network namespace: %w", err)
		}
		return f()
	})
}

// onThread runs f on a thread of its own, which ends with it: what f changes of
// the thread concerns nobody else.
func onThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked, so the thread ends here
		err := errors.New("the function did not return")
		defer func() { result <- err }()
		err = f()
	}()
	return <-result
}

// sysctl sets a value below /proc/sys/net of the thread's namespace.
func sysctl(name, value string) error {
	if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0); err != nil {
		return fmt.Errorf("cannot set net/%s to %s: %w", name, value, err)
	}
	return nil
}
