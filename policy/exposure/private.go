package exposure

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

// private are addresses that the Internet does not route.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),     // RFC 1918, section 3
	netip.MustParsePrefix("172.16.0.0/12"),  // RFC 1918, section 3
	netip.MustParsePrefix("192.168.0.0/16"), // RFC 1918, section 3
	netip.MustParsePrefix("100.64.0.0/10"),  // RFC 6598, section 7: carriers' own
	netip.MustParsePrefix("fc00::/7"),       // RFC 4193, section 3.1
	linkLocal4, linkLocal6,
}

var (
	linkLocal4 = netip.MustParsePrefix("169.254.0.0/16") // RFC 3927, section 2.1
	linkLocal6 = netip.MustParsePrefix("fe80::/10")      // RFC 4291, section 2.5.6
)

// privateSources warns of private sources of roles that can only come in by
// links to the outside, where they can't be genuine.
func (r *resolver) privateSources() {
	outside := r.outsideLinks()
	if len(outside) == 0 {
		return
	}
	block := addr.Of(private...)
	for _, written := range r.in.Policy.Roles {
		found := r.roles[written.Name.Text]
		services := r.onlyOutside(found.name, outside)
		if len(services) == 0 {
			continue
		}
		about := diag.About{Role: found.name}
		if len(services) == 1 {
			about.Services[0] = services[0]
		}
		for _, e := range r.model.Allowed[found.name] {
			if one, has := privatePart(e.Sources, block, found.sources); has && !r.isHidden[e.Pos] {
				r.about(about).warn(e.Pos, utf8.RuneCountInString(e.Text), "private-source",
					fmt.Sprintf("%s is private, and %s can be reached from outside only", one, strings.Join(services, ", ")),
					"remove it, or open the service on the link that leads to it")
			}
		}
	}
}

// privatePart is the first range of a set that lies in the block and that the role
// has not excepted.
func privatePart(s, block, left addr.Set) (string, bool) {
	if !s.Overlaps(block) {
		return "", false
	}
	for one := range s.Ranges() {
		var b addr.Builder
		b.AddRange(one.From, one.To)
		if part := b.Set(); block.Covers(part) && left.Overlaps(part) {
			return part.Strings()[0], true
		}
	}
	return "", false
}

// onlyOutside is the services that are open to the role on those links and on
// no other.
func (r *resolver) onlyOutside(role string, outside []string) []string {
	open := map[string]bool{}
	var names []string
	for _, e := range r.model.Exposures {
		if e.Role != role {
			continue
		}
		in := e.Interfaces != nil && !slices.ContainsFunc(e.Interfaces, func(name string) bool { return !slices.Contains(outside, name) })
		if before, known := open[e.Service]; !known {
			names, open[e.Service] = append(names, e.Service), in
		} else {
			open[e.Service] = before && in
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return !open[name] })
}

// outsideLinks is the host's links of outside types that have addresses, and
// none that is private: there, private sources have no way in.
func (r *resolver) outsideLinks() (names []string) {
	if r.host == nil {
		return nil
	}
	isOutside, hasPublic, hasPrivate := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, link := range r.host.Links {
		isOutside[link.Device] = isOutside[link.Device] || slices.ContainsFunc(link.Types, isOutsideType)
		for _, a := range link.Addrs {
			switch {
			case linkLocal4.Contains(a) || linkLocal6.Contains(a):
			case slices.ContainsFunc(private, func(p netip.Prefix) bool { return p.Contains(a) }):
				hasPrivate[link.Device] = true
			default:
				hasPublic[link.Device] = true
			}
		}
	}
	for name := range isOutside {
		if isOutside[name] && hasPublic[name] && !hasPrivate[name] && name != loopback {
			names = append(names, name)
		}
	}
	return names
}

// isOutsideType reports whether a link of the type leads to others: sip_ext,
// sip_ext_incoming …
func isOutsideType(name string) bool {
	return strings.HasSuffix(name, "_ext") || strings.Contains(name, "_ext_")
}
