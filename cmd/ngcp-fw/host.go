package main

import (
	"crypto/sha256"
	"net"
	"os"
	"strings"

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

// deployed is where NGCP keeps what holds for the machine.
const deployed = "/etc/"

// linksHere is the machine's links, where the host was not named but found as
// this machine. A host called self could be anyone's: it is this machine in a
// network.yml that is deployed here.
func (in *input) linksHere(network *ngcp.Network, host, flag string) []string {
	machine, _ := os.Hostname()
	short, _, _ := strings.Cut(machine, ".")
	here := host == machine || host == short || strings.HasPrefix(network.File, deployed)
	if flag != "" || in.policy.NGCP.Host.Text != "" || host == "" || !here {
		return nil
	}
	links, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var names []string
	for _, link := range links {
		names = append(names, link.Name)
	}
	return names
}
