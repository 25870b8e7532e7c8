package firewall

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"

	"ngcp-fw/firewall/bans"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
)

// bansLooked is how many lines of the record are looked up in the kernel to see
// whether it still has them; of a shorter record all. Who takes bans away without
// telling, as a program does that empties a set when it stops, takes them all.
const bansLooked = 256

// mendBans puts the bans on record back that somebody else has taken out of the
// kernel's sets, and says so.
func (f Firewall) mendBans(conn *kernel.Conn) error {
	record, closeRecord, err := f.store().Bans()
	if err != nil || len(record) == 0 {
		return err
	}
	defer closeRecord()
	now := time.Now()
	for _, b := range looked(record, now) {
		there, err := conn.Holds(compile.Family, compile.TableName, bannedSet(b.From), b.From.AsSlice())
		if err != nil {
			return fmt.Errorf("cannot tell whether the bans are in force: %w", err)
		}
		if !there && b.Live(time.Now().Add(time.Second)) {
			return f.bansAgain(conn, record, now)
		}
	}
	return nil
}

// looked is the bans to look up.
func looked(record []byte, now time.Time) (some []bans.Ban) {
	if !bans.Many(record, bansLooked) {
		return bans.All(record, now).Bans
	}
	for range bansLooked {
		if b, ok := bans.Next(record, rand.IntN(len(record))); ok && b.Live(now) {
			some = append(some, b)
		}
	}
	return some
}

// bansAgain puts all bans into sets that lack some of them. Of many, it does not read
// the sets, and they have to be empty.
func (f Firewall) bansAgain(conn *kernel.Conn, record []byte, now time.Time) error {
	const taken = "somebody else has taken bans out of the kernel's sets"
	var err error
	if bans.Many(record, manyBans) {
		err = f.fillBans(conn)
	} else {
		all := bans.All(record, now).Bans
		stays := func(theirs []bans.Ban) []bans.Ban { return theirs }
		for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			var some []bans.Ban
			for _, b := range all {
				if b.From.BitLen() == any.BitLen() {
					some = append(some, b)
				}
			}
			_, again := reconcile(conn, bannedSet(any), bans.Ban{From: any, To: any}, some, stays)
			err = errors.Join(err, again)
		}
	}
	if errors.Is(err, os.ErrExist) {
		return errors.New(taken + ", and not all of them\nhint: nft flush set inet ngcp-fw banned4, and banned6, then apply")
	}
	if err != nil {
		return err
	}
	return errors.New(taken + ": they are in force again")
}
