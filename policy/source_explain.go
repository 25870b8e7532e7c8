package policy

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// guess is a mistake people make: how its text looks, and what to say of it.
type guess struct {
	pattern string // a regular expression
	explain func(text string) *Problem
}

const octets = `\d+\.\d+\.\d+\.\d+`

// guesses are tried in their order; the last one fits every text.
var guesses = []guess{
	{`^$`, func(string) *Problem {
		return problem("bad-address", "write an address, a network, a range first-last, or any", "the source is empty")
	}},
	{`(?i)^(any|any4|any6|all|\*|everyone|world)$`, func(text string) *Problem {
		return problem("bad-address", "write any, any4 or any6", "%s is not a source", text)
	}},
	{`^!`, func(text string) *Problem {
		return problem("bad-address", "list the exceptions of a role under except", "%s: a source can't be negated", show(text))
	}},
	{`[\s,;]`, func(text string) *Problem {
		return problem("bad-address", "write each source as an item, or on a line, of its own; # begins a comment in a list file", "%s is more than one source", show(text))
	}},
	{`^\.{0,2}/|^[\pL_][\pL\pN_.-]*/|\.(txt|list|lst|conf|ya?ml|csv)$`, func(text string) *Problem {
		return problem("bad-address", "write {file: "+show(text)+"} for a list file", "%s is not a source", show(text))
	}},
	{`^\[.*\]$`, func(text string) *Problem {
		return problem("bad-address", "write "+show(strings.Trim(text, "[]")), "%s: a source is written without brackets", show(text))
	}},
	{`^(` + octets + `|\[.*\]):\d+$`, func(text string) *Problem {
		return problem("bad-address", "write the address alone", "%s has a port, and a source has none", show(text))
	}},
	{`^` + octets + `$`, explainOctets},
	{`^[\d.]*\.(\*|x)$`, func(text string) *Problem {
		return problem("bad-address", "write the network with its prefix length, as in 192.0.2.0/24", "%s is not an address", show(text))
	}},
	{`^[\d.]+$`, func(text string) *Problem {
		return problem("bad-address", "an IPv4 address has four numbers, as in 192.0.2.1", "%s is not an address", show(text))
	}},
	{`^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$`, func(text string) *Problem {
		return problem("bad-address", "", "%s is not an IPv6 address", show(text))
	}},
	{`^[\pL\pN_-]+(\.[\pL\pN_-]+)*\.?$`, explainName},
	{``, func(text string) *Problem {
		return problem("bad-address", "write an address, a network, a range first-last, or any", "%s is not a source", show(text))
	}},
}

// patterns are those of the guesses; they are not needed where nothing is wrong.
var patterns = sync.OnceValue(func() []*regexp.Regexp {
	compiled := make([]*regexp.Regexp, len(guesses))
	for i, g := range guesses {
		compiled[i] = regexp.MustCompile(g.pattern)
	}
	return compiled
})

// explainAddress says why the text is no address.
func explainAddress(text string) error {
	if a, err := netip.ParseAddr(text); err == nil {
		return checkAddress(a)
	}
	for i, g := range guesses {
		if patterns()[i].MatchString(text) {
			return g.explain(text)
		}
	}
	return nil
}

func explainOctets(text string) *Problem {
	fields := strings.Split(text, ".")
	for i, field := range fields {
		n, err := strconv.Atoi(field)
		if err != nil || n > 255 {
			return problem("bad-address", "the four numbers go from 0 to 255", "%s is not an address", show(text))
		}
		fields[i] = strconv.Itoa(n)
	}
	return problem("leading-zeros", "write "+strings.Join(fields, "."),
		"%s has leading zeros, which some programs read as octal", text)
}

func explainName(text string) *Problem {
	hint := "write its addresses"
	if near := nearest(text, sourceWords); near != "" {
		hint = "did you mean " + near + "?"
	}
	return problem("host-name", hint,
		"%s is a name, not an address: what it stands for is decided by a DNS server at the moment of asking, and a firewall must not depend on that", show(text))
}

// explainPrefix says why the text, which has a slash, is no network.
func explainPrefix(text string) error {
	base, length, _ := strings.Cut(text, "/")
	address, err := netip.ParseAddr(base)
	switch {
	case err != nil && networkNumber.MatchString(base):
		whole := strings.TrimSuffix(base, ".") + strings.Repeat(".0", 3-strings.Count(strings.TrimSuffix(base, "."), "."))
		return problem("bad-address", "an IPv4 network has four numbers, as in "+show(whole+"/"+length), "%s is not a network", show(text))
	case err != nil || address.Zone() != "":
		if looksLikePath.MatchString(text) {
			base = text
		}
		return explainAddress(base)
	case netmaskLength(length) >= 0 && address.Is4():
		prefix, _ := address.Prefix(netmaskLength(length))
		return problem("bad-prefix", "write "+prefix.String(), "%s has a netmask instead of a prefix length", text)
	}
	return problem("bad-prefix", "", "the prefix length of %s is not a number from 0 to %d", show(text), address.BitLen())
}

var (
	networkNumber = regexp.MustCompile(`^\d+(\.\d+){0,2}\.?$`)
	looksLikePath = regexp.MustCompile(`[^\d]$`)
)

// netmaskLength is the prefix length of 255.255.255.0 and the like; -1 if the
// text is no netmask.
func netmaskLength(text string) int {
	mask, err := netip.ParseAddr(text)
	if err != nil || !mask.Is4() {
		return -1
	}
	ones, bits := net.IPMask(mask.AsSlice()).Size()
	if bits == 0 {
		return -1
	}
	return ones
}

// explainRange says why the text, which has a hyphen, is no range.
func explainRange(text, first, last string) error {
	from, err := netip.ParseAddr(first)
	if err != nil && startsLikeName.MatchString(text) {
		return explainAddress(text)
	}
	if _, notByte := strconv.ParseUint(last, 10, 8); notByte == nil && err == nil && from.Is4() {
		whole := first[:strings.LastIndexByte(first, '.')+1] + last
		return problem("bad-address", "write "+first+"-"+whole, "%s: the last address of a range is written out", show(text))
	}
	for _, end := range []string{first, last} {
		if _, err := netip.ParseAddr(end); err != nil && looksLikeAddress.MatchString(end) {
			return explainAddress(end)
		}
	}
	return problem("bad-address", "write a range as 192.0.2.10-192.0.2.19", "%s is not a range of addresses", show(text))
}

var (
	startsLikeName   = regexp.MustCompile(`^[\pL_]`)
	looksLikeAddress = regexp.MustCompile(`^[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+$`)
)
