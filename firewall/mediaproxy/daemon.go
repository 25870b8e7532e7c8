package mediaproxy

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"ngcp-fw/firewall/ruleset"
)

// Daemon is a running rtpengine and the settings that matter here.
type Daemon struct {
	PID        int      `json:"pid"`
	Name       string   `json:"name"` // of its program
	Table      int      `json:"table"`
	PortMin    uint16   `json:"port_min"`
	PortMax    uint16   `json:"port_max"`
	Interfaces []string `json:"interfaces"`
	ListenNG   []string `json:"listen_ng"`
	Family     string   `json:"nftables_family,omitempty"` // where it keeps its rule; "": ip and ip6
	Unkept     bool     `json:"unkept,omitempty"`          // it is told to keep no rule

	ownRule []string // those of its options that say where its rule stands
}

// The daemon's defaults (rtpengine(8): table, port-min, port-max, config-file,
// config-section).
const (
	defaultTable   = 0
	defaultPortMin = 30000
	defaultPortMax = 40000
	defaultConfig  = "/etc/rtpengine/rtpengine.conf"
	defaultSection = "rtpengine"
)

// option is one of the daemon's that matters here. It is valid on the command
// line, there by its letter too, and in the configuration file.
type option struct {
	name, letter string
	set          func(*Daemon, string) // nil: not looked at
	own          bool                  // says which rule the daemon keeps, and where
	plain        bool                  // has no value on the command line
}

var options = []option{
	{name: "table", letter: "t", set: func(d *Daemon, v string) {
		if n, err := strconv.Atoi(v); err == nil {
			d.Table = n
		}
	}},
	{name: "port-min", letter: "m", set: func(d *Daemon, v string) { port(v, &d.PortMin) }},
	{name: "port-max", letter: "M", set: func(d *Daemon, v string) { port(v, &d.PortMax) }},
	{name: "interface", letter: "i", set: func(d *Daemon, v string) { d.Interfaces = list(d.Interfaces, v) }},
	{name: "listen-ng", letter: "n", set: func(d *Daemon, v string) { d.ListenNG = list(d.ListenNG, v) }},
	{name: "nftables-chain", own: true, set: func(d *Daemon, v string) { d.Unkept = v == "" }},
	{name: "nftables-family", own: true, set: func(d *Daemon, v string) { d.Family = v }},
	{name: "nftables-base-chain", own: true}, {name: "config-file", own: true}, {name: "config-section", own: true},
	{name: "nftables-append", own: true, plain: true}, {name: "xtables", own: true, plain: true},
}

func port(v string, into *uint16) {
	if n, err := strconv.ParseUint(v, 10, 16); err == nil && n > 0 {
		*into = uint16(n)
	}
}

// list appends the values of an option that has several, which the configuration
// file separates by semicolons.
func list(to []string, v string) []string {
	for _, one := range strings.Split(v, ";") {
		if one = strings.TrimSpace(one); one != "" {
			to = append(to, one)
		}
	}
	return to
}

// setting is one option with its value.
type setting struct {
	option
	value string
}

func find(settings []setting, name string) (value string, ok bool) {
	for _, s := range settings {
		if s.name == name {
			value, ok = s.value, true
		}
	}
	return value, ok
}

// daemonOf puts a daemon's settings together: its defaults, the configuration
// file, and over both the command line.
func daemonOf(file, line []setting) Daemon {
	d := Daemon{Table: defaultTable, PortMin: defaultPortMin, PortMax: defaultPortMax}
	for _, s := range file {
		if _, over := find(line, s.name); !over && s.set != nil {
			s.set(&d, s.value)
		}
	}
	for _, s := range line {
		if s.set != nil {
			s.set(&d, s.value)
		}
		switch {
		case !s.own:
		case s.plain:
			d.ownRule = append(d.ownRule, "--"+s.name)
		default:
			d.ownRule = append(d.ownRule, "--"+s.name+"="+s.value)
		}
	}
	return d
}

// families is where the daemon keeps its rule: those that nftables-family names,
// or both.
func (d Daemon) families() (some []ruleset.Family) {
	words := strings.FieldsFunc(d.Family, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, f := range Families {
		if slices.Contains(words, f.String()) {
			some = append(some, f)
		}
	}
	if len(some) == 0 {
		return Families
	}
	return some
}

// parseCommandLine reads the options that matter here from the arguments of a
// process: --name=value, --name value, -t value and -tvalue.
func parseCommandLine(args []string) (settings []setting) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		o, value, complete, known := parseArgument(arg)
		if !known {
			continue
		}
		if !complete && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		settings = append(settings, setting{o, value})
	}
	return settings
}

func parseArgument(arg string) (o option, value string, complete, known bool) {
	for _, o := range options {
		if rest, is := strings.CutPrefix(arg, "--"+o.name); is && (rest == "" || rest[0] == '=') {
			return o, strings.TrimPrefix(rest, "="), rest != "" || o.plain, true
		}
		if rest, is := strings.CutPrefix(arg, "-"+o.letter); is && o.letter != "" && !strings.HasPrefix(arg, "--") {
			return o, rest, rest != "", true
		}
	}
	return o, "", false, false
}

// parseConfig reads one section of rtpengine's configuration file, an ini file as
// GLib's GKeyFile has it: [section], key = value, # comments.
func parseConfig(r io.Reader, section string) (settings []setting) {
	in := false
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			in = line == "["+section+"]"
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !in || !ok || strings.HasPrefix(line, "#") {
			continue
		}
		i := slices.IndexFunc(options, func(o option) bool { return o.name == strings.TrimSpace(key) })
		if i >= 0 {
			settings = append(settings, setting{options[i], strings.TrimSpace(value)})
		}
	}
	return settings
}

// Streams is what the module tells of one of its tables.
type Streams struct {
	Table   int    `json:"table"`
	Streams int    `json:"streams"` // that the kernel forwards
	Packets uint64 `json:"packets"` // of theirs that it has taken
}

// parseStreams reads /proc/rtpengine/ID/list: a paragraph for each stream, which
// begins with "local ADDRESS" ("port NUMBER" before mr4), and whose first line
// "stats:" counts what came in; the later ones count what went out.
func parseStreams(r io.Reader) (s Streams) {
	counted := true
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) < 2:
		case words[0] == "local" || words[0] == "port":
			s.Streams++
			counted = false
		case words[0] == "stats:" && !counted:
			counted = true
			s.Packets += packets(words)
		}
	}
	return s
}

// packets is the number before the word packets.
func packets(words []string) uint64 {
	for i, w := range words[1:] {
		if strings.HasPrefix(w, "packets") {
			n, _ := strconv.ParseUint(words[i], 10, 64)
			return n
		}
	}
	return 0
}
