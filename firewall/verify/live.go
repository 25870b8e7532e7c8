package verify

import "ngcp-fw/firewall/ruleset"

// bannedSets are the sets of banned sources, whose names are promised, each with
// the field that it is asked about and its number on the axis ban.
var bannedSets = map[string]struct {
	field  *ruleset.Field
	number uint16
}{
	"banned4": {ruleset.IPSaddr, is}, "banned6": {ruleset.IP6Saddr, is},
	"offenders4": {ruleset.IPSaddr, offends}, "offenders6": {ruleset.IP6SaddrNet, offends},
	"crowdsec4": {ruleset.IPSaddr, listed}, "crowdsec6": {ruleset.IP6Saddr, listed},
}

// matchLive is a match with a set whose content is of the moment.
//
// Whether a source is banned is an axis of its own: the policy says what becomes
// of it. A learned set can hold any of the sources that packets leave in it, and
// any other live set whatever there is: both answers are tried.
func (w *walk) matchLive(b *box, m ruleset.Match, set *ruleset.Set) (in *box, out []*box, err error) {
	if err = w.asks(m.Field, set); err != nil {
		return nil, nil, err
	}
	if b.lacks(m.Field) {
		return nil, nil, errNoField(m.Field)
	}
	if known, ok := bannedSets[set.Name]; ok && known.field == m.Field {
		return sides(m, func() (in, out, lacks *box) {
			in, out = b.cutAxis(ban, only(known.number))
			return in, out, nil
		})
	}
	a, isAddress := addressFields[m.Field]
	part := b
	if set.Learned() && isAddress {
		part, _ = w.atlas.cutPlaces(b, a.side, w.leftIn(set.Name))
	}
	return sides(m, func() (in, out, lacks *box) { return holding(part, set.Name), b, nil })
}

// holding is the box's packets while the set holds them.
func holding(b *box, set string) *box {
	if b == nil || b.held != "" {
		return b
	}
	held := *b
	held.held = set
	return &held
}

// asks fails where the field can not be looked up in the live set.
func (w *walk) asks(f *ruleset.Field, set *ruleset.Set) error {
	if _, isNet := netFields[f]; isNet && set.Key == f.Type && !set.Map {
		return nil
	}
	_, err := w.set(set.Name, f, false)
	return err
}

// leftIn is the sources that packets can leave in a learned set.
func (w *walk) leftIn(set string) *places {
	if p := w.left[set]; p != nil {
		return p
	}
	return w.atlas.nowhere
}

// update notes who is left in a learned set, and passes what is not over a
// rate. A set that is full ends a rule, too.
func (w *walk) update(b *box, u ruleset.Update) (in *box, out []*box, err error) {
	a, ok := addressFields[u.Field]
	switch {
	case b.lacks(u.Field):
		return nil, nil, errNoField(u.Field)
	case u.Limit != nil && u.Limit.Over:
		return nil, []*box{b}, nil
	case u.Limit != nil:
		return b, nil, nil
	}
	if ok {
		w.leave(u.Set, b.at(a.side))
	}
	return b, []*box{b}, nil
}

func (w *walk) leave(set string, who *places) {
	had := w.leftIn(set)
	if _, more := w.atlas.split(who, had); more != w.atlas.nowhere {
		w.left[set] = w.atlas.of(had.Union(more.Set))
		w.grown = true
	}
}
