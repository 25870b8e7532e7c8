package mediaproxy

import (
	"fmt"
	"slices"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/policy"
)

// looks are the questions that a report answers, in its order.
var looks = []struct {
	lines func(view) []string
	drift bool // the kernel differs from the choice
}{
	{missingRule, true},
	{damagedChain, true},
	{leftover, true},
	{wrongTable, false},
	{otherTables, false},
	{early, false},
	{unhooked, false},
	{noMain, false},
	{dropsInput, false},
	{dropsOutput, false},
	{module, false},
	{daemon, false},
	{daemonTable, false},
	{idle, false},
	{ports, false},
}

// spoken are the families as people call them.
var spoken = map[ruleset.Family]string{ruleset.FamilyIPv4: "IPv4", ruleset.FamilyIPv6: "IPv6"}

func missingRule(v view) (lines []string) {
	d, runs := v.facts.daemon(v.choice.Table)
	if v.choice.Mode == ModeOff || v.choice.Mode == ModeDaemon && (!runs || d.Table < 0 || d.Unkept) {
		return nil // a daemon that does not run keeps no rule
	}
	if !v.possible() {
		return nil // see module: no apply could put it back
	}
	for _, f := range missing(v.kept(), v.families(), v.choice.Table) {
		if slices.Contains(v.damaged, f) {
			continue
		}
		lines = append(lines, fmt.Sprintf("the mediaproxy rule for %s is missing: media goes through rtpengine in user space; apply puts the rule back", spoken[f]))
	}
	return lines
}

func damagedChain(v view) (lines []string) {
	for _, f := range v.damaged {
		lines = append(lines, fmt.Sprintf("somebody else changed chain %s of table %s %s; apply mends it", Chain, f, FilterTable))
	}
	return lines
}

func leftover(v view) (lines []string) {
	if v.choice.Mode == ModeXtables {
		return nil
	}
	for _, c := range v.chains {
		if c.Table == FilterTable && c.Name == Chain && slices.Contains(Families, c.Family) {
			lines = append(lines, fmt.Sprintf("chain %s of table %s %s is still there, though the rule is not ours to keep (%s); apply takes it away",
				c.Name, c.Family, c.Table, v.choice.Why))
		}
	}
	return lines
}

// possible reports whether a missing rule could be put in, or has to be: because
// the module is here, or because the rule is asked for by name.
func (v view) possible() bool {
	named := v.question.Setting.Rule != string(ModeAuto)
	return named || v.facts.Control || len(v.facts.Loaded)+len(v.facts.Available) > 0
}

func wrongTable(v view) (lines []string) {
	for _, h := range v.handlers {
		runs := slices.ContainsFunc(v.facts.Daemons, func(d Daemon) bool { return d.Table == h.ID })
		if !runs && len(v.facts.Daemons) > 0 {
			lines = append(lines, fmt.Sprintf("%s hands media to rtpengine's table %d, but no rtpengine here uses that table: set mediaproxy.table to the daemon's (%d)",
				h.place(), h.ID, v.facts.Daemons[0].Table))
		}
	}
	return lines
}

// otherTables finds daemons that no rule is for.
func otherTables(v view) (lines []string) {
	if v.choice.Mode == ModeOff || len(wrongTable(v)) > 0 {
		return nil
	}
	for _, d := range v.facts.Daemons {
		if d.Table >= 0 && d.Table != v.choice.Table {
			lines = append(lines, fmt.Sprintf("rtpengine (process %d) uses table %d, and the rule is for table %d: what this one forwards goes through user space (mediaproxy.table names the daemon's)",
				d.PID, d.Table, v.choice.Table))
		}
	}
	return lines
}

func (h Handler) place() string {
	return fmt.Sprintf("the rule in chain %s of table %s %s", h.Chain, h.Family, h.Table)
}

// early finds rules that run before our verdict, or in an order that only says
// who was there first.
func early(v view) (lines []string) {
	main, ok := v.main()
	if !ok {
		return nil
	}
	for _, h := range v.handlers {
		for _, hook := range h.Hooks {
			switch {
			case hook.Priority < main.Base.Priority:
				lines = append(lines, fmt.Sprintf("%s runs before ngcp-fw's verdict (chain %s at priority %d, ours at %d): media that the kernel forwards is not held against the policy",
					h.place(), hook.Chain, hook.Priority, main.Base.Priority))
			case hook.Priority == main.Base.Priority:
				lines = append(lines, fmt.Sprintf("%s runs at the priority of ngcp-fw's verdict (chain %s, %d): which of the two comes first is luck",
					h.place(), hook.Chain, hook.Priority))
			}
		}
	}
	return lines
}

