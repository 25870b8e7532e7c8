package mediaproxy

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// Version is a release of rtpengine, which has NGCP's number: 10.5 is of mr10.5.
// The zero value is an unknown one.
type Version struct{ Major, Minor int }

// IsZero reports whether the version is unknown.
func (v Version) IsZero() bool { return v == Version{} }

// Compare is negative for an older version, positive for a newer one.
func (v Version) Compare(other Version) int {
	return cmp.Or(cmp.Compare(v.Major, other.Major), cmp.Compare(v.Minor, other.Minor))
}

// String is mr10.5's "10.5".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// MarshalText is String; nothing for an unknown version.
func (v Version) MarshalText() ([]byte, error) {
	if v.IsZero() {
		return nil, nil
	}
	return []byte(v.String()), nil
}

// versionLine is how rtpengine --version answers: "Version: 10.5.3.5-1", with mr
// in front of the number in some builds.
var versionLine = regexp.MustCompile(`(?m)^Version:\s*(?:mr)?(\d{1,4})\.(\d{1,4})`)

// parseVersion reads the answer; the zero value where it tells no release, as
// builds from a branch do.
func parseVersion(text string) Version {
	found := versionLine.FindStringSubmatch(text)
	if found == nil {
		return Version{}
	}
	major, _ := strconv.Atoi(found[1]) // four digits at most
	minor, _ := strconv.Atoi(found[2])
	return Version{major, minor}
}
