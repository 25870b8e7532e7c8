package policy

import (
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/yamlwalk"
)

// Version is the version of the language.
const Version = "1"

// stdin is how the policy's file is shown when it is standard input.
const stdin = "<stdin>"

// Builtin is the policy that `version: 1` alone gives.
func Builtin() *Policy {
	return &Policy{
		Mediaproxy: Mediaproxy{Rule: mediaproxyRules[0]},
		Forward:    ForwardIgnore,
	}
}

// Parse reads a policy. The file's name is for places, and relative list files
// are looked for in its folder ("-" is standard input: the working directory);
// open opens them. All errors and warnings come at once; the Policy holds what
// could be read all the same, and is nil if the text is no YAML.
func Parse(file string, data []byte, open func(path string) (io.ReadCloser, error)) (*Policy, diag.List) {
	if file == "-" {
		file = stdin
	}
	root, list := yamlwalk.Read(file, data, true)
	if root == nil {
		return nil, list
	}
	p := &parser{policy: Builtin(), list: list, open: open, lists: map[string]listFile{}}
	p.policy.File = file
	if root.Kind == yaml.MappingNode {
		p.version(root)
	}
	fields(p, root, "the policy", policyKeys, p.policy)
	p.references()
	p.riskServices()
	p.list.Sort()
	p.summary()
	return p.policy, p.list
}

var policyKeys = []row[Policy]{
	{key: "version", parse: parseVersion},
	{key: "ngcp", parse: func(p *parser, n *yaml.Node, into *Policy) { fields(p, n, "ngcp", ngcpKeys, &into.NGCP) }},
	{key: "roles", parse: parseRoles},
	{key: "services", parse: parseServices},
	{key: "deny", parse: func(p *parser, n *yaml.Node, into *Policy) { into.Deny = p.entries(n, "deny", entryKeys) }},
	{key: "never-ban", parse: func(p *parser, n *yaml.Node, into *Policy) { into.NeverBan = p.entries(n, "never-ban", neverBanKeys) }},
	{key: "crowdsec", parse: func(p *parser, n *yaml.Node, into *Policy) { into.CrowdSec, _ = p.boolean(n, "crowdsec") }},
	{key: "mediaproxy", parse: parseMediaproxy},
	{key: "log", parse: parseLog},
	{key: "forward", parse: parseForward},
	{key: "observe", parse: func(p *parser, n *yaml.Node, into *Policy) {
		into.Observe, _ = p.boolean(n, "observe")
		into.ObservePos = p.pos(n)
	}},
	{key: "tests", parse: parseTests},
	{key: "accept-risk", parse: parseAcceptedRisks},
}

// version reports a file that does not say its version, unless it misspells
// the key.
func (p *parser) version(root *yaml.Node) {
	for i := 0; i < len(root.Content); i += 2 {
		if key := root.Content[i].Value; nearest(key, []string{"version"}) != "" {
			return
		}
	}
	p.fail(root, "no-version", "begin the file with version: "+Version, "the policy does not say its version")
}

func parseVersion(p *parser, n *yaml.Node, _ *Policy) {
	value, ok := p.scalar(n, "version", "a number")
	if ok && value != Version {
		p.fail(n, "bad-version", "write version: "+Version, "version %s of the policy language is not known", show(value))
	}
}

var ngcpKeys = []row[NGCP]{
	{key: "config", parse: parseConfig},
	{key: "network", parse: func(p *parser, n *yaml.Node, into *NGCP) { into.Network, _ = p.path(n, "network") }},
	{key: "host", parse: func(p *parser, n *yaml.Node, into *NGCP) { into.Host, _ = p.path(n, "host") }},
}

func parseConfig(p *parser, n *yaml.Node, into *NGCP) {
	add := func(n *yaml.Node) {
		if word, ok := p.path(n, "config"); ok {
			into.Config = append(into.Config, word)
		}
	}
	if n.Kind != yaml.SequenceNode {
		add(n)
		return
	}
	p.items(n, "config", add)
	if len(n.Content) == 0 {
		p.fail(n, "empty-list", "remove the key to do without config.yml", "config lists no file")
	}
}

// references reports roles that are referred to and not there.
func (p *parser) references() {
	names := p.policy.roleNames()
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	for _, ref := range p.refs {
		if ref.Text == "" || known[ref.Text] {
			continue
		}
		hint := "define it under roles"
		if near := nearest(ref.Text, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		p.report(diag.Error, ref.Pos, len([]rune(ref.Text)), problem("unknown-role", hint, "there is no role %s", show(ref.Text)))
	}
}

// roleRefs reads a list of the names of roles.
func (p *parser) roleRefs(n *yaml.Node, what string) []Word {
	words := p.words(n, what, "a role's name", checkName)
	p.refs = append(p.refs, words...)
	return words
}

// words reads a list of names, each one once.
func (p *parser) words(n *yaml.Node, what, want string, valid func(string) error) (words []Word) {
	seen := map[string]bool{}
	p.items(n, what, func(item *yaml.Node) {
		value, ok := p.scalar(item, "an item of "+what, want)
		switch {
		case !ok || !p.check(item, valid(value)):
		case seen[value]:
			p.report(diag.Warning, p.pos(item), yamlwalk.Width(item),
				problem("duplicate-item", "keep one of them", "%s is already listed", value))
		default:
			seen[value] = true
			words = append(words, Word{value, p.pos(item)})
		}
	})
	return words
}

// inQuotes is an IPv6 address that YAML took for a mapping, such as fe80::
// after a hyphen, which is the key "fe80:" without a value.
func inQuotes(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || !yamlwalk.IsNull(n.Content[1]) {
		return ""
	}
	if key := n.Content[0]; key.Kind == yaml.ScalarNode && strings.HasSuffix(key.Value, ":") {
		return `"` + key.Value + `:"`
	}
	return ""
}
