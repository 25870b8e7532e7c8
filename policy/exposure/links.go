package exposure

import (
	"fmt"
	"slices"
	"strings"

	"ngcp-fw/policy/diag"
)

// missingLinks warns of links of network.yml that this machine does not have,
// where its links are known.
func (r *resolver) missingLinks() {
	if r.host == nil || r.in.Links == nil {
		return
	}
	told := map[string]bool{}
	for _, link := range r.host.Links {
		if name := link.Device; !slices.Contains(r.in.Links, name) && !told[name] {
			told[name] = true
			r.about(diag.About{}).warn(link.Pos, len(link.Name), "link-missing",
				fmt.Sprintf("this machine has no interface %s", name), "it has "+strings.Join(r.in.Links, ", "))
		}
	}
}
