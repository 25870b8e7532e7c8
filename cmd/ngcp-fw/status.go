package main

import (
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
)

type statusJSON struct {
	Applied    bool           `json:"applied"`
	Generation uint64         `json:"generation"`
	Confirmed  bool           `json:"confirmed"`
	Pending    *struct{}      `json:"pending"`
	Drift      []string       `json:"drift"`
	Mediaproxy mediaproxyJSON `json:"mediaproxy"`
	Since      string         `json:"since,omitempty"`
	By         string         `json:"by,omitempty"`
	Policy     string         `json:"policy,omitempty"`
	Digest     string         `json:"digest,omitempty"`
}

type mediaproxyJSON struct {
	Rule string `json:"rule"`
}

func setupStatus(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
		s, err := a.firewall().Status()
		if err != nil {
			return systemFailure(err)
		}
		if out.json() {
			err = writeJSON(a.out, statusDocument(s))
		} else {
			writeStatus(a.out, s)
		}
		if err == nil && (!s.Applied || len(s.Drift) > 0) {
			err = errNo
		}
		return err
	}
}

func statusDocument(s *firewall.Status) statusJSON {
	doc := statusJSON{
		Applied: s.Applied, Generation: s.Generation, Confirmed: s.Applied,
		Drift: append([]string{}, s.Drift...), Mediaproxy: mediaproxyJSON{"unmanaged"},
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
		fmt.Fprintf(w, "Generation %d, applied with another state directory.\n", s.Generation)
	default:
		words := fmt.Sprintf("Generation %d, in force since %s by %s (%s), confirmed.", s.Generation,
			m.Time.Local().Format("2006-01-02 15:04"), m.Who, policyName(m.Policy, m.Digest))
		fmt.Fprintln(w, wrap(words, 0, 0))
	}
	if s.Applied && len(s.Drift) == 0 {
		fmt.Fprintln(w, "The kernel holds exactly that.")
	}
	for _, line := range s.Drift {
		writeNote(w, "drift", line)
	}
}

// policyName is the file and the first digits of its digest.
func policyName(file, digest string) string {
	if file == "" {
		return "the built-in policy"
	}
	return fmt.Sprintf("%s %.8s…", file, digest)
}
