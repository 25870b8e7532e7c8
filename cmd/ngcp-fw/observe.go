package main

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"

	"ngcp-fw/firewall"
)

// observeJSON is what a generation that only observes would have refused, since it
// came into force.
type observeJSON struct {
	On      bool          `json:"on"`
	Refused []refusedJSON `json:"refused"`
}

type refusedJSON struct {
	Service string       `json:"service,omitempty"` // none: the reason has to do with no service
	Reason  string       `json:"reason"`
	Packets uint64       `json:"packets"`
	Bytes   uint64       `json:"bytes"`
	Sources []netip.Addr `json:"sources"` // of the last day, as far as they were noted
}

func onlyObserves(s *firewall.Status) bool {
	return s.Applied && s.Snapshot != nil && s.Snapshot.Observe
}

func observeDocument(s *firewall.Status) observeJSON {
	doc := observeJSON{On: onlyObserves(s), Refused: []refusedJSON{}}
	for _, r := range s.Refused {
		doc.Refused = append(doc.Refused, refusedJSON{r.Service, r.Reason, r.Packets, r.Bytes, append([]netip.Addr{}, r.Sources...)})
	}
	return doc
}

// shownSources is how many sources of a line are shown to people.
const shownSources = 3

func writeRefused(w io.Writer, s *firewall.Status) {
	switch {
	case !onlyObserves(s):
		return
	case len(s.Refused) == 0:
		fmt.Fprintln(w, wrap("It only observes: nothing is dropped. Nothing would have been refused so far.", 0, 0))
		return
	}
	fmt.Fprintln(w, wrap("It only observes: nothing is dropped. Would have been refused so far, with sources of the last day:", 0, 0))
	rows := [][]cell{heading("service", "reason", "packets", "sources")}
	for _, r := range s.Refused {
		service := r.Service
		if service == "" {
			service = "-"
		}
		rows = append(rows, []cell{text(service), text(r.Reason), text(strconv.FormatUint(r.Packets, 10)), sourcesCell(r.Sources)})
	}
	writeTable(w, rows)
}

func sourcesCell(sources []netip.Addr) (c cell) {
	for i, a := range sources {
		if i == shownSources {
			return append(c, fmt.Sprintf("and %d more", len(sources)-i))
		}
		c = append(c, a.String())
	}
	return c
}
