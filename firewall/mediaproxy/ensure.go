package mediaproxy

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
)

// ErrNoTarget says that the kernel does not know the target: rtpengine's module
// is not installed for this kernel. Calls work all the same, in user space.
var ErrNoTarget = errors.New("rtpengine's kernel module is missing")

// retries is how often a change by somebody else between reading and
// committing makes us read again, and the kernel is asked whether it holds what
// was sent.
const retries = 5

// Ensured is what Ensure did.
type Ensured struct {
	Messages int    `json:"messages"`      // sent to the kernel; 0: it held the rule already
	Ran      string `json:"ran,omitempty"` // the command that had the daemon put its rule back
}

// Ensure puts the chosen rule in, where it is missing or wrong. With mode daemon
// it has a daemon that runs put its own rule back where that is missing, and with
// daemon and off it takes ours away. What is as it should be is left alone, with
// its counters.
//
// It belongs after the main table's commit: what it sends is a batch of its own,
// as an unknown target costs the whole batch. The error is ErrNoTarget then.
func Ensure(conn *kernel.Conn, host Host, choice Choice) (done Ensured, err error) {
	if choice.Mode != ModeXtables {
		if _, err := Remove(conn); err != nil || choice.Mode == ModeOff {
			return done, err
		}
		done.Ran, err = restart(func() ([]Handler, error) { return Handlers(conn) }, host, choice)
		return done, err
	}
	var failures []error
	for _, f := range Families {
		n, err := ensure(conn, table(f, choice.Target, uint32(choice.Table)))
		done.Messages += n
		failures = append(failures, refusal(err, choice.Target))
		if errors.Is(failures[len(failures)-1], ErrNoTarget) {
			break // nor is there one for the other family
		}
	}
	return done, errors.Join(failures...)
}

// Keep chooses who keeps the rule, and ensures it. It is for after each apply,
// one that changed nothing else included.
func Keep(conn *kernel.Conn, host Host, setting policy.Mediaproxy) (Choice, Ensured, error) {
	var facts Facts
	var rules []Handler
	if Mode(setting.Rule) != ModeOff {
		var err error
		if rules, err = Handlers(conn); err != nil {
			return Choice{}, Ensured{}, err
		}
		facts = host.Facts()
	}
	choice := Choose(setting, facts, rules)
	done, err := Ensure(conn, host, choice)
	return choice, done, err
}

// ensure makes the kernel hold one family's chain, and reads it back.
func ensure(conn *kernel.Conn, want *ruleset.Table) (sent int, err error) {
	for range retries {
		genid, err := conn.Generation()
		if err != nil {
			return sent, err
		}
		have, err := conn.Fragment(want.Family, want.Name, Chain)
		if errors.Is(err, kernel.ErrChanged) {
			continue
		} else if err != nil {
			return sent, err
		}
		if holds(have, want) {
			return sent, nil
		}
		batch, err := repair(have, want)
		if err == nil {
			err = conn.Commit(genid, batch)
		}
		switch {
		case err == nil:
			sent += len(batch)
		case !errors.Is(err, kernel.ErrChanged):
			return sent, err
		}
	}
	return sent, fmt.Errorf("table %s %s does not keep the chain %s: somebody else changes it", want.Family, want.Name, Chain)
}

// repair is the batch that makes our chain what it should be, whatever is there
// under its name. A table that is there is not written to.
func repair(have []ruleset.Message, want *ruleset.Table) (batch []ruleset.Message, err error) {
	all, err := want.Encode()
	if err != nil {
		return nil, err
	}
	if len(have) == 0 {
		return all, nil
	}
	if hasChain(have) {
		batch = append(batch, want.FlushChain(Chain), want.DeleteChain(Chain))
	}
	for _, m := range all {
		if m.Type != unix.NFT_MSG_NEWTABLE {
			batch = append(batch, m)
		}
	}
	return batch, nil
}

// refusal puts the kernel's refusal of the rule into the operator's words.
func refusal(err error, target string) error {
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	return fmt.Errorf("this kernel has no target %s for nf_tables: %w\nhint: %s", target, ErrNoTarget,
		"install rtpengine-kernel-dkms (on NGCP ngcp-rtpengine-kernel-dkms) and the headers of the running kernel (which "+
			"needs nft_compat), apply again, and restart rtpengine; until then calls are relayed in user space")
}

// Remove takes exactly our chain away, from both families, and reports whether
// there was one. The table stays, unless it was made by us and nothing else is in
// it.
func Remove(conn *kernel.Conn) (removed bool, err error) {
	var failures []error
	for _, f := range Families {
		gone, err := remove(conn, f)
		removed = removed || gone
		failures = append(failures, err)
	}
	return removed, errors.Join(failures...)
}

func remove(conn *kernel.Conn, f ruleset.Family) (bool, error) {
	t := &ruleset.Table{Family: f, Name: FilterTable}
	for range retries {
		genid, err := conn.Generation()
		if err != nil {
			return false, err
		}
		have, err := conn.Fragment(f, FilterTable, Chain)
		if err == nil && !hasChain(have) {
			return false, nil
		}
		batch := []ruleset.Message{t.FlushChain(Chain), t.DeleteChain(Chain)}
		if err == nil && made(have) {
			var all []ruleset.Message
			if all, err = conn.Dump(f, FilterTable); err == nil && onlyOurs(all) {
				batch = append(batch, t.DeleteTable())
			}
		}
		if err == nil {
			// Deleting a table takes all in it: only if nobody has come in since we
			// looked, which the generation tells.
			if err = conn.Commit(genid, batch); err == nil {
				return true, nil
			}
		}
		if !errors.Is(err, kernel.ErrChanged) {
			return false, err
		}
	}
	return false, kernel.ErrChanged
}

// made reports whether the table is one that we made: it carries our comment.
func made(messages []ruleset.Message) bool {
	t, err := ruleset.Decode(ruleset.Family(messages[0].Body[0]), FilterTable, messages)
	return err == nil && t != nil && t.Comment == tableComment
}

// onlyOurs reports whether nothing but our chain is in the table.
func onlyOurs(messages []ruleset.Message) bool {
	for _, m := range messages {
		if m.Type == unix.NFT_MSG_NEWTABLE {
			continue
		}
		chain, isChain := kernel.DecodeChain(m)
		rule, isRule := kernel.DecodeRule(m)
		if !(isChain && chain.Name == Chain || isRule && rule.Chain == Chain) {
			return false
		}
	}
	return true
}
