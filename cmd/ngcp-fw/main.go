// Command ngcp-fw is a host firewall and port-exposure manager for Sipwise
// NGCP servers.
package main

import (
	"os"
	"runtime/debug"
)

// version is set by the linker.
var version = "devel"

// The garbage collector's settings: an everyday policy needs it not once, and
// lists of millions not more memory than they must.
const (
	gcPercent   = 400
	memoryLimit = 72 << 20 // bytes; from there on it runs more often
)

func main() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
