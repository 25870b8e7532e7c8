package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
)

const confirmedName = "confirmed.json"

// confirmed is the generations that may be restored at boot, the last one
// first.
type confirmed struct {
	Generations []uint64 `json:"generations"`
}

// Confirmed lists the generations that may be restored, the last confirmed one
// first. Where nothing is kept of that, none are.
func (s *Store) Confirmed() ([]uint64, error) {
	path := filepath.Join(s.dir, confirmedName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(err, "cannot read %s", path)
	}
	var c confirmed
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return c.Generations, nil
}

// Confirm makes generation n the one to be restored at boot. The others follow
// as far as they are kept.
func (s *Store) Confirm(n uint64) error {
	before, err := s.Confirmed()
	if err != nil {
		before = nil // damaged: n is what counts
	}
	if len(before) > 0 && before[0] == n {
		return nil
	}
	list := append([]uint64{n}, slices.DeleteFunc(before, func(o uint64) bool { return o == n })...)
	data, err := json.Marshal(confirmed{list[:min(len(list), Kept)]})
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, confirmedName)
	if err := renameio.WriteFile(path, append(data, '\n'), 0o600); err != nil {
		return explain(err, "cannot write %s", path)
	}
	return explain(s.syncDir(), "cannot write %s", path)
}
