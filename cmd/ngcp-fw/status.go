package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/kernel"
)

type statusJSON struct {
	Applied    bool           `json:"applied"`
	Generation uint64         `json:"generation"`
	Confirmed  bool           `json:"confirmed"`
	Pending    *pendingJSON   `json:"pending"`
	Drift      []string       `json:"drift"`
	Sampled    []string       `json:"sampled,omitempty"` // the sets that were compared by count and samples
	Mediaproxy mediaproxyJSON `json:"mediaproxy"`
	Observe    observeJSON    `json:"observe"`
	Since      string         `json:"since,omitempty"`
	By         string         `json:"by,omitempty"`
	Policy     string         `json:"policy,omitempty"`
	Digest     string         `json:"digest,omitempty"`
	Rivals     []host.Rival   `json:"rivals"` // other firewalls that a boot starts
}

func setupStatus(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	full := flags.Bool("full", false, "compare every element of large sets, too")
	return func(a *app, _ []string) error {
		_ = a.settle() // which has told what failed
		status := a.firewall().Status
		if *full {
			writeNote(a.err, "note", "comparing every element; that takes a second for a set of 100,000 ranges, and minutes for one of a million")
			status = a.firewall().StatusInFull
		}
		s, err := status()
		if err != nil {
			return systemFailure(err)
		}
		if out.json() {
			err = writeJSON(a.out, statusDocument(s))
		} else {
			writeStatus(a.out, s)
			writeRivals(a.out, rivals())
		}
		if err == nil && (!s.Applied || len(s.Drift) > 0) {
			err = errNo
		}
		return err
	}
}

func statusDocument(s *firewall.Status) statusJSON {
	doc := statusJSON{
		Applied: s.Applied, Generation: s.Generation, Confirmed: s.Applied && s.Snapshot != nil && s.Snapshot.Confirmed, Pending: pendingDocument(s.Pending),
		Drift: append([]string{}, s.Drift...), Sampled: sampledNames(s), Mediaproxy: mediaStatus(s), Observe: observeDocument(s),
		Rivals: append([]host.Rival{}, rivals()...),
	}
	if m := s.Snapshot; m != nil {
		doc.Since, doc.By, doc.Policy, doc.Digest = m.Time.UTC().Format(timeFormat), m.Who, m.Policy, m.Digest
	}
	return doc
}

// timeFormat is RFC 3339 without fractions of a second.
const timeFormat = "2006-01-02T15:04:05Z07:00"

func writeStatus(w io.Writer, s *firewall.Status) {
	switch m := s.Snapshot; {
	case !s.Applied:
		fmt.Fprintln(w, "Nothing of ngcp-fw is in force.")
	case m == nil:
		fmt.Fprintf(w, "Generation %d; by whom and from which policy is not known.\n", s.Generation)
	default:
		words := fmt.Sprintf("Generation %d, in force since %s by %s (%s), %s.", s.Generation,
			m.Time.Local().Format("2006-01-02 15:04"), m.Who, policyName(m.Policy, m.Digest), confirmedWords(s))
		fmt.Fprintln(w, wrap(words, 0, 0))
	}
	if s.Applied && len(s.Drift) == 0 {
		fmt.Fprintln(w, wrap(verified(s), 0, 0))
	}
	if s.Applied {
		fmt.Fprintln(w, wrap(mediaWords(s.Media), 0, 0))
	}
	writeRefused(w, s)
	if x := s.Expired; x != nil {
		writeNote(w, "note", fmt.Sprintf("generation %d was taken back at %s, as nobody confirmed it in time", x.From, x.Time.Local().Format(time.DateTime)))
	}
	for _, line := range s.Drift {
		writeNote(w, "drift", line)
	}
	for _, line := range s.Media.Findings {
		writeNote(w, "mediaproxy", line)
	}
}

// confirmedWords says whether what is in force stays.
func confirmedWords(s *firewall.Status) string {
	switch p := s.Pending; {
	case p != nil:
		return fmt.Sprintf("waiting until %s to be confirmed; otherwise %s", p.Deadline.Local().Format(time.TimeOnly), comesBack(p))
	case s.Snapshot.Confirmed:
		return "confirmed"
	}
	return "not confirmed: a boot would not restore it"
}

// verified says how the kernel was compared, where it does not differ.
func verified(s *firewall.Status) string {
	if len(s.Sampled) == 0 {
		return "The kernel holds exactly that."
	}
	how := "the number of elements and samples were compared"
	if slices.ContainsFunc(s.Sampled, func(set kernel.Sampled) bool { return set.Count < 0 }) {
		how = "samples alone were compared, as this kernel does not tell the number of elements"
	}
	return fmt.Sprintf("The kernel holds that; of %s, %s. --full compares every element.", plural(len(s.Sampled), "large set"), how)
}

func sampledNames(s *firewall.Status) (names []string) {
	for _, set := range s.Sampled {
		names = append(names, set.Name)
	}
	return names
}

// policyName is the file and the first digits of its digest.
func policyName(file, digest string) string {
	if file == "" {
		return "the built-in policy"
	}
	return fmt.Sprintf("%s %.8s…", file, digest)
}
