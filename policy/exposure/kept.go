package exposure

import (
	"encoding/json"
	"fmt"

	"ngcp-fw/policy/addr"
)

// kept is an exposure in a snapshot: a Fact whose sources are one of the lists
// beside it.
type kept struct {
	Fact
	Sources int `json:"sources"` // the list's number
}

// Keep gives the exposures as JSON for a snapshot, and the lists of sources that
// it refers to, packed and by name. Exposures of the same sources share a list.
func Keep(exposures []Exposure) (json.RawMessage, map[string][]byte, error) {
	var sets []addr.Set
	list := make([]kept, len(exposures))
	for i, e := range exposures {
		n := 0
		for n < len(sets) && !sets[n].Equal(e.Sources) {
			n++
		}
		if n == len(sets) {
			sets = append(sets, e.Sources)
		}
		e.Sources = addr.Set{}
		list[i] = kept{Facts([]Exposure{e})[0], n}
	}
	lists := map[string][]byte{}
	for n, s := range sets {
		lists[listName(n, "IPv4")], lists[listName(n, "IPv6")] = s.Packed4(), s.Packed6()
	}
	text, err := json.Marshal(list)
	return text, lists, err
}

func listName(n int, family string) string { return fmt.Sprintf("sources %d %s", n, family) }

// Kept is the inverse of Keep; what is left of an origin is its text. The
// exposures take the lists over.
func Kept(text json.RawMessage, lists map[string][]byte) ([]Exposure, error) {
	var list []kept
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	sets := map[int]addr.Set{}
	exposures := make([]Exposure, len(list))
	for i, k := range list {
		e, err := k.Fact.exposure()
		if err != nil {
			return nil, fmt.Errorf("exposure %d (%s): %w", i+1, k.Service, err)
		}
		s, known := sets[k.Sources]
		if !known {
			if s, err = addr.FromPacked(lists[listName(k.Sources, "IPv4")], lists[listName(k.Sources, "IPv6")]); err != nil {
				return nil, fmt.Errorf("exposure %d (%s): its sources: %w", i+1, k.Service, err)
			}
			sets[k.Sources] = s
		}
		e.Sources = s
		exposures[i] = e
	}
	return exposures, nil
}
