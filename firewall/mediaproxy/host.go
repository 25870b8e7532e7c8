package mediaproxy

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Host is the machine that is looked at.
type Host struct {
	Root string // what every path is below; "" is the machine's own
	// Run runs the installed rtpengine and gives what it says; nil is the real one.
	Run func(args ...string) (output string, err error)
}

// programs are the names that rtpengine has had.
var programs = []string{"rtpengine", "mediaproxy-ng"}

// folders are those that only root writes to. Anybody can call a process
// rtpengine: what is run as root, and whose command line is believed, stands
// here.
var folders = []string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}

// patience is how long rtpengine may take to answer and end.
const patience = 10 * time.Second

// run runs the first installed program.
func (h Host) run(args ...string) (string, error) {
	if h.Run != nil {
		return h.Run(args...)
	}
	program, installed := h.program()
	if !installed {
		return "", fs.ErrNotExist
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// program is the first program that is installed.
func (h Host) program() (path string, installed bool) {
	for _, name := range programs {
		for _, folder := range folders {
			path := h.path(filepath.Join(folder, name))
			if _, err := os.Stat(path); err == nil {
				return path, true
			}
		}
	}
	return "", false
}

func (h Host) path(name string) string { return filepath.Join(h.Root, name) }

func (h Host) exists(name string) bool {
	_, err := os.Stat(h.path(name))
	return err == nil
}

// maxFile is the most that is read of a file. Command lines have 128 KiB at most
// (MAX_ARG_STRLEN of linux/binfmts.h, a single argument); a list of 10,000
// streams has some 10 MB.
const maxFile = 16 << 20

// read gives a regular file's text; "" where there is none.
func (h Host) read(name string) string {
	info, err := os.Stat(h.path(name))
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := os.Open(h.path(name))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, maxFile)) // what came before an error is told
	return string(text)
}

// Facts is what the host tells of rtpengine.
type Facts struct {
	Loaded    []string  `json:"loaded"`    // rtpengine's modules in the kernel
	Available []string  `json:"available"` // and those installed for this kernel
	Control   bool      `json:"control"`   // the module's control file is there
	Container bool      `json:"container"`
	Pair      bool      `json:"pair"` // NGCP's tools for a pair of nodes are installed
	Version   Version   `json:"version"`
	Installed bool      `json:"installed"` // the daemon's program answers
	Daemons   []Daemon  `json:"daemons"`
	Tables    []Streams `json:"tables"` // that a daemon has opened
}

// Facts looks at the host. What cannot be read is not there.
func (h Host) Facts() Facts {
	f := Facts{
		Loaded: h.loaded(), Available: h.available(), Control: h.control(),
		Container: slices.ContainsFunc(containerMarks, h.exists), Pair: h.exists(pairTool),
		Daemons: h.daemons(), Tables: h.tables(),
	}
	if text, err := h.run("--version"); err == nil {
		f.Installed, f.Version = true, parseVersion(text)
	}
	return f
}

// containerMarks are what systemd-nspawn and LXC (systemd's container interface),
// Docker and Podman leave in a container.
var containerMarks = []string{"/run/systemd/container", "/.dockerenv", "/run/.containerenv"}

// pairTool tells on a NGCP node of a pair whether it is the active one.
const pairTool = "/usr/sbin/ngcp-check-active"

// loaded is which of rtpengine's modules are in /proc/modules (proc(5)).
func (h Host) loaded() (names []string) {
	for line := range strings.Lines(h.read("/proc/modules")) {
		name, _, _ := strings.Cut(line, " ")
		for _, m := range modules {
			if m.name == name {
				names = append(names, name)
			}
		}
	}
	return names
}

// available is which of rtpengine's modules modules.dep(5) of the running kernel
// lists: "updates/dkms/xt_RTPENGINE.ko.xz: kernel/…".
func (h Host) available() (names []string) {
	release := strings.TrimSpace(h.read("/proc/sys/kernel/osrelease"))
	for line := range strings.Lines(h.read("/lib/modules/" + release + "/modules.dep")) {
		file, _, _ := strings.Cut(line, ":")
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		for _, m := range modules {
			if m.name == name {
				names = append(names, name)
			}
		}
	}
	return names
}

