package firewall

import (
	"errors"
	"fmt"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/store"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

func (f Firewall) putOnce(conn *kernel.Conn, w *wanted, how Options) (*Plan, error) {
	plan, _, err := f.plan(conn, w)
	if err != nil {
		return nil, err
	}
	if plan.Changed() {
		if err := allowed(plan, w, how); err != nil {
			return nil, err
		}
	}
	stop, err := f.begin(plan, w, how.Trial)
	if err != nil {
		return nil, err
	}
	if !plan.Changed() && plan.Known && plan.media {
		return plan, f.settled(plan)
	}
	if err := f.commit(conn, plan, w); err != nil {
		return nil, errors.Join(err, stop())
	}
	f.begun(plan, how.Trial)
	if plan.cuts(w.model) && !how.KeepFlows {
		plan.Cut, err = host.CutFlows(plan.ends(w.model))
		plan.remark(err)
	}
	return plan, nil
}

// allowed asks who would be locked out, and for the proof.
func allowed(p *Plan, w *wanted, how Options) error {
	if !how.Lockout {
		if err := checkLockout(w.model, p.before); err != nil {
			return err
		}
	}
	return prove(w)
}

// settled is what is left to do where nothing changes.
func (f Firewall) settled(p *Plan) error {
	f.store().Prune(p.Generation)
	if p.Pending != nil {
		return nil
	}
	return f.store().Confirm(p.Generation)
}

// commit keeps what is wanted and sends it.
func (f Firewall) commit(conn *kernel.Conn, p *Plan, w *wanted) error {
	saving, err := f.keep(p, w)
	if err != nil && w.number == 0 {
		return err
	}
	p.remark(err) // to go back matters more than to keep that
	if err := p.send(conn, w.model); err != nil {
		f.forget(conn, p)
		return err
	}
	if err := saving.Finish(); err != nil {
		err = fmt.Errorf("generation %d is in force, but not kept on disk: %w\nhint: apply once more when that is mended; at boot, the one before would be restored", p.Generation, err)
		if w.number == 0 {
			return err
		}
		p.remark(err)
	}
	f.markApplied(p, w, conn.LastRead())
	if p.Current == nil || p.Replaced { // the sets of bans are empty
		p.remark(f.fillBans(conn))
	}
	return nil
}

func (p *Plan) send(conn *kernel.Conn, m *exposure.Model) error {
	if !p.Changed() {
		return nil
	}
	if p.Current == nil {
		p.remark(host.SeedConnections(refuses(m)))
	}
	result, err := conn.Replace(p.reading, p.Target)
	p.Replaced = result.Replaced
	return err
}

func (p *Plan) remark(err error) {
	if err != nil {
		p.Remarks = append(p.Remarks, err.Error())
	}
}

// refuses asks the model about flows to this host.
func refuses(m *exposure.Model) func(host.Flow) bool {
	return decides(m, func(d exposure.Decision) bool { return !d.Accept })
}

// denies asks whether it refuses the source of a flow before all else.
func denies(m *exposure.Model) func(host.Flow) bool {
	return decides(m, func(d exposure.Decision) bool { return d.Denied })
}

func decides(m *exposure.Model, so func(exposure.Decision) bool) func(host.Flow) bool {
	return func(f host.Flow) bool {
		flow := policy.Flow{In: f.Link, From: f.From.Addr(), FromPort: f.From.Port(), To: f.To.Addr(), ToPort: f.To.Port(), Protocol: policy.Protocol(f.Protocol)}
		return policy.HasPorts(flow.Protocol) && so(m.Allows(flow))
	}
}

// keep has the snapshot of what is wanted on disk, unless it comes from there.
func (f Firewall) keep(p *Plan, w *wanted) (*store.Saving, error) {
	if p.again {
		return nil, nil
	}
	if err := f.forgetUnapplied(p); err != nil {
		return nil, err
	}
	return f.save(p, w)
}

// forget takes the snapshot away of a generation that did not come into force.
func (f Firewall) forget(conn *kernel.Conn, p *Plan) {
	if p.again {
		return
	}
	now, err := conn.Outline(compile.Family, compile.TableName)
	if err != nil {
		return // better one too many
	}
	if now != nil {
		if generation, led := now.Generation(); led && generation == p.Generation {
			return
		}
	}
	_ = f.store().Drop(p.Generation)
}

// forgetUnapplied is forget for what an apply left that was stopped in between.
func (f Firewall) forgetUnapplied(p *Plan) error {
	numbers, err := f.store().Numbers()
	if err != nil || p.Current == nil {
		return err
	}
	generation, led := p.Current.Generation()
	for _, n := range numbers {
		if meta, err := f.store().Describe(n); led && n > generation && err == nil && f.here(meta) {
			if err := f.store().Drop(n); err != nil {
				return err
			}
		}
	}
	return nil
}
