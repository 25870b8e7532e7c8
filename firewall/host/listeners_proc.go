package host

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path"
	"slices"
	"strconv"
	"strings"
)

// procFS is the machine's processes (proc(5)).
func procFS() fs.ReadLinkFS { return os.DirFS("/proc").(fs.ReadLinkFS) }

// owners is the processes of all sockets, by the sockets' inodes. Where several
// have one, as a server and its workers, it is the first one that is not the
// machine's init, which holds what it passes on. hidden is how many processes we
// may not look into.
func owners(proc fs.ReadLinkFS) (all map[uint32]Owner, hidden int) {
	pids := map[uint32]int{}
	for _, pid := range processes(proc) {
		folder := strconv.Itoa(pid) + "/fd"
		list, err := fs.ReadDir(proc, folder) // nothing: it ended, or we may not look
		if errors.Is(err, fs.ErrPermission) {
			hidden++
		}
		for _, fd := range list {
			target, err := proc.ReadLink(folder + "/" + fd.Name())
			inode, is := socketInode(target)
			if before, known := pids[inode]; err == nil && is && (!known || before == 1) {
				pids[inode] = pid
			}
		}
	}
	all = map[uint32]Owner{}
	byPID := map[int]Owner{}
	for inode, pid := range pids {
		if _, known := byPID[pid]; !known {
			byPID[pid] = ownerOf(proc, pid)
		}
		all[inode] = byPID[pid]
	}
	return all, hidden
}

// processes is the numbers of all processes, ascending.
func processes(proc fs.FS) (pids []int) {
	list, _ := fs.ReadDir(proc, ".")
	for _, entry := range list {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// socketInode is the number in a descriptor's target: socket:[12345].
func socketInode(target string) (inode uint32, is bool) {
	number, is := strings.CutPrefix(target, "socket:[")
	n, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32)
	return uint32(n), is && err == nil
}

func ownerOf(proc fs.FS, pid int) Owner {
	folder := strconv.Itoa(pid)
	name, _ := fs.ReadFile(proc, folder+"/comm")
	groups, _ := fs.ReadFile(proc, folder+"/cgroup")
	status, _ := fs.ReadFile(proc, folder+"/status")
	return Owner{pid, strings.TrimSpace(string(name)), unitOf(string(groups)), effectiveUser(string(status))}
}

// unitOf is systemd's unit in /proc/PID/cgroup (cgroups(7)): the innermost
// service or scope of the path, of the unified hierarchy or systemd's own one.
func unitOf(groups string) string {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || parts[0] != "0" && parts[1] != "name=systemd" {
			continue
		}
		for at := parts[2]; len(at) > 1; at = path.Dir(at) {
			if kind := path.Ext(at); kind == ".service" || kind == ".scope" {
				return path.Base(at)
			}
		}
	}
	return ""
}

// effectiveUser is the second number of status' line Uid (proc(5)).
func effectiveUser(status string) string {
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "Uid:" {
			return fields[2]
		}
	}
	return ""
}

// userName is the user's name, or the number where there is none.
func userName(id string) string {
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// Elsewhere is what lives in other network namespaces, as containers do: what
// listens there is none of this namespace's.
type Elsewhere struct {
	Processes  int
	Namespaces int
	Listening  int // sockets there that listen: TCP, and UDP without a peer
}

// OtherNamespaces looks at all processes that are not in the calling thread's
// network namespace.
func OtherNamespaces() Elsewhere { return elsewhere(procFS()) }

func elsewhere(proc fs.ReadLinkFS) (e Elsewhere) {
	own, err := proc.ReadLink("thread-self/ns/net")
	if err != nil {
		return e
	}
	seen := map[string]bool{own: true}
	for _, pid := range processes(proc) {
		folder := strconv.Itoa(pid)
		theirs, err := proc.ReadLink(folder + "/ns/net")
		if err != nil || theirs == own {
			continue
		}
		e.Processes++
		if !seen[theirs] {
			seen[theirs] = true
			e.Namespaces++
			e.Listening += listeningAt(proc, folder+"/net/")
		}
	}
	return e
}

// tables are the namespace's sockets as text, and the states that take what
// others send (net/tcp_states.h, in hexadecimal).
var tables = []struct{ file, state string }{{"tcp", "0A"}, {"tcp6", "0A"}, {"udp", "07"}, {"udp6", "07"}}

// listeningAt counts the rows of those states: number, local and remote address,
// state.
func listeningAt(proc fs.FS, folder string) (n int) {
	for _, table := range tables {
		file, err := proc.Open(folder + table.file)
		if err != nil {
			continue
		}
		for rows := bufio.NewScanner(file); rows.Scan(); {
			if words := strings.Fields(rows.Text()); len(words) > 3 && words[3] == table.state {
				n++
			}
		}
		file.Close()
	}
	return n
}
