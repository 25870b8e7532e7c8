package hitless

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// The flood's sources, and what every policy below says of them.
const (
	subscriber = "203.0.113.9"
	stranger   = "198.51.100.9" // in no list
	denied     = "100.99.0.9"   // a subscriber that is denied
)

// Variant is two policies that differ in one thing, and agree on the flood.
type Variant struct {
	Name     string
	Policies [2]string
	Lists    map[string]string // files that the policies name
}

// Variants is every kind of change, the last one in a list of so many prefixes.
func Variants(prefixes int) []Variant {
	long := longList(prefixes)
	return []Variant{
		{Name: "a deny set", Policies: two(func(i int) string {
			return policyText("203.0.113.0/24", fmt.Sprintf("100.98.0.%d, 100.97.%d.0/24", i, i), 40000, 9000)
		})},
		{Name: "an allowlist", Policies: two(func(i int) string {
			return policyText(fmt.Sprintf("203.0.113.0/24, 100.%d.0.0/16", 64+i), "100.98.0.1", 40000, 9000)
		})},
		{Name: "the service map", Policies: two(func(i int) string {
			return policyText("203.0.113.0/24", "100.98.0.1", 39000+i, 9000+i)
		})},
		{Name: fmt.Sprintf("an allowlist of %d prefixes", prefixes), Policies: two(func(i int) string {
			more := []string{"", ", 192.0.2.200"}
			return policyText("203.0.113.0/24, {file: long}"+more[i], "100.98.0.1", 40000, 9000)
		}), Lists: map[string]string{"long": long}},
	}
}

func two(text func(i int) string) [2]string { return [2]string{text(0), text(1)} }

// policyText is a policy with these subscribers, denied sources besides the
// flood's, last port of RTP, and port of a service of one's own.
func policyText(allow, deny string, rtp, own int) string {
	return fmt.Sprintf(`version: 1
roles:
  subscribers: {allow: [100.99.0.0/16, %s]}
  administrators: {allow: [198.18.0.0/24]}
  everybody: {allow: [any]}
services:
  public: {ports: [7100/udp], roles: [everybody]}
  rtp: {ports: [30000-%d/udp]}
  own: {ports: [%d/udp, %d/tcp], roles: [subscribers]}
deny: [100.99.0.0/24, %s]
`, allow, rtp, own, own, deny)
}

// longList is n networks that nothing of the flood comes from: one in every 1,024
// addresses from 130.0.0.0 on.
func longList(n int) string {
	var b strings.Builder
	for i := range n {
		v := uint32(130)<<24 + uint32(i)<<10
		a := netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
		fmt.Fprintf(&b, "%s/%d\n", a, 24+i%9)
	}
	return b.String()
}

// Models resolves both policies.
func (v Variant) Models() (models [2]*exposure.Model, err error) {
	for i, text := range v.Policies {
		p, diags := policy.Parse("policy.yml", []byte(text), v.open)
		if diags.Errors() > 0 {
			return models, fmt.Errorf("%s: %v", v.Name, diags)
		}
		models[i], diags = exposure.Resolve(exposure.Inputs{Policy: p, Now: time.Now()})
		if diags.Errors() > 0 {
			return models, fmt.Errorf("%s: %v", v.Name, diags)
		}
	}
	return models, nil
}

func (v Variant) open(path string) (io.ReadCloser, error) {
	text, known := v.Lists[path]
	if !known {
		return nil, fmt.Errorf("there is no list %s", path)
	}
	return io.NopCloser(strings.NewReader(text)), nil
}
