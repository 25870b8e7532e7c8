// Package host tells what the machine knows of itself: its name, this boot,
// this network namespace, and who is logged in over the network.
package host

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Hostname is the name the kernel has for the machine.
func Hostname() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("cannot find out the host's name: %w", err)
	}
	return name, nil
}

// bootIDFile holds a random UUID that the kernel draws once a boot (random(4)).
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// BootID tells one boot from another; "" where /proc is not there.
func BootID() string {
	text, err := os.ReadFile(bootIDFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// netNSFile leads to the calling thread's network namespace, by an inode that
// is its own for as long as the namespace lives (namespaces(7)).
const netNSFile = "/proc/thread-self/ns/net"

// NetNS is the inode number of the calling thread's network namespace.
func NetNS() (inode uint64, err error) {
	info, err := os.Stat(netNSFile)
	if err != nil {
		return 0, fmt.Errorf("cannot tell which network namespace this is (is /proc mounted?): %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("cannot tell which network namespace this is: %s has no inode", netNSFile)
	}
	return stat.Ino, nil
}
