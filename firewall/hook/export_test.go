package hook

import "ngcp-fw/firewall/ruleset"

// Texts is the rules of a chain as they are written.
func (s *Snapshot) Texts(family ruleset.Family, table, chain string) (all []string) {
	c := s.tables[tableKey{uint8(family), table}].chains[chain]
	for i := range c.rules {
		all = append(all, ruleText(c, &c.rules[i]))
	}
	return all
}
