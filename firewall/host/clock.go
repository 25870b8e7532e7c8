package host

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Uptime is the time since the boot, sleep included, which nobody can set
// (CLOCK_BOOTTIME of clock_gettime(2)).
func Uptime() (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0, fmt.Errorf("cannot tell how long this machine has been up: %w", err)
	}
	return time.Duration(now.Nano()), nil
}
