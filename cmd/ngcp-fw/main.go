// Command ngcp-fw is a host firewall and port-exposure manager for Sipwise
// NGCP servers.
package main

import "os"

// version is set by the linker.
var version = "devel"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
