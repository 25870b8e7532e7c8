package exposure

import (
	"ngcp-fw/policy"
	"ngcp-fw/policy/ngcp"
)

// Cluster is the name of the service, and of the role, that connects the hosts
// of network.yml.
const Cluster = policy.Cluster

// tcp and udp are the protocols of rows.
var (
	tcp = []policy.Protocol{policy.TCP}
	udp = []policy.Protocol{policy.UDP}
)

// row is one built-in service: NGCP's names, defaults and options. A new
// service is a new row. Names are IANA's where it has one.
type row struct {
	name      string
	protocols []policy.Protocol
	from, to  uint16 // the default ports; 0: none
	// options of config.yml that hold the port, the first found wins; of
	// media, the sections that hold minport and maxport
	options  []string
	sections []string
	sockets  bool     // the ports are kamailio.lb.extra_sockets
	switches []option // each can close the service
	role     string
	linkType string   // network.yml's, of the links it is open on
	nodes    []string // node functions of the hosts it runs on; none: any host
}

// option is a switch of config.yml.
type option struct {
	path string
	// absent is what holds where a config.yml lacks the option.
	absent bool
	// port is true where the option is no switch but a port whose absence
	// closes the service.
	port bool
}

// table is NGCP's service table: the handbook's two tables of ports to open,
// and the options that later releases moved them to (docs/ngcp.md).
var table = []row{
	{name: "www-csc", protocols: tcp, from: 443, to: 443,
		options: []string{"www_csc.apache.port", "www_admin.http_csc.port"},
		role:    policy.Subscribers, linkType: "web_ext", nodes: []string{"mgmt"}},
	{name: "sip", protocols: []policy.Protocol{policy.TCP, policy.UDP}, from: 5060, to: 5060,
		options: []string{"kamailio.lb.port", oldSIPPort},
		role:    policy.Subscribers, linkType: "sip_ext", nodes: []string{"lb"}},
	{name: "sip-extra", sockets: true,
		role: policy.Subscribers, linkType: "sip_ext", nodes: []string{"lb"}},
	{name: "sips", protocols: tcp, from: 5061, to: 5061,
		options: []string{"kamailio.lb.tls.port"}, switches: []option{{path: "kamailio.lb.tls.enable"}},
		role: policy.Subscribers, linkType: "sip_ext", nodes: []string{"lb"}},
	{name: "rtp", protocols: udp, from: 30000, to: 40000,
		sections: []string{"rtpproxy", "rtpengine"},
		role:     policy.Subscribers, linkType: "rtp_ext", nodes: []string{"rtp"}},
	{name: "xcap", protocols: tcp, from: 1080, to: 1080,
		options:  []string{"nginx.xcap_port"},
		switches: []option{{path: "nginx.xcap_port", port: true}, {path: "kamailio.proxy.presence.enable", absent: true}},
		role:     policy.Subscribers, linkType: "web_ext", nodes: []string{"mgmt"}},
	{name: "xmpp-client", protocols: tcp, from: 5222, to: 5222,
		switches: []option{{path: "prosody.enable", absent: true}},
		role:     policy.Subscribers, linkType: "sip_ext", nodes: []string{"lb", "proxy"}},
	{name: "xmpp-server", protocols: tcp, from: 5269, to: 5269,
		switches: []option{{path: "prosody.enable", absent: true}},
		role:     policy.Subscribers, linkType: "sip_ext", nodes: []string{"lb", "proxy"}},
	{name: "ssh", protocols: tcp, from: 22, to: 22,
		options: []string{"sshd.port"},
		role:    policy.Administrators, linkType: "ssh_ext"},
	{name: "www-admin", protocols: tcp, from: 1443, to: 1443,
		options: []string{"www_admin.apache.port", "www_admin.http_admin.port"},
		role:    policy.Administrators, linkType: "web_int", nodes: []string{"mgmt"}},
	{name: "ossbss", protocols: tcp, from: 2443, to: 2443,
		options: []string{"ossbss.apache.port"},
		role:    policy.Administrators, linkType: "web_int", nodes: []string{"mgmt"}},
	{name: Cluster, role: Cluster},
}

// The options of the oldest releases, where SIP over TCP had a switch of its
// own that says the opposite.
const (
	oldSIPPort    = "kamailio.port"
	oldDisableTCP = "kamailio.disable_tcp"
)

// media is the node function, and the types of links, of the media proxy.
// Releases before there was such a function ran it on the proxy, so in a
// network.yml that does not know it, a link of the type is enough.
const media = "rtp"

// runsOn reports whether the service runs on the host.
func (r row) runsOn(h *ngcp.Host, n *ngcp.Network) bool {
	switch {
	case len(r.nodes) == 0 || h.HasRole(r.nodes...):
		return true
	case r.name != media:
		return false
	}
	for _, other := range n.Hosts {
		if other.HasRole(media) {
			return false
		}
	}
	return true
}

// isMeantFor reports whether the host lacks something if the service is not
// open on it: by the first of the node functions. A proxy behind load balancers
// has no business with the others' links.
func (r row) isMeantFor(h *ngcp.Host) bool { return len(r.nodes) == 0 || h.HasRole(r.nodes[0]) }
