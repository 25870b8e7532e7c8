package policy

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/yamlwalk"
)

func parseServices(p *parser, n *yaml.Node, into *Policy) {
	p.pairs(n, "services", "", func(key, value *yaml.Node) {
		if !p.check(key, checkName(key.Value)) {
			return
		}
		service := Service{Name: Word{key.Value, p.pos(key)}}
		fields(p, value, "service "+key.Value, serviceKeys, &service)
		switch {
		case key.Value == Cluster:
			p.clusterService(value)
		case !slices.Contains(BuiltinServices, key.Value):
			p.ownService(key, value)
		}
		into.Services = append(into.Services, service)
	})
}

var serviceKeys = []row[Service]{
	{key: "enabled", parse: parseEnabled},
	{key: "ports", parse: func(p *parser, n *yaml.Node, into *Service) { into.Ports = p.ports(n, into.Name.Text) }},
	{key: "roles", parse: func(p *parser, n *yaml.Node, into *Service) {
		into.Roles, into.RolesPos = p.roleRefs(n, "roles"), p.pos(n)
	}},
	{key: "interfaces", parse: func(p *parser, n *yaml.Node, into *Service) {
		into.Interfaces, into.InterfacesPos = p.words(n, "interfaces", "an interface's name", checkInterface), p.pos(n)
	}},
	{key: "addresses", parse: func(p *parser, n *yaml.Node, into *Service) {
		into.Addresses, into.AddressesPos = p.addresses(n), p.pos(n)
	}},
	{key: "limit", parse: parseLimit},
}

func parseEnabled(p *parser, n *yaml.Node, into *Service) {
	if on, ok := p.boolean(n, "enabled"); ok {
		into.Enabled = &Switch{on, p.pos(n)}
	}
}

// ports reads a list of at least one port; without any, a service would be on
// and closed.
func (p *parser) ports(n *yaml.Node, service string) (ports []Ports) {
	isList := p.items(n, "ports", func(item *yaml.Node) {
		value, ok := p.scalar(item, "a port", "a port with its protocol, as in 5060/udp")
		if !ok {
			return
		}
		port, err := parsePorts(value)
		port.Pos = p.pos(item)
		if p.check(item, err) {
			ports = append(ports, port)
		}
	})
	if isList && len(n.Content) == 0 && slices.Contains(BuiltinServices, service) {
		p.fail(n, "empty-list", "write enabled: false to close the service", "ports lists no port")
	}
	p.overlaps(service, ports)
	return ports
}

func (p *parser) addresses(n *yaml.Node) (addresses []Address) {
	isList := p.items(n, "addresses", func(item *yaml.Node) {
		value, ok := p.scalar(item, "an address", "a local address")
		if !ok {
			return
		}
		address, err := parseHost(value)
		if err == nil && address.IsUnspecified() {
			err = problem("bad-address", "remove addresses to open the service at every local address", "%s is not a local address", value)
		}
		if p.check(item, err) {
			addresses = append(addresses, Address{address, p.pos(item)})
		}
	})
	if isList && len(n.Content) == 0 {
		p.fail(n, "empty-list", "remove the key to open the service at every local address", "addresses lists no address")
	}
	return addresses
}

// ownService reports what a service of one's own can't do without.
func (p *parser) ownService(key, value *yaml.Node) {
	var missing []string
	for _, need := range []string{"ports", "roles"} {
		if n := yamlwalk.Get(value, need); n == nil || n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			missing = append(missing, need)
		}
	}
	if len(missing) == 0 || value.Kind != yaml.MappingNode {
		return
	}
	hint := "write " + key.Value + ": {ports: [PORT/PROTOCOL], roles: [ROLE]}"
	if near := nearest(key.Value, BuiltinServices); near != "" {
		hint = "did you mean " + near + "? If not, " + hint
	}
	p.fail(key, "own-service", hint, "service %s is not built in, and needs %s", key.Value, strings.Join(missing, " and "))
}

// clusterKeys are what may be said of the service cluster, which has every
// protocol and port for the hosts of network.yml.
var clusterKeys = []string{"enabled", "interfaces"}

func (p *parser) clusterService(n *yaml.Node) {
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		known := slices.ContainsFunc(serviceKeys, func(r row[Service]) bool { return r.key == key })
		if known && !slices.Contains(clusterKeys, key) {
			p.fail(n.Content[i], "cluster-service", "write only "+strings.Join(clusterKeys, " and "),
				"%s of the service cluster can't be changed: it opens everything between the hosts of network.yml", key)
		}
	}
}
