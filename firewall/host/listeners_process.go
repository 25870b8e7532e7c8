package host

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// held is which process has which socket open, by inode.
type held struct {
	proc   string
	pids   map[uint32]int
	hidden int // processes that we may not look into
}

// holders looks through the descriptors of all processes. A socket that several
// have is the first one's, but init's only if nobody else has it: systemd keeps
// those that it hands to a service.
func holders(proc string) held {
	h := held{proc: proc, pids: map[uint32]int{}}
	for _, pid := range processes(proc) {
		dir := filepath.Join(proc, strconv.Itoa(pid), "fd")
		descriptors, err := os.ReadDir(dir)
		if os.IsPermission(err) {
			h.hidden++
		}
		for _, d := range descriptors {
			target, err := os.Readlink(filepath.Join(dir, d.Name()))
			inode, ok := socketInode(target)
			if err != nil || !ok {
				continue
			}
			if before := h.pids[inode]; before <= 1 || pid > 1 && pid < before {
				h.pids[inode] = pid
			}
		}
	}
	return h
}

func processes(proc string) (pids []int) {
	entries, _ := os.ReadDir(proc)
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// socketInode reads the target of a descriptor: socket:[4711].
func socketInode(target string) (inode uint32, ok bool) {
	number, isSocket := strings.CutPrefix(target, "socket:[")
	n, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32)
	return uint32(n), isSocket && err == nil
}

// process describes the holder of a socket; owner is who made the socket.
func (h held) process(inode, owner uint32) Process {
	pid := h.pids[inode]
	if pid == 0 {
		return Process{User: userName(strconv.FormatUint(uint64(owner), 10))}
	}
	dir := filepath.Join(h.proc, strconv.Itoa(pid))
	return Process{
		Name: strings.TrimSuffix(readText(dir, "comm"), "\n"),
		PID:  pid,
		Unit: unitOf(readText(dir, "cgroup")),
		User: userName(effectiveUser(readText(dir, "status"))),
	}
}

// readText is a file of proc, or nothing where the process has gone.
func readText(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return string(text)
}

// unitOf is the systemd unit that a cgroup belongs to: the innermost part of the
// path that is named like one (cgroups(7), systemd.unit(5)).
func unitOf(cgroups string) (unit string) {
	for line := range strings.Lines(cgroups) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 || fields[0] != "0" && fields[1] != "name=systemd" {
			continue
		}
		for part := range strings.SplitSeq(fields[2], "/") {
			if strings.HasSuffix(part, ".service") || strings.HasSuffix(part, ".scope") {
				unit = part
			}
		}
	}
	return unit
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

func userName(id string) string {
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
