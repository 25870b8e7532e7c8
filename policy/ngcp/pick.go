package ngcp

import (
	"fmt"
	"strings"
)

// self is the host's name on a machine that is alone.
const self = "self"

// Host is the host of that name.
func (n *Network) Host(name string) (*Host, bool) {
	for i := range n.Hosts {
		if n.Hosts[i].Name == name {
			return &n.Hosts[i], true
		}
	}
	return nil, false
}

// Pick is the host a policy is for: the one named, and without a name the one
// called as the machine is, with or without its domain, or else "self". The
// error lists the hosts there are.
func (n *Network) Pick(name, machine string) (*Host, error) {
	if name != "" {
		if h, ok := n.Host(name); ok {
			return h, nil
		}
		return nil, fmt.Errorf("host %s is not in %s: %s", shown(name), n.File, n.choice())
	}
	short, _, _ := strings.Cut(machine, ".")
	for _, candidate := range []string{machine, short, self} {
		if h, ok := n.Host(candidate); ok {
			return h, nil
		}
	}
	return nil, fmt.Errorf("neither this machine's name %s nor %q is a host of %s: %s", shown(machine), self, n.File, n.choice())
}

func (n *Network) choice() string {
	if len(n.Hosts) == 0 {
		return "it has no hosts"
	}
	names := make([]string, len(n.Hosts))
	for i, h := range n.Hosts {
		names[i] = h.Name
	}
	return "choose one of " + printable(strings.Join(names, ", "))
}
