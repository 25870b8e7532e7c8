// Command demo runs the main job of ngcp-fw in network namespaces of its own:
// a pair's node with three links is built, its policy is applied, the exposures
// are listed, and real packets show who gets in. It needs root, or user
// namespaces; nothing of it stays.
package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"ngcp-fw/netns_test/lab"
)

func main() {
	os.Exit(run())
}

func run() int {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo NGCP-FW (make run builds it and runs this)")
		return 2
	}
	if code, ran, err := lab.Enter(); ran || err != nil {
		if err != nil {
			fmt.Fprintln(os.Stderr, "demo:", err)
			code = 3
		}
		return code
	}
	if err := demo(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}

// links are sp1's of examples/pair/network.yml.
var links = []lab.Link{
	{Name: "eth0", Addrs: []string{"192.0.2.11/24", "2001:db8:10::11/64"}},
	{Name: "eth1", Addrs: []string{"10.255.0.1/29"}},
	{Name: "eth2", Addrs: []string{"203.0.113.11/24", "2001:db8:20::11/64"}},
}

// probe is a packet to send, and what to say of it.
type probe struct {
	flow lab.Flow
	what string
	want lab.Outcome
}

func flow(link, from string, proto lab.Protocol, port uint16) lab.Flow {
	return lab.Flow{Link: link, From: netip.MustParseAddr(from), Proto: proto, ToPort: port}
}

var probes = []probe{
	{flow("eth2", "198.51.100.9", lab.UDP, 5060), "a subscriber's SIP", lab.Accepted},
	{flow("eth2", "2001:db8:99::9", lab.TCP, 5061), "a subscriber's SIP over TLS", lab.Accepted},
	{flow("eth2", "198.51.100.9", lab.UDP, 30000), "a subscriber's media", lab.Accepted},
	{flow("eth2", "198.51.100.9", lab.UDP, 40001), "a port above the media range", lab.Dropped},
	{flow("eth2", "198.51.100.9", lab.TCP, 22), "somebody's SSH on the telephony link", lab.Dropped},
	{flow("eth0", "192.0.2.7", lab.TCP, 22), "an administrator's SSH", lab.Accepted},
	{flow("eth0", "192.0.2.66", lab.TCP, 22), "SSH from the address that is excepted", lab.Dropped},
	{flow("eth0", "2001:db8:10::7", lab.TCP, 1443), "the administrator interface", lab.Accepted},
	{flow("eth1", "10.255.0.2", lab.TCP, 3306), "the other node's MySQL replication", lab.Accepted},
	{flow("eth2", "10.255.0.2", lab.TCP, 3306), "the same address on another link", lab.Dropped},
}

func demo(program string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	state, err := os.MkdirTemp("", "ngcp-fw-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	host, err := lab.Build(links...)
	if err != nil {
		return err
	}
	defer host.Close()
	for _, command := range [][]string{{"list"}, {"apply"}, {"status"}} {
		if err := show(host, program, state, command); err != nil {
			return err
		}
	}
	return send(host)
}

// show runs a command of ngcp-fw in the host's namespace as an operator would.
func show(host *lab.Host, program, state string, command []string) error {
	policy := filepath.Join("examples", "pair", "policy.yml")
	fmt.Printf("$ ngcp-fw -f %s %s\n", policy, command[0])
	args := append([]string{"-f", policy, "--state-dir", state, "--run-dir", state}, command...)
	result := host.Run(program, args...)
	fmt.Printf("%s%s\n", result.Stdout, result.Stderr)
	if result.Code != 0 {
		return fmt.Errorf("%s ended with %d", command[0], result.Code)
	}
	return nil
}

// send sends the packets and says what became of them.
func send(host *lab.Host) error {
	fmt.Println("Real packets, seen by the sockets behind the firewall or not:")
	wrong := 0
	for _, p := range probes {
		outcome, err := host.Probe(p.flow)
		if err != nil {
			return err
		}
		verdict := fmt.Sprintf("%-8s", outcome)
		if outcome != p.want {
			wrong++
			verdict += " (WRONG)"
		}
		fmt.Printf("  %s  %-15s on %s  %s\n", verdict, p.flow.From, p.flow.Link, p.what)
	}
	if wrong > 0 {
		return fmt.Errorf("%d packets met another fate than the policy says", wrong)
	}
	return nil
}
