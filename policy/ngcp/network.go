package ngcp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/yamlwalk"
)

// ParseNetwork reads network.yml. Of a host only the links count that its
// interfaces list and that have a block; of a file only its hosts. The Network
// holds what makes sense even if there are errors.
func ParseNetwork(source Source) (*Network, diag.List) {
	root, remarks := yamlwalk.Read(source.Name, source.Data, false)
	r := &networkReader{file: source.Name, list: remarks}
	network := &Network{File: source.Name}
	for _, e := range r.mapping(root, "the file") {
		if e.key.Value != "hosts" {
			continue
		}
		for _, host := range r.mapping(e.value, "hosts") {
			network.Hosts = append(network.Hosts, r.host(host))
		}
	}
	slices.SortFunc(network.Hosts, func(a, b Host) int { return cmp.Compare(a.Name, b.Name) })
	return network, r.list
}

type networkReader struct {
	file string
	list diag.List
}

func (r *networkReader) report(n *yaml.Node, wrong *fault) {
	r.list = append(r.list, wrong.at(yamlwalk.Pos(r.file, n), yamlwalk.Width(n)))
}

func (r *networkReader) host(e entry) Host {
	name := e.key.Value
	path := "hosts." + name
	h := Host{Name: name, Pos: yamlwalk.Pos(r.file, e.key)}
	fields := r.fields(e.value, path)
	h.Roles = texts(r.words(fields["role"].value, path+".role"))
	h.Peer = r.text(fields["peer"].value, path+".peer")
	h.Status = r.text(fields["status"].value, path+".status")
	listed := map[string]bool{}
	for _, word := range r.words(fields["interfaces"].value, path+".interfaces") {
		block := fields[word.Value]
		if listed[word.Value] || yamlwalk.IsNull(block.value) {
			continue
		}
		listed[word.Value] = true
		h.Links = append(h.Links, r.link(block, path+"."+word.Value))
	}
	return h
}

func (r *networkReader) link(e entry, path string) Link {
	l := Link{Name: e.key.Value, Pos: yamlwalk.Pos(r.file, e.key)}
	l.Device, _, _ = strings.Cut(l.Name, ":")
	if wrong := checkDevice(l.Device, path); wrong != nil {
		r.report(e.key, wrong)
	}
	fields := r.fields(e.value, path)
	l.Types = texts(r.words(fields["type"].value, path+".type"))
	for _, key := range addressKeys {
		for _, word := range r.words(fields[key.name].value, path+"."+key.name) {
			a, wrong := key.parse(word.Value, path+"."+key.name)
			switch {
			case wrong != nil:
				r.report(word, wrong)
			case a.IsValid():
				l.Addrs = append(l.Addrs, a)
			}
		}
	}
	l.Addrs = unique(l.Addrs)
	return l
}

// maxDevice is the longest name of a link: IFNAMSIZ of linux/if.h without its
// final NUL.
const maxDevice = 15

// checkDevice accepts what dev_valid_name of the kernel's net/core/dev.c does,
// less the characters that a ruleset's text can't hold or takes as a pattern.
func checkDevice(name, path string) *fault {
	unfit := func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`/*"\`, c) }
	if name == "" || len(name) > maxDevice || name == "." || name == ".." || strings.ContainsFunc(name, unfit) {
		return &fault{codeNetworkName, fmt.Sprintf("%s: no link can have this name", path),
			fmt.Sprintf("the kernel's names have 1 to %d letters, digits and signs", maxDevice)}
	}
	return nil
}

// mapping gives the entries of a mapping; none where there is nothing.
func (r *networkReader) mapping(n *yaml.Node, what string) []entry {
	switch {
	case yamlwalk.IsNull(n):
		return nil
	case n.Kind != yaml.MappingNode:
		r.report(n, &fault{codeNetworkShape, fmt.Sprintf("%s is %s, not a mapping", what, kindName(n.Kind)), ""})
		return nil
	}
	return entries(n)
}

func (r *networkReader) fields(n *yaml.Node, what string) map[string]entry {
	fields := map[string]entry{}
	for _, e := range r.mapping(n, what) {
		fields[e.key.Value] = e
	}
	return fields
}

// words gives the items of a list, or a single value as the list's only item.
// Empty and null items are left out.
func (r *networkReader) words(n *yaml.Node, path string) (words []*yaml.Node) {
	if yamlwalk.IsNull(n) {
		return nil
	}
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	for _, item := range nodes {
		item = yamlwalk.Deref(item)
		switch {
		case yamlwalk.IsNull(item):
		case item.Kind != yaml.ScalarNode:
			r.report(item, notWords(path, item.Kind))
		case item.Value != "":
			words = append(words, item)
		}
	}
	return words
}

func notWords(path string, kind yaml.Kind) *fault {
	hint := ""
	if kind == yaml.MappingNode {
		hint = "put a value that ends with a colon in quotes"
	}
	return &fault{codeNetworkShape, fmt.Sprintf("%s holds %s, not only single values", path, kindName(kind)), hint}
}

func (r *networkReader) text(n *yaml.Node, path string) string {
	words := r.words(n, path)
	if len(words) == 0 {
		return ""
	}
	return words[0].Value
}

func texts(words []*yaml.Node) []string {
	var list []string
	for _, word := range words {
		list = append(list, word.Value)
	}
	return unique(list)
}

// unique leaves out what came before.
func unique[T comparable](list []T) []T {
	known := make(map[T]bool, len(list))
	return slices.DeleteFunc(list, func(item T) bool {
		before := known[item]
		known[item] = true
		return before
	})
}
