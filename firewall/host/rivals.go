package host

import (
	"io/fs"
	"strings"
)

// Rival is another firewall that a boot starts on this machine.
type Rival struct {
	Unit string `json:"unit"` // systemd's
	Does string `json:"does"` // to what is ours
}

// String is a sentence about it.
func (r Rival) String() string { return r.Unit + " is enabled: " + r.Does }

// rivals are the firewalls that Debian has, with what each does as it starts: see
// nftables.service and its /etc/nftables.conf, netfilter-persistent(8), ufw(8) and
// firewalld(1).
var rivals = []struct {
	Rival
	off func(root fs.FS) bool // it starts, but does nothing
}{
	{Rival{"nftables.service", "when it starts or stops, it flushes the whole ruleset, ours included"}, nil},
	{Rival{"netfilter-persistent.service", "when it starts, it replaces the tables ip filter and ip6 filter, and our mediaproxy rule with them"}, nil},
	{Rival{"ufw.service", "what its own rules drop, ours cannot open"}, ufwIsOff},
	{Rival{"firewalld.service", "what its own rules drop, ours cannot open"}, nil},
}

// Rivals is the other firewalls that a boot of the machine with this file system
// starts.
func Rivals(root fs.FS) (found []Rival) {
	for _, r := range rivals {
		if enabled(root, r.Unit) && (r.off == nil || !r.off(root)) {
			found = append(found, r.Rival)
		}
	}
	return found
}

// unitFolders is where systemd looks for units, the first one first
// (systemd.unit(5)).
var unitFolders = []string{"etc/systemd/system/", "run/systemd/system/", "usr/lib/systemd/system/", "lib/systemd/system/"}

// enabled reports whether another unit wants this one, and it is installed and not
// masked: then it is a link to /dev/null, or empty.
func enabled(root fs.FS, unit string) bool {
	for _, pattern := range []string{"etc/systemd/system/*.wants/", "etc/systemd/system/*.requires/"} {
		links, err := fs.Glob(root, pattern+unit)
		if err == nil && len(links) > 0 {
			return installed(root, unit)
		}
	}
	return false
}

func installed(root fs.FS, unit string) bool {
	for _, folder := range unitFolders {
		if info, err := fs.Stat(root, folder+unit); err == nil {
			return info.Mode().IsRegular() && info.Size() > 0
		}
	}
	return false
}

// ufwIsOff reports that ufw's unit starts nothing: ENABLED in its configuration.
func ufwIsOff(root fs.FS) bool {
	text, err := fs.ReadFile(root, "etc/ufw/ufw.conf")
	if err != nil {
		return true
	}
	on := false
	for line := range strings.Lines(string(text)) {
		if value, is := strings.CutPrefix(strings.TrimSpace(line), "ENABLED="); is {
			on = strings.EqualFold(strings.Trim(value, `"'`), "yes")
		}
	}
	return !on
}
