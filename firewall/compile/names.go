package compile

import (
	"fmt"
	"hash/fnv"
	"strings"

	"ngcp-fw/firewall/ruleset"
)

// nft 1.0.6 takes comments up to 127 bytes (NFTNL_UDATA_COMMENT_MAXLEN of
// libnftnl/udata.h less its closing zero) and the kernel log prefixes up to 127
// (NF_LOG_PREFIXLEN of linux/netfilter/nf_log.h). Names of chains, sets and
// counters could have 255 (NFT_NAME_MAXLEN of linux/netfilter/nf_tables.h);
// ours stay readable, and leave room for a dash and the 20 digits of the
// largest generation.
const (
	commentMax = 127
	prefixMax  = 127
	nameMax    = 100
)

// names are those already given to objects of one kind.
type names map[string]bool

// take makes a name nobody has: the wish, as an nft identifier and not too
// long, with an ordinal where it is taken. The ordinal follows a dot, which
// names in a policy cannot have.
func (n *names) take(wish string) string {
	if *n == nil {
		*n = names{}
	}
	name := shorten(identifier(wish), nameMax)
	for i := 2; (*n)[name]; i++ {
		ordinal := fmt.Sprintf(".%d", i)
		name = shorten(identifier(wish), nameMax-len(ordinal)) + ordinal
	}
	(*n)[name] = true
	return name
}

// identifier replaces what nft does not read as part of a name (its scanner
// knows letters, digits and / \ - _ .): names of links may have anything else.
func identifier(wish string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("/-_.", r):
			return r
		}
		return '_'
	}, wish)
}

// shorten keeps text at most limit bytes long; what is cut leaves a hash behind, so
// that different texts stay different.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	h := fnv.New32a()
	h.Write([]byte(text))
	mark := fmt.Sprintf(".%08x", h.Sum32())
	return text[:limit-len(mark)] + mark
}

// scoped is the name of an object that lives and dies with the generation.
func (b *builder) scoped(name string) string { return ruleset.Scoped(name, b.generation) }
