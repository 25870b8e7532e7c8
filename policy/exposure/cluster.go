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
	for _, link := range r.clusterLinksOf(s.Interfaces) {
		devices = append(devices, link.device)
		r.model.Exposures = append(r.model.Exposures, Exposure{
			Service: Cluster, Role: Cluster, Sources: link.sources.Subtract(r.model.Deny),
			Interfaces: []string{link.device}, Origin: r.host.Pos,
		})
	}
	wanted := s.Interfaces
	s.Interfaces = distinct(devices)
	switch {
	case len(devices) > 0:
	case r.in.Network == nil:
		s.Closed = "no network.yml"
	case wanted != nil:
		s.Closed = "no other host on these interfaces"
	default:
		s.Closed = "no other host on a link of an internal type"
	}
}

// clusterLinksOf is those of the cluster's links that are among the interfaces;
// nil is every one.
func (r *resolver) clusterLinksOf(interfaces []string) []clusterLink {
	return slices.DeleteFunc(r.clusterLinks(), func(l clusterLink) bool {
		return interfaces != nil && !slices.Contains(interfaces, l.device)
	})
}

// exposeToCluster opens ports of a service to the other hosts, each link to
// those on it. Where there are none, the exposure is there without sources.
func (r *resolver) exposeToCluster(e Exposure) {
	links := r.clusterLinksOf(e.Interfaces)
	if len(links) == 0 {
		e.Sources = addr.Set{}
		r.model.Exposures = append(r.model.Exposures, e)
	}
	for _, link := range links {
		e.Sources, e.Interfaces = link.sources.Subtract(r.model.Deny), []string{link.device}
		r.model.Exposures = append(r.model.Exposures, e)
	}
}
