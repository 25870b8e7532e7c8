package policy

import (
	"math"
	"slices"

	"gopkg.in/yaml.v3"
)

// mediaproxyRules are the values of mediaproxy.rule, the default first.
var mediaproxyRules = []string{"auto", "xtables", "daemon", "off"}

// maxTable is the highest table of rtpengine's kernel module, which has 64.
const maxTable = 63

var mediaproxyKeys = []row[Mediaproxy]{
	{key: "rule", parse: func(p *parser, n *yaml.Node, into *Mediaproxy) {
		if rule, ok := p.choice(n, "rule", mediaproxyRules...); ok {
			into.Rule = rule
		}
	}},
	{key: "table", parse: func(p *parser, n *yaml.Node, into *Mediaproxy) {
		table, _ := p.number(n, "table", 0, maxTable)
		into.Table = int(table)
	}},
}

func parseMediaproxy(p *parser, n *yaml.Node, into *Policy) {
	if n.Kind == yaml.ScalarNode && slices.Contains(mediaproxyRules, n.Value) {
		p.wrongType(n, "mediaproxy", "a mapping", "write {rule: "+n.Value+"}")
		return
	}
	fields(p, n, "mediaproxy", mediaproxyKeys, &into.Mediaproxy)
	into.Mediaproxy.Pos = p.pos(n)
}

var logKeys = []row[Log]{
	{key: "rate", parse: func(p *parser, n *yaml.Node, into *Log) { into.Rate = p.rate(n) }},
	{key: "group", parse: func(p *parser, n *yaml.Node, into *Log) {
		if number, ok := p.number(n, "group", 0, math.MaxUint16); ok {
			group := uint16(number)
			into.Group = &group
		}
	}},
}

func parseLog(p *parser, n *yaml.Node, into *Policy) {
	log := Log{Rate: defaultLogRate, Pos: p.pos(n)}
	fields(p, n, "log", logKeys, &log)
	if n.Kind == yaml.MappingNode {
		into.Log = &log
	}
}

func parseForward(p *parser, n *yaml.Node, into *Policy) {
	if value, ok := p.choice(n, "forward", string(ForwardIgnore), string(ForwardDrop)); ok {
		into.Forward = Forward(value)
	}
}

// The values of expect.
const (
	expectAccept = "accept"
	expectDrop   = "drop"
)

var testKeys = []row[Test]{
	{key: "from", required: true, parse: func(p *parser, n *yaml.Node, into *Test) {
		p.flowPart(n, "from", "an address", into.Flow.parseFrom)
	}},
	{key: "to", required: true, parse: func(p *parser, n *yaml.Node, into *Test) {
		p.flowPart(n, "to", "a port with its protocol, as in 5060/udp", into.Flow.parseTo)
	}},
	{key: "expect", required: true, parse: func(p *parser, n *yaml.Node, into *Test) {
		value, _ := p.choice(n, "expect", expectAccept, expectDrop)
		into.Accept = value == expectAccept
	}},
	{key: "in", parse: func(p *parser, n *yaml.Node, into *Test) {
		p.flowPart(n, "in", "an interface's name", into.Flow.parseIn)
	}},
}

func (p *parser) flowPart(n *yaml.Node, what, want string, parse func(string) error) {
	if value, ok := p.scalar(n, what, want); ok {
		p.check(n, parse(value))
	}
}

func parseTests(p *parser, n *yaml.Node, into *Policy) {
	p.items(n, "tests", func(item *yaml.Node) {
		before := p.errors
		test := Test{Pos: p.pos(item)}
		fields(p, item, "a test", testKeys, &test)
		if p.errors == before && p.check(item, test.Flow.checkFamilies()) {
			into.Tests = append(into.Tests, test)
		}
	})
}
