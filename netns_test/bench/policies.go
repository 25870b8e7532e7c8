package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"time"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// load makes the model of a policy on the disk.
func load(path string) (*exposure.Model, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, diags := policy.Parse(path, text, func(list string) (io.ReadCloser, error) { return os.Open(list) })
	if diags.Errors() > 0 {
		return nil, fmt.Errorf("%s: %v", path, diags)
	}
	model, diags := exposure.Resolve(exposure.Inputs{Policy: p, Now: time.Now()})
	if diags.Errors() > 0 {
		return nil, fmt.Errorf("%s: %v", path, diags)
	}
	return model, nil
}

// rules counts the rules of the policy's ruleset.
func (w *world) rules(policy string) (n int, err error) {
	model, err := load(w.path(policy))
	if err != nil {
		return 0, err
	}
	for _, chain := range compile.Compile(model, 1).Chains {
		n += len(chain.Rules)
	}
	return n, nil
}

// Where prefixes of lists lie: each in a stretch of its own, so that no two can be
// merged, of a network of the world.
var (
	first4 = netip.MustParseAddr("130.0.0.0")
	first6 = netip.MustParseAddr("2a00::")
)

// networks4 is n networks, /24 to /32, in no order; always the same ones.
func networks4(n int) []string {
	return networks(n, func(i, kind int) netip.Prefix {
		a := first4.As4()
		v := uint32(a[0])<<24 + uint32(i)<<10
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), 24+kind)
	})
}

// networks6 is n networks, /48 to /64, in no order.
func networks6(n int) []string {
	return networks(n, func(i, kind int) netip.Prefix {
		a := first6.As16()
		v := uint32(i)
		a[1], a[2], a[3] = a[1]|byte(v>>16), byte(v>>8), byte(v)
		return netip.PrefixFrom(netip.AddrFrom16(a), 48+2*kind)
	})
}

// networks calls at with 0 to n-1 and a number of 0 to 8.
func networks(n int, at func(i, kind int) netip.Prefix) []string {
	random := rand.New(rand.NewPCG(1, 2))
	list := make([]string, n)
	for i := range list {
		list[i] = at(i, random.IntN(9)).String()
	}
	random.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// listPolicy is a policy whose subscribers are the list of that name.
func (w *world) listPolicy(name, list string) error {
	return w.write(name, fmt.Sprintf("version: 1\nroles:\n  subscribers: {allow: [{file: %q}]}\n  administrators: {allow: [198.18.0.0/24]}\n", w.path(list)))
}

func lines(list []string) string { return strings.Join(list, "\n") + "\n" }
