package hook

import "strings"

// text is the deciding rule as nft writes it, as far as we can.
func (v *walker) text(w *witness) string {
	if w == nil {
		return ""
	}
	text := "policy accept"
	switch {
	case w.rule != nil:
		text = ruleText(w.chain, w.rule)
	case w.chain.drop:
		text = "policy drop"
	}
	if w.chain != v.base {
		text = w.chain.name + ": " + text
	}
	return text
}

func ruleText(_ *chain, r *rule) string {
	var words []string
	for _, e := range r.steps {
		words = append(words, e.name)
	}
	return strings.Join(words, " ")
}
