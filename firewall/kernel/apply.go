package kernel

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"ngcp-fw/firewall/ruleset"
)

// Result is how a table was put into force.
type Result struct {
	Messages int  // sent; 0: the kernel held it already
	Replaced bool // the whole table was replaced, which loses counters and bans
}

// Apply makes the kernel hold the table, and asks it afterwards whether it does.
//
// A table that is not there yet goes in as one batch. Otherwise there are three:
// the first loads what is new beside what is in force, the second swaps the
// rules of all base chains at once, the third takes away what is not used any
// more. No packet meets half of the old and half of the new, and a crash
// between two batches leaves one of them whole in force. For that the names of
// what belongs to a generation must not be in use yet, but for sets with the
// elements that they have already; base chains, counters and live sets keep
// theirs, and so what is in them.
//
// ErrChanged says that somebody else changed the ruleset meanwhile; what is in
// force is then the old or the new table, and Apply may be called again.
func (c *Conn) Apply(want *ruleset.Table) (Result, error) {
	have, genid, err := c.compared(want)
	if err != nil {
		return Result{}, err
	}
	return c.change(have, want, genid)
}

// Change is Apply for a table that follows the current one, as it was read (see
// ruleset.Table.Following): large sets that keep their name may have other
// elements then. It fails with ErrChanged if the current one is not there any
// more, or turns out to be another one: then it has to be read again, for the
// large sets that may be to blame are distrusted from now on.
func (c *Conn) Change(current, want *ruleset.Table) (Result, error) {
	if current == nil {
		return c.Apply(want)
	}
	have, genid, err := c.ReadLike(want.Family, want.Name, current)
	if err != nil {
		return Result{}, err
	}
	if !have.Equal(current) {
		return Result{}, ErrChanged
	}
	return c.change(have, want, genid)
}

// Replace is Change for a table that has just been read, and is not read again:
// it fails with ErrChanged if the ruleset is not of that generation any more.
func (c *Conn) Replace(current Reading, want *ruleset.Table) (Result, error) {
	return c.change(current.Table, want, current.GenID)
}

func (c *Conn) change(have, want *ruleset.Table, genid uint32) (Result, error) {
	if have != nil && have.Equal(want) {
		return Result{}, nil
	}
	plan := newPlan(have, want)
	batches, replaced, err := plan.batches()
	if err != nil {
		return Result{}, err
	}
	result := Result{Replaced: replaced}
	for i, b := range batches {
		if len(b.messages) == 0 {
			continue
		}
		if have == nil && b.parted() {
			return c.applyInParts(want, genid)
		}
		if i == cleaning {
			c.wire.grace()
		}
		genid, err = c.send(genid, b)
		switch {
		case have == nil && errors.Is(err, errTooLarge):
			return c.applyInParts(want, genid)
		case err != nil && i == swapping && len(plan.deltas) > 0 && !errors.Is(err, ErrChanged):
			c.distrust(plan.deltas)
			return result, fmt.Errorf("%w: %w", ErrChanged, err)
		case err != nil:
			return result, err
		}
		result.Messages += len(b.messages)
	}
	return result, c.verify(want, genid)
}

// distrust is for deltas that the kernel does not take: the sets do not hold
// what they seemed to.
func (c *Conn) distrust(deltas []ruleset.Delta) {
	for _, d := range deltas {
		c.Distrust(d.Set.Name)
	}
}

// applyInParts begins with an empty table. To that, the rest is a change, whose
// first batch may go in parts.
func (c *Conn) applyInParts(want *ruleset.Table, genid uint32) (Result, error) {
	empty := []ruleset.Message{want.EncodeTable()}
	if _, err := c.send(genid, batch{messages: empty}); err != nil {
		return Result{}, err
	}
	return c.Apply(want)
}

// send commits a batch and gives the ruleset's generation after that. A batch
// that is too large for the socket, as without root, goes in parts if it may.
func (c *Conn) send(genid uint32, b batch) (uint32, error) {
	if n := b.part(); n < len(b.messages) {
		return c.sendApart(genid, b, n)
	}
	err := c.wire.commit(genid, b.messages)
	if err == nil {
		return genid + 1, nil // an effective commit counts as one
	}
	half := (b.early + 1) / 2
	if !errors.Is(err, errTooLarge) || half == 0 || half == len(b.messages) {
		return genid, err
	}
	return c.sendApart(genid, b, half)
}

// sendApart commits the first n messages, which are early ones, and then the
// others.
func (c *Conn) sendApart(genid uint32, b batch, n int) (uint32, error) {
	genid, err := c.send(genid, batch{b.messages[:n], n})
	if err != nil {
		return genid, err
	}
	return c.send(genid, batch{b.messages[n:], b.early - n})
}

// compared reads what the kernel has, to be compared with want: the elements of
// large sets only if nothing else tells the two apart.
func (c *Conn) compared(want *ruleset.Table) (*ruleset.Table, uint32, error) {
	have, genid, err := c.read(want.Family, want.Name, want)
	if err == nil && have.Equal(want) && slices.ContainsFunc(want.Sets, large) {
		return c.read(want.Family, want.Name, nil)
	}
	return have, genid, err
}

// verify asks the kernel whether it holds what was sent. Of large sets the
// number of elements is enough, as nobody else has changed anything since.
func (c *Conn) verify(want *ruleset.Table, genid uint32) error {
	have, now, err := c.read(want.Family, want.Name, want)
	if err == nil && now == genid && have.Equal(want) {
		return nil
	}
	if err == nil {
		have, now, err = c.read(want.Family, want.Name, nil)
	}
	if err != nil {
		return fmt.Errorf("reading back what was sent: %w", err)
	}
	changes := ruleset.Diff(have, want)
	if len(changes) == 0 {
		return nil
	}
	var names []string
	for _, change := range changes {
		names = append(names, strings.TrimSpace(fmt.Sprintf("%s %s %s", change.Object, change.Name, change.Text)))
	}
	if now != genid {
		return fmt.Errorf("%w, right after the commit: %s", ErrChanged, strings.Join(names, "; "))
	}
	return fmt.Errorf("the kernel does not hold what was sent, it differs in: %s", strings.Join(names, "; "))
}

// Remove takes a table away, and reports whether it was there.
func (c *Conn) Remove(family ruleset.Family, name string) (bool, error) {
	for range readings {
		genid, err := c.Generation()
		if err != nil {
			return false, err
		}
		_, err = c.table(family, name)
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		gone := (&ruleset.Table{Family: family, Name: name}).DeleteTable()
		err = c.wire.commit(genid, []ruleset.Message{gone})
		if !errors.Is(err, ErrChanged) {
			return err == nil, err
		}
	}
	return false, ErrChanged
}
