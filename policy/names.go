package policy

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The roles that need not be written. Cluster's sources are computed from
// network.yml, so that it can be named but not written.
const (
	Subscribers    = "subscribers"
	Administrators = "administrators"
	Cluster        = "cluster" // a service's name as well
)

// BuiltinRoles are the names of the roles that are always there.
var BuiltinRoles = []string{Subscribers, Administrators, Cluster}

// BuiltinServices are the names of NGCP's services; every other service of a
// policy is one of its own.
var BuiltinServices = []string{
	"www-csc", "sip", "sip-extra", "sips", "rtp", "xcap", "xmpp-client",
	"xmpp-server", "ssh", "www-admin", "ossbss", Cluster,
}

// MaxName is the length of the longest name of a role or a service.
const MaxName = 64

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// checkName says what is wrong with the name of a role or a service.
func checkName(name string) error {
	switch {
	case !namePattern.MatchString(name):
		return problem("bad-name", "use letters, digits, - and _", "%s is not a name", show(name))
	case len(name) > MaxName:
		return problem("bad-name", "", "the name has %d characters, and at most %d are allowed", len(name), MaxName)
	}
	return nil
}

// maxInterface is IFNAMSIZ of linux/if.h without the final zero byte.
const maxInterface = 15

// checkInterface says what is wrong with the name of a network interface: the
// kernel's own rules (dev_valid_name, and sysctl_dev_name_is_allowed of
// net/ipv4/devinet.c), and no character that means something else to nft.
func checkInterface(name string) error {
	base, _, alias := strings.Cut(name, ":")
	switch {
	case alias:
		return problem("bad-interface", "write "+show(base)+": what arrives for an alias arrives on its link",
			"%s is an alias, not an interface", show(name))
	case name == "all" || name == "default":
		return problem("bad-interface", "leave the key out to mean every interface", "%s is not an interface: the kernel lets none be called so", show(name))
	case len(name) > maxInterface:
		return problem("bad-interface", "", "%s has %d characters, and interfaces have at most %d",
			show(name), len(name), maxInterface)
	case name == "" || name == "." || name == ".." || strings.ContainsFunc(name, unfitForInterface):
		return problem("bad-interface", "write one interface's name as ip link shows it", "%s is not an interface", show(name))
	}
	return nil
}

func unfitForInterface(char rune) bool {
	return char <= ' ' || char > '~' || strings.ContainsRune(`/*"\`, char)
}

// DidYouMean is a hint that names the option nearest to what was written, or
// all of them where none is near.
func DidYouMean(written string, options []string) string {
	if near := nearest(written, options); near != "" {
		return "did you mean " + near + "?"
	}
	if len(options) == 0 {
		return ""
	}
	return "write one of " + strings.Join(options, ", ")
}

// nearest is the option that differs least from what was written, if it
// differs by no more than a third of its characters, or one.
func nearest(written string, options []string) string {
	best, least := "", len(written)
	for _, option := range options {
		d := distance(strings.ToLower(written), option)
		if d <= max(1, utf8.RuneCountInString(option)/3) && d < least {
			best, least = option, d
		}
	}
	return best
}

// longestCompared keeps a hostile name from costing more than its error.
const longestCompared = 2 * MaxName

// distance counts the characters to insert, remove, replace or swap with
// their neighbour to make one text the other (optimal string alignment).
func distance(one, other string) int {
	a, b := []rune(one), []rune(other)
	if len(a) > longestCompared || len(b) > longestCompared {
		return longestCompared
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range b {
			replace := row[j]
			if a[i] != b[j] {
				replace++
			}
			next[j+1] = min(replace, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// roleNames are the names a service may use.
func (p *Policy) roleNames() []string {
	names := slices.Clone(BuiltinRoles)
	for _, role := range p.Roles {
		names = append(names, role.Name.Text)
	}
	return names
}
