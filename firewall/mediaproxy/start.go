package mediaproxy

import (
	"fmt"
	"strings"

	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/ruleset"
)

// surveyed are the families in which a rule for rtpengine may stand.
var surveyed = []ruleset.Family{ruleset.FamilyIPv4, ruleset.FamilyIPv6, ruleset.FamilyInet}

// Handlers gives the rules in the kernel that hand packets to rtpengine's module.
func Handlers(conn *kernel.Conn) ([]Handler, error) {
	chains, rules, err := conn.Survey(surveyed...)
	return handlers(chains, rules), err
}

// restart has a running daemon put its own rule back, by its own means, where it
// is missing; rtpengine --nftables-start does that and ends.
func restart(find func() ([]Handler, error), host Host, choice Choice) (ran string, err error) {
	d, runs := host.running(choice.Table)
	if !runs || d.Table < 0 || d.Unkept {
		return "", nil
	}
	rules, err := find()
	if err != nil || len(missing(rules, d.families(), d.Table)) == 0 {
		return "", err
	}
	args := append([]string{fmt.Sprintf("--table=%d", d.Table)}, d.ownRule...)
	args = append(args, "--nftables-start")
	ran = "rtpengine " + strings.Join(args, " ")
	if text, err := host.run(args...); err != nil {
		return ran, fmt.Errorf("rtpengine's rule is missing and %s did not put it back: %w%s", ran, err, lastLine(text))
	}
	if rules, err = find(); err == nil && len(missing(rules, d.families(), d.Table)) > 0 {
		return ran, fmt.Errorf("%s ended well, but rtpengine's rule is still missing", ran)
	}
	return ran, err
}

// running is the daemon that runs with the table.
func (h Host) running(table int) (Daemon, bool) { return Facts{Daemons: h.daemons()}.daemon(table) }

// missing is which of the families' packets meet no rule for the module's table.
func missing(rules []Handler, of []ruleset.Family, id int) (families []ruleset.Family) {
	for _, f := range of {
		met := false
		for _, h := range rules {
			met = met || h.ID == id && h.Covers(f)
		}
		if !met {
			families = append(families, f)
		}
	}
	return families
}

// lastLine is what a program has said last, for an error.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return ": " + text[strings.LastIndex(text, "\n")+1:]
}
