package host

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Elsewhere is what runs in other network namespaces, as containers do. What
// listens there is reached by forwarding, not by the input hook of this one.
type Elsewhere struct {
	Processes  int
	Namespaces int
	Listening  int // sockets there that listen, those on loopback too
}

// elsewhere counts over the processes that may be looked into.
func elsewhere(proc string) (e Elsewhere) {
	own, err := os.Readlink(filepath.Join(proc, "thread-self", "ns", "net"))
	if err != nil {
		return e
	}
	seen := map[string]bool{}
	for _, pid := range processes(proc) {
		dir := filepath.Join(proc, strconv.Itoa(pid))
		namespace, err := os.Readlink(filepath.Join(dir, "ns", "net"))
		if err != nil || namespace == own {
			continue
		}
		e.Processes++
		if !seen[namespace] {
			seen[namespace] = true
			e.Namespaces++
			e.Listening += listeningIn(dir)
		}
	}
	return e
}

// listeningIn counts in the tables that proc shows of the process's namespace,
// without going there.
func listeningIn(dir string) (n int) {
	for file, state := range map[string]string{"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"} {
		n += countState(readText(dir, "net/"+file), state)
	}
	return n
}

// countState counts the rows of a socket table (proc(5), /proc/net/tcp) with the
// state, in hexadecimal.
func countState(table, state string) (n int) {
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 3 && fields[3] == state {
			n++
		}
	}
	return n
}
