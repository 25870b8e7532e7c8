package main

import (
	"io"
	"os"

	"ngcp-fw/firewall/host"
)

// rivals is the other firewalls that a boot starts, where this network namespace
// is the machine's own.
func rivals() []host.Rival {
	if !sameNamespace("net") {
		return nil
	}
	return host.Rivals(os.DirFS("/"))
}

func writeRivals(w io.Writer, list []host.Rival) {
	for _, r := range list {
		writeNote(w, "note", r.String())
	}
}