func unhooked(v view) (lines []string) {
	for _, h := range v.handlers {
		if len(h.Hooks) == 0 {
			lines = append(lines, h.place()+" is met by no packet: no base chain of the input hook leads there")
		}
	}
	return lines
}

func noMain(v view) []string {
	if _, ok := v.main(); ok || len(v.handlers) == 0 {
		return nil
	}
	return []string{"ngcp-fw's own table is not in force: the rule hands media from anywhere to rtpengine"}
}

// dropsInput finds chains of others that drop what they do not accept: an accept
// of ours is not the last word there.
func dropsInput(v view) []string {
	return v.dropping(ruleset.HookInput, "what ngcp-fw accepts, RTP too, has to be accepted there as well, or calls have no audio")
}

// dropsOutput is about what the kernel forwards: it leaves by the output hook,
// without a socket, and not as established.
func dropsOutput(v view) []string {
	return v.dropping(ruleset.HookOutput, "what rtpengine sends has to be accepted there by its source ports, or calls have no audio")
}

func (v view) dropping(hook ruleset.Hook, then string) (lines []string) {
	if v.choice.Mode == ModeOff && len(v.facts.Daemons) == 0 {
		return nil
	}
	for _, c := range v.chains {
		if atHook(c, hook) && c.Base.Drop && c.Table != v.question.Main {
			lines = append(lines, fmt.Sprintf("chain %s of table %s %s (%s hook, priority %d) drops by default: %s",
				c.Name, c.Family, c.Table, hook, c.Base.Priority, then))
		}
	}
	return lines
}

func module(v view) []string {
	switch {
	case v.choice.Mode == ModeOff || v.facts.Control || len(v.facts.Loaded) > 0:
		return nil
	case v.facts.Container:
		return []string{"rtpengine's kernel module is not loaded; in a container that is for the machine outside to do"}
	case len(v.facts.Available) > 0:
		return []string{fmt.Sprintf("rtpengine's kernel module is installed, but not loaded: modprobe %s, then restart rtpengine", v.facts.Available[0])}
	}
	return []string{"rtpengine's kernel module is not installed for this kernel: install rtpengine-kernel-dkms (on NGCP ngcp-rtpengine-kernel-dkms) and the kernel's headers; until then media goes through user space"}
}

func daemon(v view) []string {
	if len(v.facts.Daemons) > 0 || v.choice.Mode == ModeOff || v.facts.Pair { // none runs on the inactive node of a pair
		return nil
	}
	return []string{"no rtpengine runs here"}
}

// daemonTable finds a daemon that has no table in the kernel: it looks for the
// module only when it starts.
func daemonTable(v view) (lines []string) {
	if v.choice.Mode == ModeOff || !v.facts.Control && len(v.facts.Loaded) == 0 {
		return nil
	}
	for _, d := range v.facts.Daemons {
		opened := slices.ContainsFunc(v.facts.Tables, func(s Streams) bool { return s.Table == d.Table })
		if d.Table >= 0 && !opened {
			lines = append(lines, fmt.Sprintf("rtpengine (process %d) has not opened its table %d in the kernel: it is just starting, or the module came after it; in that case restart rtpengine when no calls are on", d.PID, d.Table))
		}
	}
	return lines
}

// idle finds streams that the kernel should forward, but has seen nothing of.
func idle(v view) (lines []string) {
	for _, s := range v.facts.Tables {
		if s.Streams > 0 && s.Packets == 0 {
			lines = append(lines, fmt.Sprintf("rtpengine's table %d has %d streams in the kernel, which has forwarded no packet of them: is the rule there, and does anything before it drop them?", s.Table, s.Streams))
		}
	}
	return lines
}

// ports compares the daemon's range with what the policy opens.
func ports(v view) (lines []string) {
	if len(v.question.RTP) == 0 {
		return nil
	}
	for _, d := range v.facts.Daemons {
		if port, open := firstClosed(v.question.RTP, d.PortMin, d.PortMax); !open {
			lines = append(lines, fmt.Sprintf("rtpengine uses ports %d-%d, and the policy does not open all of them (the first is %d/udp): calls on those have no audio", d.PortMin, d.PortMax, port))
		}
	}
	return lines
}

// firstClosed is the first of the ports that no range of UDP has; open says that
// there is none.
func firstClosed(ranges []policy.Ports, from, to uint16) (port uint16, open bool) {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b policy.Ports) int { return int(a.From) - int(b.From) })
	next := int(from)
	for _, r := range sorted {
		if r.Protocol == policy.UDP && int(r.From) <= next {
			next = max(next, int(r.To)+1)
		}
	}
	return uint16(next), next > int(to)
}
