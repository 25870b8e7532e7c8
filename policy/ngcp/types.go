package ngcp

import (
	"slices"
	"strings"
)

// families are the types that stand for others too. SIP from outside has links
// for single purposes: sip_ext_incoming. rtpengine takes every type that starts
// with rtp_ as one of its logical interfaces.
var families = map[string]string{
	"sip_ext": "sip_ext_",
	"rtp_ext": "rtp_",
}

// internalSuffix ends the types of links between the hosts.
const internalSuffix = "_int"

// HasType reports whether the link serves what is open on links of a type:
// whether it has the type, or one of the family that sip_ext and rtp_ext stand
// for.
func (l Link) HasType(pattern string) bool {
	return slices.ContainsFunc(l.Types, func(have string) bool {
		if have == pattern {
			return true
		}
		prefix, family := families[pattern]
		return family && len(have) > len(prefix) && strings.HasPrefix(have, prefix)
	})
}

// InternalTypes are those of the link's types that say that it connects hosts:
// ha_int, sip_int, rtp_int …
func (l Link) InternalTypes() (types []string) {
	for _, have := range l.Types {
		if strings.HasSuffix(have, internalSuffix) && have != internalSuffix {
			types = append(types, have)
		}
	}
	return types
}

// HasRole reports whether the host has one of the node functions.
func (h Host) HasRole(roles ...string) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(h.Roles, role) })
}
