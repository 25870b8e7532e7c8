// Package lab builds network namespaces to try a firewall in by real packets: a
// host with links of any name, and on the far side of each link an outside host
// that owns every address, IPv4 and IPv6.
//
// The namespaces have no names and are held by file descriptors: nothing of them
// is left behind, also when a test is killed. What they need of the system is the
// right to make network namespaces: as root, or in a user namespace (see Enter).
//
//	host := lab.New(t, lab.Link{Name: "eth0", Addrs: []string{"192.0.2.10/24", "2001:db8:1::10/64"}})
//	host.Run("nft", "-f", "rules.nft")
//	outcome, err := host.Probe(lab.Flow{From: netip.MustParseAddr("203.0.113.9"), ToPort: 5060, Proto: lab.UDP})
//
// A probe is accepted if it gets through the host's input hook to the sockets
// behind it. That is observed there and needs no server, no reply and no waiting:
// after the probes goes an ARP request along the same way, which no IP firewall
// filters, and when that is answered the probes before it have arrived or been
// dropped. Dial and Listen give real connections besides.
package lab
