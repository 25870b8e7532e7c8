package exposure

import (
	"slices"

	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/ngcp"
)

// clusterLink is one link of an internal type, and who is on the other side.
type clusterLink struct {
	device  string
	sources addr.Set
}

// clusterLinks is the host's links of internal types, each with the addresses,
// own and shared ones, that the other hosts have on links of that type.
func (r *resolver) clusterLinks() (links []clusterLink) {
	if r.host == nil {
		return nil
	}
	for _, link := range r.host.Links {
		if link.Device == loopback {
			continue
		}
		var b addr.Builder
		for _, linkType := range link.InternalTypes() {
			r.others(linkType, &b)
		}
		set := b.Set()
		if set.IsEmpty() {
			continue
		}
		i := slices.IndexFunc(links, func(l clusterLink) bool { return l.device == link.Device })
		if i < 0 {
			links = append(links, clusterLink{link.Device, set})
		} else {
			links[i].sources = links[i].sources.Union(set)
		}
	}
	return links
}

// others adds the addresses that the other hosts have on links of the type.
func (r *resolver) others(linkType string, b *addr.Builder) {
	for _, host := range r.in.Network.Hosts {
		if host.Name == r.host.Name {
			continue
		}
		for _, link := range host.Links {
			if link.Device != loopback && slices.Contains(link.Types, linkType) {
				addLink(b, link)
			}
		}
	}
}

func addLink(b *addr.Builder, link ngcp.Link) {
	for _, a := range link.Addrs {
		if !a.IsLoopback() {
			b.AddRange(a, a)
		}
	}
}

// clusterSources is everybody the role cluster stands for.
func (r *resolver) clusterSources() addr.Set {
	var b addr.Builder
	for _, link := range r.clusterLinks() {
		b.AddSet(link.sources)
	}
	return b.Set()
}

// clusterExposures opens each internal link to the other hosts on it.
func (r *resolver) clusterExposures(s *Service) {
	devices := []string{}
	for _, link := range r.clusterLinks() {
		if s.Interfaces != nil && !slices.Contains(s.Interfaces, link.device) {
			continue
		}
		devices = append(devices, link.device)
		r.model.Exposures = append(r.model.Exposures, Exposure{
			Service: Cluster, Role: Cluster, Sources: link.sources.Subtract(r.model.Deny),
			Interfaces: []string{link.device}, Origin: r.host.Pos,
		})
	}
	s.Interfaces = distinct(devices)
	switch {
	case len(devices) > 0:
	case r.in.Network == nil:
		s.Closed = "no network.yml"
	default:
		s.Closed = "no other host on a link of an internal type"
	}
}
