package firewall

import (
	"time"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/store"
)

// A going back that fails is tried again after pauses that grow from one to the
// other.
const (
	firstPause = watchInterval / 10
	lastPause  = time.Minute
)

// watchInterval is how long a watch takes to notice that a trial is over because
// somebody confirmed it or went back.
const watchInterval = time.Second

// Watch waits for the end of a generation's trial, and goes back where nobody
// confirms; back is told of that, or why it is not possible. It tries again until
// it is. It calls ready once, when it watches.
func (f Firewall) Watch(generation uint64, ready func(), back func(*Restored, error)) error {
	var watched *store.Pending
	var failed string
	for pause := firstPause; ; {
		p, err := f.pending()
		switch {
		case watched != nil && (err != nil || p == nil && f.onTrial(generation)):
			err = watched.Write(f.RunDir) // somebody has damaged it, or taken it away
		case err != nil:
			return err
		case p == nil || p.Generation != generation:
			return nil
		case watched == nil:
			ready()
			fallthrough
		default:
			watched = p
		}
		if left, failure := Left(*watched); err == nil && failure == nil && left > 0 {
			time.Sleep(min(left, watchInterval))
			continue
		}
		r, err := f.Settle()
		if err == nil && r != nil {
			back(r, nil)
		}
		if err != nil && err.Error() != failed {
			failed = err.Error()
			back(r, err)
		}
		time.Sleep(pause)
		pause = min(2*pause, lastPause)
	}
}

// onTrial reports whether the generation is in force and was never confirmed.
func (f Firewall) onTrial(generation uint64) bool {
	conn, err := kernel.Open()
	if err != nil {
		return false
	}
	defer conn.Close()
	t, err := conn.Outline(compile.Family, compile.TableName)
	if err != nil || t == nil {
		return false
	}
	inForce, led := t.Generation()
	meta, err := f.store().Describe(generation)
	return led && inForce == generation && err == nil && !meta.Confirmed && f.here(meta)
}
