package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const markName = "in-force.json"

// Mark says that at one generation of the kernel's ruleset, the kernel held
// exactly what was applied as a generation of ours, every element included.
// That generation (NFT_MSG_GETGEN) changes with every commit of anybody in the
// network namespace, and with nothing else; so while it is the same, nothing
// has changed.
//
// It begins anew with each boot and each namespace, hence their names beside it.
// It has 32 bits: after 4,294,967,296 commits without a look between them, an
// old mark would be taken for a new one. The inode of a namespace may be used
// again by a later one of the same boot, which is taken for the same only if as
// many commits were made in it.
type Mark struct {
	Generation uint64 `json:"generation"`
	Ruleset    string `json:"ruleset"` // as in the snapshot's Meta, which it was applied from
	GenID      uint32 `json:"genid"`
	BootID     string `json:"boot_id"`
	NetNS      uint64 `json:"netns"`

	// Differs is the sets in which, against what is said above, the kernel held
	// other elements, as comparing all of them has shown. Look-ups of some would
	// find that only by chance, even later.
	Differs []string `json:"differs,omitempty"`
}

// ReadMark reads the mark of a run directory. The error wraps fs.ErrNotExist
// where there is none.
func ReadMark(runDir string) (m Mark, err error) {
	path := filepath.Join(runDir, markName)
	data, err := os.ReadFile(path)
	if err != nil {
		return m, explain(err, "cannot read %s", path)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return Mark{}, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return m, nil
}

// Write puts the mark into a run directory that is there, whole or not at all.
func (m Mark) Write(runDir string) error {
	path := filepath.Join(runDir, markName)
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	for _, left := range append(interrupted(path), interrupted(filepath.Join(runDir, pendingName))...) {
		_ = os.Remove(left)
	}
	return explain(replace(path, append(data, '\n')), "cannot write %s", path)
}

// interrupted finds what a replace that was stopped has left of a file. One that
// goes on may be among them: then one of the two marks is lost, which only makes
// the next status take longer.
func interrupted(path string) []string {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"*"))
	return left
}

// replace writes a file that need not outlive the power: without waiting for the
// disk.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// RemoveMark takes the mark away, if there is one.
func RemoveMark(runDir string) error {
	path := filepath.Join(runDir, markName)
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return explain(err, "cannot remove %s", path)
	}
	return nil
}
