package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/firewall/verify"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

type verifyJSON struct {
	Equal          bool                `json:"equal"`
	Counterexample *counterexampleJSON `json:"counterexample"`
	Foreign        []string            `json:"foreign"`
	Sampled        []string            `json:"sampled,omitempty"` // the sets that were compared by count and samples
}

type counterexampleJSON struct {
	From    string `json:"from"`
	To      string `json:"to"`
	In      string `json:"in"`
	Policy  string `json:"policy"`
	Kernel  string `json:"kernel"`
	Remarks string `json:"remarks,omitempty"` // what from, to and in do not say
}

func setupVerify(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	offline := flags.Bool("offline", false, "the compiled ruleset, without root and kernel")
	full := flags.Bool("full", false, "read every element of large sets, too")
	return func(a *app, _ []string) error {
		in, err := a.load(false)
		if err != nil {
			return err
		}
		proof, err := a.prove(in.model, *offline, *full)
		if err != nil {
			return systemFailure(fmt.Errorf("nothing is proven: %w", err))
		}
		if out.json() {
			err = writeJSON(a.out, proofDocument(proof))
		} else {
			writeProof(a.out, proof, a.flags.inputWords(), *offline)
		}
		if err == nil && proof.Found != nil {
			err = errNo
		}
		return err
	}
}

func (a *app) prove(m *exposure.Model, offline, full bool) (*firewall.Proof, error) {
	if !offline {
		return a.firewall().Verify(m, full)
	}
	found, err := verify.Compare(compile.Compile(m, 1), m)
	return &firewall.Proof{Found: found, Applied: true}, err
}

func proofDocument(p *firewall.Proof) verifyJSON {
	doc := verifyJSON{Equal: p.Found == nil, Foreign: append([]string{}, p.Foreign...), Sampled: p.Sampled}
	if c := p.Found; c != nil {
		doc.Counterexample = &counterexampleJSON{From: fromText(c.Flow), To: flowTo(c), In: c.Flow.In,
			Policy: verdictWord(c.Policy), Kernel: verdictWord(c.Kernel), Remarks: strings.Join(packetRemarks(c), ", ")}
	}
	return doc
}

func verdictWord(accept bool) string {
	if accept {
		return "accept"
	}
	return "drop"
}

// flowTo is as explain reads it, of protocols that it knows.
func flowTo(c *verify.Counterexample) string {
	if !policy.HasPorts(c.Flow.Protocol) {
		name := c.Flow.Protocol.String()
		if isICMP(c.Packet) {
			name = map[bool]string{false: "icmp", true: "icmpv6"}[c.Packet.Protocol == protocolICMPv6]
		}
		return strings.TrimSpace(addressOf(c.Flow.To) + " " + name)
	}
	return toText(c.Flow)
}

func addressOf(a netip.Addr) string {
	if a.IsValid() {
		return a.String()
	}
	return ""
}

// packetRemarks is what else there is to know of the packet.
func packetRemarks(c *verify.Counterexample) (remarks []string) {
	note := func(yes bool, format string, args ...any) {
		if yes {
			remarks = append(remarks, fmt.Sprintf(format, args...))
		}
	}
	note(c.Hook != ruleset.HookInput, "at the %s hook", c.Hook)
	note(c.Packet.Out != "", "out %s", c.Packet.Out)
	note(isICMP(c.Packet), "type %d", c.Packet.ICMPType)
	note(c.Packet.State != ruleset.StateNew, "ct state %s", stateWords[c.Packet.State])
	note(c.Banned != "", "from a banned source")
	note(c.Held != "", "while its source is in set %s", c.Held)
	return remarks
}

// Protocols that have a type (IANA, Assigned Internet Protocol Numbers).
const protocolICMP, protocolICMPv6 = 1, 58

func isICMP(p ruleset.Packet) bool { return p.Protocol == protocolICMP || p.Protocol == protocolICMPv6 }

var stateWords = map[ruleset.CTStates]string{
	ruleset.StateEstablished: "established", ruleset.StateRelated: "related", ruleset.StateInvalid: "invalid",
}

// writeProof tells the proof; see is the flags by which another command reads the
// same files.
func writeProof(w io.Writer, p *firewall.Proof, see []string, offline bool) {
	which := "the kernel's ruleset"
	if offline {
		which = "the compiled ruleset"
	}
	switch c := p.Found; {
	case !p.Applied:
		fmt.Fprintln(w, "Nothing of ngcp-fw is in force.")
	case c == nil:
		words := fmt.Sprintf("Equal: %s does to every packet what the policy says.", which)
		fmt.Fprintln(w, wrap(words, 0, 0))
	default:
		fmt.Fprintln(w, wrap(fmt.Sprintf("Not equal: %s is not the policy. They differ on this packet:", which), 0, 0))
	}
	if c := p.Found; c != nil {
		writeCounterexample(w, c, see, offline)
	}
	for _, s := range p.Sampled {
		writeNote(w, "note", fmt.Sprintf("of the large set %s, the number of elements and samples stand for all; --full reads it", s))
	}
	for _, name := range p.Foreign {
		writeNote(w, "note", fmt.Sprintf("chain %s can drop or divert what ngcp-fw accepts", name))
	}
}

func writeCounterexample(w io.Writer, c *verify.Counterexample, see []string, offline bool) {
	what := fmt.Sprintf("from %s to %s", fromText(c.Flow), flowTo(c))
	if c.Flow.In != "" {
		what += " in " + c.Flow.In
	}
	what = strings.Join(append([]string{what}, packetRemarks(c)...), ", ")
	fmt.Fprintf(w, "  %s\n", wrap(what, 2, 4))
	fmt.Fprintf(w, "  policy: %s, ruleset: %s\n", verdictWord(c.Policy), verdictWord(c.Kernel))
	if !c.Plain() {
		fmt.Fprintf(w, "  %s\n", wrap("explain cannot show it: it asks about new connections of tcp, udp and sctp to this host, from sources that are not banned", 2, 4))
	} else {
		words := append(append([]string{"ngcp-fw"}, see...), "explain", "--from", fromText(c.Flow), "--to", flowTo(c), "--in", c.Flow.In)
		if !offline {
			words = append(words, "--live")
		}
		fmt.Fprintf(w, "  see: %s\n", wrap(strings.Join(words, " "), len("  see: "), 4))
	}
}
