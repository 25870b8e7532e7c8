package firewall

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/firewall/ruleset"
)

// looking are the expressions that only look at a packet, count it or write
// about it, as the kernel calls them (nft_*.c of net/netfilter); match is one of
// iptables.
var looking = []string{"meta", "ct", "payload", "exthdr", "cmp", "range", "bitwise", "byteorder", "lookup", "dynset", "counter",
	"limit", "quota", "connlimit", "last", "log", "objref", "fib", "rt", "socket", "osf", "numgen", "hash", "notrack", "match"}

// foreign names the base chains of others at the input hook that can drop a
// packet or take it elsewhere, although our chain accepts it: by their policy, or
// by a rule that does more than look and accept.
func foreign(chains []kernel.Chain, rules []kernel.Rule) (names []string) {
	for _, c := range chains {
		own := c.Family == compile.Family && c.Table == compile.TableName
		if own || c.Base == nil || c.Base.Hook != ruleset.HookInput {
			continue
		}
		if c.Base.Drop || interferes(c, rules) {
			names = append(names, fmt.Sprintf("%s %s %s", c.Family, c.Table, c.Name))
		}
	}
	slices.Sort(names)
	return names
}

// interferes tells whether a packet that comes to the chain can meet a rule that
// does more than look and accept. Our own rule for media does not count.
func interferes(c kernel.Chain, rules []kernel.Rule) bool {
	met := []string{c.Name}
	for i := 0; i < len(met); i++ {
		for _, r := range rules {
			if r.Family != c.Family || r.Table != c.Table || r.Chain != met[i] || r.Chain == mediaproxy.Chain {
				continue
			}
			for _, e := range r.Expressions {
				next, harmless := leads(e)
				if !harmless {
					return true
				}
				if next != "" && !slices.Contains(met, next) {
					met = append(met, next)
				}
			}
		}
	}
	return false
}

// leads tells which chain an expression leads to, if any, and whether it does no
// harm itself. Nobody knows where a verdict map leads.
func leads(e kernel.Expression) (chain string, harmless bool) {
	switch {
	case e.Name == "immediate":
		return verdict(e)
	case e.Name == "lookup":
		for kind := range kernel.Attributes(e.Data) {
			if kind == unix.NFTA_LOOKUP_DREG {
				return "", false
			}
		}
	}
	return "", slices.Contains(looking, e.Name)
}

// verdict tells where an immediate verdict leads; one that drops or queues is not
// harmless. What puts a value into a register is.
func verdict(e kernel.Expression) (chain string, harmless bool) {
	harmless = true
	for kind, data := range kernel.Attributes(inside(inside(e.Data, unix.NFTA_IMMEDIATE_DATA), unix.NFTA_DATA_VERDICT)) {
		switch {
		case kind == unix.NFTA_VERDICT_CHAIN:
			chain = strings.TrimSuffix(string(data), "\x00")
		case kind == unix.NFTA_VERDICT_CODE && len(data) == 4:
			code := int32(binary.BigEndian.Uint32(data))
			harmless = code < 0 || code == nfAccept // jump, goto, return and continue are below 0
		}
	}
	return chain, harmless
}

const nfAccept = 1 // NF_ACCEPT of linux/netfilter.h

// inside is the data of the attribute of that kind; nil where there is none.
func inside(list []byte, want uint16) []byte {
	for kind, data := range kernel.Attributes(list) {
		if kind == want {
			return data
		}
	}
	return nil
}
