package main

import "ngcp-fw/firewall/ruleset"

// tableJSON is a ruleset as programs read it: nft's words, and the policy line
// behind each rule.
type tableJSON struct {
	Family   string      `json:"family"`
	Name     string      `json:"name"`
	Comment  string      `json:"comment"`
	Counters []string    `json:"counters"`
	Sets     []setJSON   `json:"sets"`
	Chains   []chainJSON `json:"chains"`
}

type setJSON struct {
	Name     string   `json:"name"`
	Comment  string   `json:"comment,omitempty"`
	Type     string   `json:"type"`
	Map      bool     `json:"map"`
	Flags    []string `json:"flags"`
	Elements []string `json:"elements"`
}

// chainJSON has hook, priority and policy where it is a base chain.
type chainJSON struct {
	Name     string     `json:"name"`
	Hook     string     `json:"hook,omitempty"`
	Priority *int32     `json:"priority,omitempty"`
	Policy   string     `json:"policy,omitempty"`
	Rules    []ruleJSON `json:"rules"`
}

type ruleJSON struct {
	Text    string `json:"text"`
	Comment string `json:"comment,omitempty"`
	Origin  string `json:"origin,omitempty"`
}

func tableDocument(t *ruleset.Table) tableJSON {
	doc := tableJSON{Family: t.Family.String(), Name: t.Name, Comment: t.Comment, Counters: []string{}, Sets: []setJSON{}, Chains: []chainJSON{}}
	for _, c := range t.Counters {
		doc.Counters = append(doc.Counters, c.Name)
	}
	for i := range t.Sets {
		doc.Sets = append(doc.Sets, setDocument(&t.Sets[i]))
	}
	for i := range t.Chains {
		doc.Chains = append(doc.Chains, chainDocument(t, &t.Chains[i]))
	}
	return doc
}

func setDocument(s *ruleset.Set) setJSON {
	doc := setJSON{Name: s.Name, Comment: s.Comment, Type: s.Key.Name, Map: s.Map, Flags: s.Flags(), Elements: []string{}}
	for i := range s.Elements.Len() {
		doc.Elements = append(doc.Elements, s.ElementText(i))
	}
	return doc
}

func chainDocument(t *ruleset.Table, c *ruleset.Chain) chainJSON {
	doc := chainJSON{Name: c.Name, Rules: []ruleJSON{}}
	if b := c.Base; b != nil {
		doc.Hook, doc.Priority, doc.Policy = b.Hook.String(), &b.Priority, "accept"
		if b.Drop {
			doc.Policy = "drop"
		}
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		doc.Rules = append(doc.Rules, ruleJSON{t.RuleText(r), r.Comment, r.Origin})
	}
	return doc
}
