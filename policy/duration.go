package policy

import (
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// longestBan is as long as the ban command takes: more than anybody means, and
// far from the end of the kernel's milliseconds.
const longestBan = 520 * 7 * 24 * time.Hour

// spans are the units of a duration, by their letters.
var spans = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// parseDuration reads 90s, 10m, 2h, 7d or 2w.
func parseDuration(text string) (time.Duration, error) {
	wrong := problem("bad-value", "write it as 90s, 10m, 2h, 7d or 2w", "%s is not a duration from 1s to 520w", show(text))
	if len(text) < 2 {
		return 0, wrong
	}
	unit, number := spans[text[len(text)-1]], text[:len(text)-1]
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || unit == 0 || n < 1 || n > uint64(longestBan/unit) {
		return 0, wrong
	}
	return time.Duration(n) * unit, nil
}

func parseBanFor(p *parser, n *yaml.Node, into *Limit) {
	value, ok := p.scalar(n, "ban-for", "text such as 10m")
	if !ok {
		return
	}
	length, err := parseDuration(value)
	p.check(n, err)
	into.BanFor = length
}
