// Package guest is tests that own the machine they run on: they load and unload
// modules, flush its ruleset and run daemons. They run in the virtual machine
// alone (NGCP_FW_GUEST=1, which package vm sets there), and are skipped elsewhere.
package guest
