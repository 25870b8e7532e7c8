package hitless

import (
	"path/filepath"
	"time"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/lab"
	"ngcp-fw/policy/exposure"
)

// Way is a way to put a model into force, as the nth change, for a thread in the
// host's namespace.
type Way func(m *exposure.Model, nth int) error

// ByKernel sends rulesets over one connection, without a pause between them, as
// firewall.Firewall.Apply does: what nothing changes stays, large sets are changed
// in place where that is safe, and the kernel is asked afterwards. Done ends it.
func ByKernel() (way Way, done func() error) {
	var conn *kernel.Conn
	var last *ruleset.Table
	way = func(m *exposure.Model, nth int) (err error) {
		if conn == nil {
			if conn, err = kernel.Open(); err != nil {
				return err
			}
		}
		now, err := conn.Examine(compile.Family, compile.TableName, last)
		if err != nil {
			return err
		}
		last = compile.Compile(m, 1).Following(now.Table, uint64(nth)+1)
		_, err = conn.Replace(now, last)
		return err
	}
	return way, func() error {
		if conn == nil {
			return nil
		}
		return conn.Close()
	}
}

// ByLibrary does what the command apply does, with its lock, its snapshots and the
// cutting of flows, in a state of its own below dir: firewall.Firewall.Apply.
func ByLibrary(dir string) Way {
	f := firewall.Firewall{StateDir: filepath.Join(dir, "state"), RunDir: filepath.Join(dir, "run")}
	return func(m *exposure.Model, _ int) error {
		_, err := f.Apply(m, firewall.Author{}, firewall.Options{Lockout: true})
		return err
	}
}

// Changes are two models that follow each other on a host.
type Changes struct {
	Host   *lab.Host
	Models [2]*exposure.Model
	By     Way
	Made   int // so far
	Fewest int // what Make makes even after its time
}

// Make makes n changes, or fewer if the time is up and the fewest are made.
func (c *Changes) Make(n int, limit time.Duration) error {
	end := time.Now().Add(limit)
	return c.Host.Do(func() error {
		for ; n > 0 && (c.Made < c.Fewest || time.Now().Before(end)); n-- {
			if err := c.By(c.Models[c.Made%2], c.Made); err != nil {
				return err
			}
			c.Made++
		}
		return nil
	})
}
