package host

import (
	"os"
	"strconv"
	"strings"
)

// Where the kernel tells how many connections it tracks in this network namespace,
// and how many it does at most (Documentation/networking/nf_conntrack-sysctl.rst).
const (
	trackedCount = "/proc/sys/net/netfilter/nf_conntrack_count"
	trackedLimit = "/proc/sys/net/netfilter/nf_conntrack_max"
)

// Tracked is how many connections are tracked, and the most that can be; false
// where the kernel tracks none.
func Tracked() (entries, limit int, ok bool) {
	entries, ok1 := readNumber(trackedCount)
	limit, ok2 := readNumber(trackedLimit)
	return entries, limit, ok1 && ok2
}

func readNumber(path string) (n int, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}
