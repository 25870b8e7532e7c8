package policy

import (
	"time"

	"gopkg.in/yaml.v3"

	"ngcp-fw/policy/addr"
)

func parseRoles(p *parser, n *yaml.Node, into *Policy) {
	p.pairs(n, "roles", "", func(key, value *yaml.Node) {
		if !p.check(key, checkName(key.Value)) {
			return
		}
		if key.Value == Cluster {
			p.fail(key, "computed-role", "remove it; name the role cluster where its hosts are meant",
				"the role cluster can't be written: it is computed from network.yml")
			return
		}
		role := Role{Name: Word{key.Value, p.pos(key)}}
		fields(p, value, "role "+key.Value, roleKeys, &role)
		into.Roles = append(into.Roles, role)
	})
}

var roleKeys = []row[Role]{
	{key: "allow", parse: func(p *parser, n *yaml.Node, into *Role) {
		into.Allow, into.AllowPos = p.entries(n, "allow", entryKeys), p.pos(n)
	}},
	{key: "except", parse: func(p *parser, n *yaml.Node, into *Role) {
		into.Except = p.entries(n, "except", entryKeys)
	}},
}

// entry is an Entry while its keys are read.
type entry struct {
	Entry
	forms int // how many of source, file and role are there
}

var entryKeys = []row[entry]{
	{key: "source", parse: parseEntrySource},
	{key: "file", parse: parseEntryFile},
	{key: "comment", parse: func(p *parser, n *yaml.Node, into *entry) { into.Comment = p.remark(n, "comment") }},
	{key: "owner", parse: func(p *parser, n *yaml.Node, into *entry) { into.Owner = p.remark(n, "owner") }},
	{key: "expires", parse: func(p *parser, n *yaml.Node, into *entry) { into.Expires = p.lastDay(n) }},
}

// neverBanKeys are those of an entry of never-ban, which may be a role.
var neverBanKeys = append([]row[entry]{{key: "role", parse: parseEntryRole}}, entryKeys...)

func (p *parser) remark(n *yaml.Node, what string) string {
	word, _ := p.text(n, what)
	return word.Text
}

func (p *parser) lastDay(n *yaml.Node) time.Time {
	day, _ := p.date(n, "expires")
	return day
}

// entries reads a list of sources.
func (p *parser) entries(n *yaml.Node, what string, table []row[entry]) (entries []Entry) {
	p.items(n, what, func(item *yaml.Node) {
		e := entry{Entry: Entry{Pos: p.pos(item)}}
		before := p.errors
		if item.Kind == yaml.MappingNode && inQuotes(item) == "" {
			p.entryMapping(item, what, table, &e)
		} else {
			parseEntrySource(p, item, &e)
		}
		if p.errors == before {
			entries = append(entries, e.Entry)
		}
	})
	return entries
}

func (p *parser) entryMapping(n *yaml.Node, what string, table []row[entry], e *entry) {
	before := p.errors
	fields(p, n, "an entry of "+what, table, e)
	switch {
	case e.forms > 1:
		p.fail(n, "bad-entry", "write two entries", "an entry of %s is one source or one file", what)
	case e.forms == 0 && p.errors == before:
		p.fail(n, "bad-entry", "write {source: 192.0.2.0/24} or {file: lists/NAME.txt}", "an entry of %s needs a source or a file", what)
	}
}

func parseEntrySource(p *parser, n *yaml.Node, into *entry) {
	into.forms++
	value, ok := p.scalar(n, "a source", "an address, a network, a range or any")
	if !ok {
		return
	}
	into.Text = value
	var b addr.Builder
	if err := addSource(&b, value); err != nil {
		p.check(n, p.aboutRoles(value, err))
		return
	}
	into.Sources = b.Set()
}

// aboutRoles turns the remark on a name that is no address into one on roles,
// where it is a role's name.
func (p *parser) aboutRoles(text string, err error) error {
	for _, name := range p.policy.roleNames() {
		if name == text {
			return problem("bad-entry", "name it in the roles of a service; in never-ban, write {role: "+text+"}", "%s is a role, not a source", text)
		}
	}
	return err
}

func parseEntryRole(p *parser, n *yaml.Node, into *entry) {
	into.forms++
	value, ok := p.scalar(n, "role", "a role's name")
	if !ok || !p.check(n, checkName(value)) {
		return
	}
	into.Text, into.Role = value, value
	p.refs = append(p.refs, Word{value, p.pos(n)})
}
