package main

import (
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// noRuleset is a host without any: the kernel calls no hook.
func noRuleset() error { return nil }

// ours is a policy, compiled and applied: that of a host with administrators, and
// what else the services say.
func ours(roles, services string) func() error {
	return func() error {
		written := "version: 1\nroles: {administrators: {allow: [192.0.2.0/24]}" + roles + "}\nservices: {" + services + "}\n"
		p, diags := policy.Parse("policy.yml", []byte(written), nil)
		if diags.Errors() > 0 {
			return fmt.Errorf("%v", diags)
		}
		m, diags := exposure.Resolve(exposure.Inputs{Policy: p, Now: time.Unix(0, 0)})
		if diags.Errors() > 0 {
			return fmt.Errorf("%v", diags)
		}
		c, err := kernel.Open()
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Apply(compile.Compile(m, 1))
		return err
	}
}

// oursFor is the policy where only the list may use the service.
func oursFor(service string, n allowlist) func() error {
	return ours(", peers: {allow: ["+n.String()+"]}", service+": {roles: [peers]}")
}

// byProgram has a program read a ruleset from its standard input.
func byProgram(text, program string, args ...string) func() error {
	return func() error {
		cmd := exec.Command(program, args...)
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %.500s", program, err, out)
		}
		return nil
	}
}

func byNft(text string) func() error { return byProgram(text, "nft", "-f", "-") }

// byIPTables loads what iptables-save writes.
func byIPTables(text string) func() error { return byProgram(text, "iptables-nft-restore") }

// The rulesets of others. Those of ufw and firewalld are what the tools make: ufw
// 0.36.2 was run and its rules saved; firewalld's are written by hand after the
// structure that version 1.3 gives them. The line @rows@ is where the operator's
// rows go.
var (
	//go:embed testdata/hand-rtp.nft
	handRTP string
	//go:embed testdata/plain-rtp.nft
	plainRTP string
	//go:embed testdata/iptables.rules
	iptablesRules string
	//go:embed testdata/ufw.rules
	ufwRules string
	//go:embed testdata/firewalld.nft
	firewalldRules string
)

// withRows is the ruleset with one row for each prefix of the list.
func withRows(ruleset, format string, n allowlist) string {
	var rows strings.Builder
	for _, p := range n.prefixes() {
		fmt.Fprintf(&rows, format+"\n", p)
	}
	return strings.Replace(ruleset, "@rows@\n", rows.String(), 1)
}

// lookups is a ruleset that does nothing but look a packet's source up in a set
// of this kind.
func lookups(kind string, n allowlist) string {
	row := map[string]struct{ set, key, suffix string }{
		"tree":         {"type ipv4_addr; flags interval", "ip saddr", ""},
		"pipapo":       {"type ipv4_addr . inet_proto; flags interval", "ip saddr . ip protocol", " . udp"},
		"hash":         {"type ipv4_addr", "ip saddr", ""},
		"learned hash": {"type ipv4_addr; size 131072; flags dynamic,timeout; timeout 1h", "ip saddr", ""},
	}[kind]
	elements := n.prefixes()
	for i, p := range elements {
		if strings.HasSuffix(kind, "hash") {
			p, _, _ = strings.Cut(p, "/")
		}
		elements[i] = p + row.suffix
	}
	return fmt.Sprintf("table ip lookups {\nset s { %s; elements = { %s }\n}\nchain input { type filter hook input priority -10; policy drop\n%s @s accept\n}\n}\n",
		row.set, strings.Join(elements, ", "), row.key)
}
