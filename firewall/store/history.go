package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
)

const historyName = "history.jsonl"

// Remembered is how many events the history holds; the oldest go first. A
// thousand are some 300 KB.
const Remembered = 1000

// What an event tells.
const (
	Applied    = "applied"
	Confirmed  = "confirmed"
	RolledBack = "rolled back" // by somebody
	Expired    = "expired"     // by itself: nobody confirmed in time
	Restored   = "restored"    // at boot, something else than what was confirmed last
)

// Event is something that happened to what is in force.
type Event struct {
	Time       time.Time  `json:"time"`
	What       string     `json:"what"`
	Who        string     `json:"who"`
	Generation uint64     `json:"generation"`         // in force since; 0: nothing, or management only
	Of         uint64     `json:"of,omitempty"`       // the generation whose ruleset it brought back
	From       uint64     `json:"from,omitempty"`     // the generation that was in force until then
	Policy     string     `json:"policy,omitempty"`   // the file's name
	Digest     string     `json:"digest,omitempty"`   // SHA-256 of its text, in hex
	Reason     string     `json:"reason,omitempty"`   // in the words of who did it
	Deadline   *time.Time `json:"deadline,omitempty"` // until when it has to be confirmed
}

// Record adds an event to the history.
func (s *Store) Record(e Event) error {
	events, err := s.History()
	if err == nil {
		events = append(events, e)
		err = s.write(events[max(0, len(events)-Remembered):])
	}
	return explain(err, "cannot keep the history in %s", s.dir)
}

func (s *Store) write(events []Event) error {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for _, e := range events {
		if err := lines.Encode(e); err != nil {
			return err
		}
	}
	if err := makeDir(s.dir); err != nil {
		return err
	}
	return renameio.WriteFile(s.historyPath(), b.Bytes(), 0o600)
}

func (s *Store) historyPath() string { return filepath.Join(s.dir, historyName) }

// History is what happened, the oldest first. Lines that are damaged are left
// out: the rest is worth more than none.
func (s *Store) History() ([]Event, error) {
	data, err := read(s.historyPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, explain(err, "cannot read %s", s.historyPath())
	}
	var events []Event
	for line := range bytes.Lines(data) {
		e := Event{}
		if json.Unmarshal(line, &e) == nil && e.What != "" && !e.Time.IsZero() {
			events = append(events, e)
		}
	}
	return events, nil
}

// Last is the last event of which yes says so.
func Last(events []Event, yes func(Event) bool) (Event, bool) {
	for _, e := range slices.Backward(events) {
		if yes(e) {
			return e, true
		}
	}
	return Event{}, false
}
