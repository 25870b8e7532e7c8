package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// The first kernel of which it has been measured that no packet notices when
// ranges come to a set and go. On 6.1, a look-up in a set that is being changed
// can go wrong: a key next to a range that comes counts as in another range.
const inPlaceMajor, inPlaceMinor = 6, 18

// inPlace reports whether this kernel changes sets without packets noticing.
func inPlace() bool {
	var name unix.Utsname
	return unix.Uname(&name) == nil && release(unix.ByteSliceToString(name.Release[:]))
}

// release tells from a kernel's release, as 6.1.0-56-cloud-amd64.
func release(s string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(s, "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major > inPlaceMajor || major == inPlaceMajor && minor >= inPlaceMinor
}