// control reports whether the module's control file is there.
func (h Host) control() bool {
	return h.exists("/proc/rtpengine/control") || h.exists("/proc/mediaproxy/control")
}

// daemons is the rtpengines that run, by their process.
func (h Host) daemons() (all []Daemon) {
	if _, installed := h.program(); !installed && !h.control() {
		return nil // spares us the look at every process
	}
	entries, _ := os.ReadDir(h.path("/proc")) // sorted; none where it is not mounted
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		name := strings.TrimSpace(h.read("/proc/" + e.Name() + "/comm"))
		if !slices.Contains(programs, name) || !h.trusted(e.Name(), name) || !h.here(e.Name()) {
			continue
		}
		d := h.daemon(h.read("/proc/" + e.Name() + "/cmdline"))
		d.PID, d.Name = pid, name
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Daemon) int { return a.PID - b.PID })
	return all
}

// trusted reports whether the process runs an installed program, be it replaced
// by a newer one meanwhile.
func (h Host) trusted(pid, name string) bool {
	program, err := os.Readlink(h.path("/proc/" + pid + "/exe"))
	program = strings.TrimSuffix(program, " (deleted)")
	return err == nil && filepath.Base(program) == name && slices.Contains(folders, filepath.Dir(program))
}

// here reports whether the process is in our network namespace (namespaces(7)).
func (h Host) here(pid string) bool {
	ours, err := os.Readlink(h.path("/proc/thread-self/ns/net"))
	theirs, failed := os.Readlink(h.path("/proc/" + pid + "/ns/net"))
	return err != nil || failed != nil || ours == theirs
}

// daemon reads the settings of a process with the command line, whose arguments
// end with zeros.
func (h Host) daemon(line string) Daemon {
	args := strings.Split(strings.TrimSuffix(line, "\x00"), "\x00")
	settings := parseCommandLine(args[min(1, len(args)):])
	file, named := find(settings, "config-file")
	if !named {
		file = defaultConfig
	}
	section, named := find(settings, "config-section")
	if !named {
		section = defaultSection
	}
	return daemonOf(parseConfig(strings.NewReader(h.read(file)), section), settings)
}

// tables is the module's tables that daemons have opened.
func (h Host) tables() (all []Streams) {
	for _, folder := range []string{"/proc/rtpengine", "/proc/mediaproxy"} {
		entries, _ := os.ReadDir(h.path(folder)) // none: the module is not loaded
		for _, e := range entries {
			id, err := strconv.Atoi(e.Name())
			if err != nil {
				continue
			}
			s := parseStreams(strings.NewReader(h.read(filepath.Join(folder, e.Name(), "list"))))
			s.Table = id
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Streams) int { return a.Table - b.Table })
	return all
}

// listed has empty lists in place of none, for JSON.
func (f Facts) listed() Facts {
	f.Loaded, f.Available = append([]string{}, f.Loaded...), append([]string{}, f.Available...)
	f.Daemons, f.Tables = append([]Daemon{}, f.Daemons...), append([]Streams{}, f.Tables...)
	for i := range f.Daemons {
		d := &f.Daemons[i]
		d.Interfaces, d.ListenNG = append([]string{}, d.Interfaces...), append([]string{}, d.ListenNG...)
	}
	return f
}

// has reports whether the module is loaded or installed.
func (f Facts) has(module string) bool {
	return slices.Contains(f.Loaded, module) || slices.Contains(f.Available, module)
}

// module reports whether any of rtpengine's is loaded or installed.
func (f Facts) module() bool { return f.Control || len(f.Loaded)+len(f.Available) > 0 }

// present reports whether there is anything of rtpengine.
func (f Facts) present() bool { return f.module() || f.Installed || len(f.Daemons) > 0 }

// daemon is the one that runs with the table, or else the first that runs.
func (f Facts) daemon(table int) (Daemon, bool) {
	for _, d := range f.Daemons {
		if d.Table == table {
			return d, true
		}
	}
	if len(f.Daemons) == 0 {
		return Daemon{}, false
	}
	return f.Daemons[0], true
}
