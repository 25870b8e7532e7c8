package main

import (
	"crypto/sha256"
	"os"

	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/ngcp"
)

func digest(text []byte) [sha256.Size]byte { return sha256.Sum256(text) }

// pickHost finds which host of network.yml this is about, and where it was named.
func (in *input) pickHost(network *ngcp.Network, flag string) (name string, pos diag.Pos) {
	name = flag
	if name == "" {
		name, pos = in.policy.NGCP.Host.Text, in.policy.NGCP.Host.Pos
	}
	machine, _ := os.Hostname()
	host, err := network.Pick(name, machine)
	if err == nil {
		return host.Name, pos
	}
	if pos.IsZero() {
		pos.File = network.File
	}
	in.fail(pos, "host-unknown", err.Error(), "name the host with ngcp: {host: NAME} or --host")
	return "", pos
}
