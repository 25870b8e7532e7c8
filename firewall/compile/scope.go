package compile

import (
	"fmt"
	"net/netip"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy/exposure"
)

// scope is the packets an exposure holds for: those that pass the matches. The
// family is nil where IPv4 and IPv6 need no different ones.
type scope struct {
	family  *family
	matches []ruleset.Statement
}

// scopes gives the exposure's scopes: one a family that it has sources and
// local addresses in, or one for both where it looks at neither. None where
// nobody can reach it, and none that are done: accepted by rules before, as
// where several services share a port and a role.
func (b *builder) scopes(e *exposure.Exposure, linksKnown bool, done map[string]bool) []scope {
	undone := func(s scope) bool {
		key := fmt.Sprint(s.matches)
		was := done[key] || done[everything]
		done[key] = true
		return !was
	}
	left, _ := split(b.allScopes(e, linksKnown), undone)
	return left
}

// everything is the key of a scope without matches.
var everything = fmt.Sprint([]ruleset.Statement(nil))

func (b *builder) allScopes(e *exposure.Exposure, linksKnown bool) (scopes []scope) {
	if nowhere(e) {
		return nil
	}
	var links []ruleset.Statement
	if !linksKnown {
		links = b.onLinks(ruleset.MetaIifname, e.Interfaces)
	}
	if e.Addresses == nil && b.everyone(e) {
		return []scope{{matches: links}}
	}
	for _, f := range families {
		if s, ok := b.scopeOf(e, f); ok {
			scopes = append(scopes, scope{f, append(links[:len(links):len(links)], s...)})
		}
	}
	return scopes
}

// scopeOf matches the exposure's addresses in one family. It is false where it
// has none.
func (b *builder) scopeOf(e *exposure.Exposure, f *family) (matches []ruleset.Statement, ok bool) {
	if !f.has(e.Sources) || !f.reaches(e) {
		return nil, false
	}
	matches = b.local(f, e)
	if !b.everyoneOf(f, e) {
		set := b.addresses(f, "from-"+e.Role, "role "+e.Role, e.Sources)
		matches = append(matches, is(f.saddr, set))
	}
	if len(matches) == 0 {
		matches = append(matches, f.is())
	}
	return matches, true
}

// local matches the exposure's local addresses, where it has any.
func (b *builder) local(f *family, e *exposure.Exposure) []ruleset.Statement {
	switch local := f.among(e.Addresses); len(local) {
	case 0:
		return nil
	case 1:
		return []ruleset.Statement{is(f.daddr, ruleset.Value(local[0].AsSlice()))}
	default:
		set := b.addresses(f, "at-"+e.Service, "local addresses of "+e.Service, single(local))
		return []ruleset.Statement{is(f.daddr, set)}
	}
}

// byFamily is the scopes for rules that speak of source addresses.
func byFamily(scopes []scope) (split []scope) {
	for _, s := range scopes {
		if s.family != nil {
			split = append(split, s)
			continue
		}
		for _, f := range families {
			split = append(split, scope{f, s.matches[:len(s.matches):len(s.matches)]})
		}
	}
	return split
}

// everyone tells whether the exposure's sources need no look-up in any family.
func (b *builder) everyone(e *exposure.Exposure) bool {
	for _, f := range families {
		if !b.everyoneOf(f, e) {
			return false
		}
	}
	return true
}

// everyoneOf tells whether all of a family's addresses may come, but for those
// denied: they were refused long before, and looking at a long deny list once
// is enough.
func (b *builder) everyoneOf(f *family, e *exposure.Exposure) bool {
	return f.whole(e.Sources) || f.has(b.model.Deny) && f.whole(e.Sources.Union(b.model.Deny))
}

// nowhere tells whether the exposure is for no link at all.
func nowhere(e *exposure.Exposure) bool { return e.Interfaces != nil && len(e.Interfaces) == 0 }

// among gives those of the addresses that are of the family.
func (f *family) among(addrs []netip.Addr) (own []netip.Addr) {
	for _, a := range addrs {
		if f.of(a) {
			own = append(own, a)
		}
	}
	return own
}

// reaches tells whether one of the exposure's addresses is of the family.
func (f *family) reaches(e *exposure.Exposure) bool {
	return e.Addresses == nil || len(f.among(e.Addresses)) > 0
}
