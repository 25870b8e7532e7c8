package ngcp

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/yamlwalk"
)

// ParseConfig reads config.yml and the files that are laid over it, oldest
// first. Nothing is expected of them but that each is a mapping, or empty; a
// file that is neither, or no YAML, is left out of the Config and reported.
func ParseConfig(files ...Source) (*Config, diag.List) {
	config := &Config{}
	var list diag.List
	for _, file := range files {
		root, remarks := yamlwalk.Read(file.Name, file.Data, false)
		list = append(list, remarks...)
		switch {
		case root == nil:
		case root.Kind != yaml.MappingNode:
			list = append(list, notAMapping("the file", root.Kind).at(yamlwalk.Pos(file.Name, root), 0))
		default:
			config.roots = append(config.roots, node{file.Name, root})
		}
	}
	return config, list
}

// String names the files and shows nothing of what they hold.
func (c *Config) String() string {
	var names []string
	for _, root := range c.layers() {
		names = append(names, root.file)
	}
	return "configuration from " + strings.Join(names, ", ")
}

// GoString is String, so that no way of printing a Config shows its options.
func (c *Config) GoString() string { return c.String() }

// Scalar is the value of an option by its path with dots: kamailio.lb.port. It
// is false where the option is missing or null. Where the path can't be
// followed, because something on it is no mapping or the option is a list, the
// Scalar has that place, and its methods return the error.
func (c *Config) Scalar(path string) (Scalar, bool) {
	v, wrong := c.lookup(path)
	if wrong == nil && v.kind != 0 && v.kind != yaml.ScalarNode {
		wrong = &fault{codeConfigShape, fmt.Sprintf("%s is %s, not a single value", path, kindName(v.kind)), ""}
	}
	switch {
	case wrong != nil:
		return Scalar{Path: path, Pos: v.last.pos(), wrong: wrong}, true
	case v.kind == 0:
		return Scalar{}, false
	}
	return Scalar{Path: path, Text: v.last.yaml.Value, Pos: v.last.pos(), Width: v.last.width()}, true
}

// lookup follows a path. If it can't, the value is the one in the way.
func (c *Config) lookup(path string) (value, *fault) {
	v := merge(c.layers())
	for at := 0; v.kind != 0 && at <= len(path); {
		if v.kind != yaml.MappingNode {
			return v, notAMapping(path[:at-1], v.kind)
		}
		key, _, _ := strings.Cut(path[at:], ".")
		v = v.child(key)
		at += len(key) + 1
	}
	return v, nil
}

func (c *Config) layers() []node {
	if c == nil {
		return nil
	}
	return c.roots
}

func notAMapping(what string, kind yaml.Kind) *fault {
	return &fault{codeConfigShape, fmt.Sprintf("%s is %s, not a mapping", what, kindName(kind)), ""}
}
