package mediaproxy

import (
	"cmp"
	"fmt"
	"slices"

	"ngcp-fw/policy"
)

// Mode is who keeps the rule.
type Mode string

// The modes.
const (
	ModeXtables Mode = "xtables" // we do, as an xtables target
	ModeDaemon  Mode = "daemon"  // rtpengine does; we look after it
	ModeOff     Mode = "off"     // nobody
	ModeAuto    Mode = "auto"    // not found out: only Stated gives it
)

// Choice is who keeps the rule, and which one.
type Choice struct {
	Mode   Mode   `json:"mode"`
	Target string `json:"target,omitempty"` // the xtables target's name, where we keep it
	Table  int    `json:"table"`            // rtpengine's table, 0 to 63
	Why    string `json:"why"`              // one sentence
}

// generation is one row of rtpengine's history: from a version on, who installs
// the rule, and under which name the kernel knows it.
type generation struct {
	from   Version
	mode   Mode
	target string
}

// generations are sorted by version, the latest first. Sources: sipwise/rtpengine,
// debian/ngcp-*-daemon.init and ngcp-rtpengine-iptables-setup of the tags mr3.6
// to mr11.5, daemon/main.c from mr12.0 on.
var generations = []generation{
	{Version{12, 0}, ModeDaemon, ""},
	{Version{3, 7}, ModeXtables, TargetRTPENGINE},
	{Version{}, ModeXtables, TargetMEDIAPROXY},
}

// modules are rtpengine's, with the generation that each of them alone tells.
// xt_RTPENGINE served both who installs the rule themselves and, from 12 to 14.0,
// the daemon: a second rule does no harm, a missing one does.
var modules = []struct {
	name string
	generation
}{
	{"nft_rtpengine", generation{mode: ModeDaemon}},
	{"xt_RTPENGINE", generation{mode: ModeXtables, target: TargetRTPENGINE}},
	{"xt_MEDIAPROXY", generation{mode: ModeXtables, target: TargetMEDIAPROXY}},
}

// Choose decides who keeps the rule: what the policy says, or, where that is
// auto, what the host and the rules in the kernel tell.
func Choose(setting policy.Mediaproxy, facts Facts, rules []Handler) Choice {
	c := Choice{Table: setting.Table}
	switch Mode(setting.Rule) {
	case ModeOff:
		c.Mode, c.Why = ModeOff, "the policy says so"
	case ModeDaemon:
		c.Mode, c.Why = ModeDaemon, "the policy says so"
	case ModeXtables:
		c.Mode, c.Target, c.Why = ModeXtables, target(facts), "the policy says so"
	default:
		return auto(c, facts, rules)
	}
	return c
}

// target is the name by which the host's modules, or else the daemon's version,
// let the kernel know the target.
func target(facts Facts) string {
	for _, m := range modules {
		if m.target != "" && facts.has(m.name) {
			return m.target
		}
	}
	return cmp.Or(generationOf(facts.Version).target, TargetRTPENGINE)
}

func generationOf(v Version) generation {
	if v.IsZero() {
		return generation{}
	}
	i := slices.IndexFunc(generations, func(g generation) bool { return v.Compare(g.from) >= 0 })
	return generations[i]
}

func auto(c Choice, facts Facts, rules []Handler) Choice {
	c.Mode = ModeOff
	if d, ok := facts.daemon(c.Table); ok {
		switch {
		case d.Table < 0:
			c.Why = fmt.Sprintf("rtpengine is set to forward no media in the kernel (table = %d)", d.Table)
			return c
		case d.Unkept:
			c.Why = "rtpengine is told to keep no rule (nftables-chain is empty); where it needs one, set rule: xtables"
			return c
		}
		c.Table = d.Table
	}
	if !facts.present() && len(rules) == 0 {
		c.Why = "there is no rtpengine on this host"
		return c
	}
	if facts.Container && !facts.module() {
		c.Why = "this is a container without rtpengine's kernel module: media is relayed in user space"
		return c
	}
	g, why := detect(facts, rules)
	c.Mode, c.Target, c.Why = g.mode, g.target, why
	if c.Mode == ModeXtables && g.target == TargetRTPENGINE {
		c.Target = target(facts)
	}
	return c
}

// detect finds rtpengine's generation out: by its version, by a rule that only
// the daemon can have made, by the module.
func detect(facts Facts, rules []Handler) (generation, string) {
	if v := facts.Version; !v.IsZero() {
		g := generationOf(v)
		if g.mode == ModeDaemon {
			return g, fmt.Sprintf("rtpengine %s keeps its rule itself", v)
		}
		return g, fmt.Sprintf("rtpengine %s needs a rule that others keep", v)
	}
	if slices.ContainsFunc(rules, func(h Handler) bool { return h.Kind == KindNative }) {
		return generation{mode: ModeDaemon}, "there is a rule of the kind that only rtpengine itself makes"
	}
	for _, m := range modules {
		if facts.has(m.name) {
			return m.generation, fmt.Sprintf("rtpengine's version is not known, its kernel module is %s", m.name)
		}
	}
	return generation{mode: ModeXtables, target: TargetRTPENGINE}, "neither rtpengine's version nor its kernel module is known"
}

// Stated is what the policy alone says, where no host is looked at.
func Stated(setting policy.Mediaproxy) Choice {
	return Choice{Mode: Mode(setting.Rule), Target: TargetRTPENGINE, Table: setting.Table, Why: "the policy says so"}
}

// Comment tells, as comments of nft's text, what the text cannot carry: the
// equivalent commands of iptables.
func Comment(c Choice) []string {
	rule := fmt.Sprintf("-A INPUT -p udp -j %s --id %d", c.Target, c.Table)
	byHand := []string{"#   iptables " + rule, "#   ip6tables " + rule}
	switch c.Mode {
	case ModeXtables:
		return append([]string{"# The mediaproxy rule cannot be written as text; ngcp-fw apply puts it in. The same by hand:"}, byHand...)
	case ModeAuto:
		return append([]string{"# The mediaproxy rule cannot be written as text. From 12.0 on rtpengine makes it itself;",
			"# before, ngcp-fw apply puts it in. The same by hand:"}, byHand...)
	case ModeDaemon:
		return []string{
			"# The mediaproxy rule is rtpengine's own. Where it is missing:",
			fmt.Sprintf("#   rtpengine --table=%d --nftables-start", c.Table),
		}
	}
	return []string{"# No mediaproxy rule: " + c.Why + "."}
}
